"""The straight line: case → answer → samples → verdict → outcome."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from ..baseline.entry import Entry
from ..cases import Case
from ..errors import FrameworkUnavailable, NotOffered, WorkerFailed, WorkerRefused
from ..judging.judge import ORDINARY_LEVEL, judge
from ..judging.statistics import flaw_of, summarize
from ..judging.verdict import Judgement, Reason, Verdict
from ..measuring.gpus import Gpu
from ..measuring.samples import Samples
from ..report.outcome import Outcome
from ..settings import Timing, Update, will_store
from .resources import REPLICAS, Run
from .rounds import Answer, Asked, checked, timed

# Where a process, or a preparation, happens to lie in memory moves a case by percents: several short rounds average
# that, one long round does not. A baseline is compared with for months and gets more of them.
LEAST_ROUNDS = 2 * REPLICAS
RECORDED_ROUNDS = 3 * REPLICAS
MORE_ROUNDS = REPLICAS
FRESH_ROUNDS = 2


def run_case(run: Run, case: Case, timing: Timing, *, nodeid: str, gpus: tuple[Gpu, ...] = ()) -> Outcome:
    """Judge the result of a case, then its speed.

    Raises: BaselineError for a stored baseline that cannot be read, before anything is measured.
    """
    started = time.monotonic()
    blank = Outcome(
        key=case.key,
        nodeid=nodeid,
        verdict=Verdict.UNKNOWN,
        reason=Reason.NOT_COMPARED,
        threshold=timing.threshold,
        flops=2 * case.problem.macs if case.problem else None,
    )
    asked = Asked(run, case, timing, gpus)
    try:
        outcome = _along(asked, blank, stored(run, case))
    except NotOffered as error:
        outcome = replace(blank, reason=Reason.NOT_OFFERED, detail=str(error))
    except (WorkerFailed, WorkerRefused, FrameworkUnavailable) as error:
        outcome = replace(blank, reason=Reason.WORKER_FAILED, detail=str(error))
    return replace(outcome, duration_seconds=time.monotonic() - started)


def _along(asked: Asked, blank: Outcome, before: Entry | None) -> Outcome:
    exact = checked(asked, exact=True)
    outcome = with_answer(blank, exact)
    if exact.fault is not None:
        return outcome
    if not exact.resolved.fulfils(asked.case.algorithm):
        return fallen_back(outcome, asked.case, exact)
    if asked.run.settings.check_only:
        answer = checked(asked, exact=False)
        outcome = with_answer(blank, replace(answer, first_call_ns=exact.first_call_ns))
        return outcome if answer.fault else replace(outcome, reason=Reason.CHECK_ONLY)
    return _timed(asked, blank, exact, before)


def _timed(asked: Asked, blank: Outcome, exact: Answer, before: Entry | None) -> Outcome:
    """Rounds until the judgement is settled; any round's wrong answer, or other algorithm, ends the case."""
    answers: list[Answer] = []
    judgement = Judgement(Verdict.UNKNOWN, Reason.NOT_COMPARED)
    least = least_rounds(asked.run, before)
    for answer in rounds(asked, before):
        if answer.samples is None or not answer.resolved.fulfils(asked.case.algorithm):
            outcome = with_answer(blank, replace(answer, first_call_ns=exact.first_call_ns))
            return fallen_back(outcome, asked.case, answer)
        answers.append(answer)
        if len(answers) < least:
            continue
        judgement = judged(asked, joined(answers), before)
        if settled(judgement, confirmed=len(answers) == most_rounds(asked.run, before)):
            break
    if judgement.verdict in (Verdict.SLOWER, Verdict.FASTER):
        judgement = confirmed(judgement, judged(asked, joined(answers[-FRESH_ROUNDS:]), before), asked.timing.threshold)
    return finished(blank, asked, exact, answers, judgement)


def fallen_back(outcome: Outcome, case: Case, answer: Answer) -> Outcome:
    """The outcome of a right answer by another algorithm than the one asked for; a wrong one stays WRONG."""
    if answer.fault is not None:
        return outcome
    detail = f"asked {case.algorithm}, got {answer.resolved.algorithm} ({answer.resolved.name})"
    return replace(outcome, reason=Reason.ALGORITHM_FALLBACK, detail=detail)


def confirmed(judgement: Judgement, fresh: Judgement, threshold: float) -> Judgement:
    """A change that fresh processes show too, judged alone; otherwise it was the luck of the old ones: UNDECIDED."""
    ratio = fresh.baseline_ratio or 1.0
    shown = ratio >= 1 + threshold if judgement.verdict is Verdict.SLOWER else ratio <= 1 / (1 + threshold)
    if shown:
        return judgement
    detail = f"{judgement.detail}; but fresh processes show {ratio - 1:+.1%}"
    return replace(judgement, verdict=Verdict.UNDECIDED, reason=Reason.INTERVAL_TOO_WIDE, detail=detail)


def rounds(asked: Asked, before: Entry | None) -> Iterator[Answer]:
    """Rounds in the two replicas by turns, for as long as they are asked for; the last ones in fresh processes."""
    plan = before.plan if before else None
    most = most_rounds(asked.run, before)
    for number in range(most):
        answer = timed(asked, plan, replica=number, fresh=number >= most - FRESH_ROUNDS)
        plan = answer.samples.plan if answer.samples else plan
        yield answer


def settled(judgement: Judgement, *, confirmed: bool) -> bool:
    """Whether no more rounds are needed: a doubt gets more, and fresh processes must show a change too."""
    if judgement.verdict in (Verdict.SLOWER, Verdict.FASTER):
        return confirmed
    return judgement.verdict is not Verdict.UNDECIDED and judgement.reason is not Reason.WITHIN_RESOLUTION


def least_rounds(run: Run, before: Entry | None) -> int:
    """How many rounds a case gets before anything is said of it."""
    return RECORDED_ROUNDS if will_store(run.settings, known=before is not None) else LEAST_ROUNDS


def most_rounds(run: Run, before: Entry | None) -> int:
    """How many rounds a case gets at most."""
    return least_rounds(run, before) + MORE_ROUNDS + FRESH_ROUNDS


def joined(answers: list[Answer]) -> Samples:
    """The samples of all rounds."""
    first, *others = (answer.samples for answer in answers if answer.samples is not None)
    for samples in others:
        first = first.joined(samples)
    return first


def stored(run: Run, case: Case) -> Entry | None:
    """The case's baseline entry where this run compares or updates."""
    wanted = run.settings.compare or run.settings.update is not Update.NOTHING
    return run.baselines.find(case.key) if wanted else None


def judged(asked: Asked, samples: Samples, before: Entry | None) -> Judgement:
    """These samples against the stored ones."""
    run, case = asked.run, asked.case
    if before is None:
        return missing(run, case)
    floor = run.baselines.floor(case.framework)
    judgement = judge(samples, before.samples, threshold=asked.timing.threshold, level=run.level, floor=floor)
    return (
        judgement if run.settings.compare else replace(judgement, verdict=Verdict.UNKNOWN, reason=Reason.NOT_COMPARED)
    )


def missing(run: Run, case: Case) -> Judgement:
    """What is said of a case without an entry: nothing was asked, another machine has it, or nobody has."""
    if not run.settings.compare and run.settings.update is Update.NOTHING:
        return Judgement(Verdict.UNKNOWN, Reason.NOT_COMPARED)
    foreign = run.baselines.foreign(case.key)
    if foreign:
        detail = f"only {foreign} has a baseline; a foreign machine's is neither a pass nor a fail"
        return Judgement(Verdict.UNKNOWN, Reason.FOREIGN_BASELINE, detail)
    where = run.baselines.path_for(case.key)
    return Judgement(Verdict.UNKNOWN, Reason.NO_BASELINE, f"no entry in {where}")


def with_answer(blank: Outcome, answer: Answer) -> Outcome:
    """The outcome so far: right or wrong, by what algorithm, and the first call's time."""
    outcome = replace(
        blank,
        correct=answer.fault is None,
        error_fraction=answer.check.error_fraction,
        resolved=answer.resolved.name,
        workspace_bytes=answer.resolved.workspace_bytes,
        first_call_ns=answer.first_call_ns,
    )
    if answer.fault is None:
        return outcome
    return replace(outcome, verdict=Verdict.WRONG, reason=answer.fault, detail=answer.check.detail)


def finished(blank: Outcome, asked: Asked, exact: Answer, answers: list[Answer], judgement: Judgement) -> Outcome:
    """The outcome of a timed case, with the entry that a baseline would store."""
    samples = replace(joined(answers), first_call_ns=exact.first_call_ns)
    worst = max(answers, key=lambda answer: answer.check.error_fraction or 0.0)
    flaw = flaw_of(samples)
    if flaw is not None:
        outcome = with_answer(blank, replace(worst, first_call_ns=exact.first_call_ns))
        return replace(outcome, verdict=Verdict.UNDECIDED, reason=flaw[0], detail=flaw[1], samples=samples.count)
    summary = summarize(samples, level=ORDINARY_LEVEL)
    entry = Entry.of(
        asked.case.key,
        samples,
        resolved=worst.resolved.name,
        error_fraction=worst.check.error_fraction,
        versions=worst.versions,
        recorded=date.today().isoformat(),
    )
    return replace(
        with_answer(blank, replace(worst, first_call_ns=exact.first_call_ns)),
        verdict=judgement.verdict,
        reason=judgement.reason,
        detail=judgement.detail,
        samples=samples.count,
        median_ns=summary.median_ns,
        control_median_ns=summary.control_median_ns,
        ratio=summary.ratio,
        ratio_low=summary.low,
        ratio_high=summary.high,
        baseline_ratio=judgement.baseline_ratio,
        baseline_low=judgement.low,
        baseline_high=judgement.high,
        resolution=judgement.resolution,
        entry=entry.to_plain(),
    )
