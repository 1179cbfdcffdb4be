"""The straight line: case → answer → samples → verdict → outcome."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

from ..baseline.entry import Entry
from ..cases import Case
from ..errors import FrameworkUnavailable, NotInstalled, NotOffered, Recompiled, WorkerFailed, WorkerRefused
from ..judging.verdict import Reason, Verdict
from ..measuring.gpu.state import GpuUnreadable
from ..measuring.gpu.watch import GpuBusy
from ..measuring.gpus import Gpu
from ..measuring.samples import Samples
from ..report.outcome import Outcome
from ..settings import Timing
from .cause import with_cause
from .comparing import stored
from .resources import Run
from .rounds import Answer, Asked, back_to_back, checked
from .telling import fallen_back, finished, not_judged, with_answer
from .visits import Broken, Course, Later, Unsettled, Visited, looks_at, settle

_WHY = {
    NotOffered: Reason.NOT_OFFERED,
    NotInstalled: Reason.NOT_INSTALLED,
    Recompiled: Reason.RECOMPILED,
}


def run_case(run: Run, case: Case, timing: Timing, *, nodeid: str, gpus: tuple[Gpu, ...] = ()) -> Outcome:
    """Judge the result of a case, then its speed.

    Raises: BaselineError for a stored baseline that cannot be read, before anything is measured; Later when the run
    visits doubtful cases again and this is one of them: call it again after the others.
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
    visited = run.waiting.get((nodeid, case.key))
    earlier_seconds = visited.seconds if visited else 0.0
    try:
        outcome = _along(asked, blank, visited, stored(run, case))
    except Unsettled as unsettled:
        seconds = time.monotonic() - started
        run.waiting[nodeid, case.key] = replace(unsettled.visited, seconds=earlier_seconds + seconds)
        raise Later(
            case.key,
            ahead=unsettled.ahead,
            fresh=unsettled.fresh,
            seconds=seconds,
            not_before=unsettled.not_before,
        ) from None
    except (WorkerFailed, WorkerRefused, FrameworkUnavailable) as error:
        outcome = blank.but(reason=_WHY.get(type(error), Reason.WORKER_FAILED), detail=str(error))
    # Only now: a case that an interrupt cut short still waits.
    run.waiting.pop((nodeid, case.key), None)
    return outcome.but(duration_seconds=earlier_seconds + time.monotonic() - started)


def _along(asked: Asked, blank: Outcome, visited: Visited | None, before: Entry | None) -> Outcome:
    disturbed = None if asked.run.settings.check_only else asked.disturbed()
    if visited is not None:
        return not_judged(blank, visited, disturbed) if disturbed else _timed(asked, blank, visited, before)
    exact = checked(asked, exact=True)
    outcome = with_answer(blank, exact)
    if exact.fault is not None:
        return outcome
    if not exact.resolved.fulfils(asked.case.algorithm):
        return fallen_back(outcome, asked.case, exact)
    if asked.run.settings.check_only:
        answer = checked(asked, exact=False)
        outcome = with_answer(blank, replace(answer, first_call_ns=exact.first_call_ns))
        return outcome if answer.fault else outcome.but(reason=Reason.CHECK_ONLY)
    if disturbed:
        return not_judged(blank, Visited(exact), disturbed)
    return _timed(asked, blank, Visited(exact), before)


def _timed(asked: Asked, blank: Outcome, visited: Visited, before: Entry | None) -> Outcome:
    """Visits until the judgement is settled; any round's wrong answer, or other algorithm, ends the case."""

    def rounds(like: Samples | None, visit: int) -> Iterator[Answer]:
        # Where cases return, who runs them again has seen to that.
        return back_to_back(asked, like, count=1, fresh=visit > 0 and not asked.run.returns)

    course = Course.of(looks_at(asked.case), asked.run.settings, before=before, apart=asked.run.returns)
    try:
        visited, judgement = settle(asked, visited, before, course=course, rounds=rounds)
    except Broken as broken:
        answer = replace(broken.answer, first_call_ns=visited.exact.first_call_ns)
        return fallen_back(with_answer(blank, answer), asked.case, broken.answer)
    except (GpuBusy, GpuUnreadable) as error:
        return not_judged(blank, visited, error)
    outcome = finished(blank, asked.case, visited, judgement, stores=course.whole)
    return with_cause(asked, outcome, visited.worst, before)
