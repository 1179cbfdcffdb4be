"""What a run compares with: the stored entry of a case, and the judgement of samples beside it."""

from __future__ import annotations

from dataclasses import replace

from ..baseline.entry import Entry
from ..cases import Case
from ..judging.clocks import clock_word
from ..judging.judge import judge
from ..judging.statistics import doubt_level
from ..judging.verdict import Judgement, Reason, Verdict
from ..measuring.samples import Samples
from .resources import Run
from .rounds import Asked

# Nothing was asked.
NOT_COMPARED = Judgement(Verdict.UNKNOWN, Reason.NOT_COMPARED)


def stored(run: Run, case: Case) -> Entry | None:
    """The case's baseline entry where this run compares or updates."""
    return run.baselines.find(case.key) if run.settings.judges else None


def judged(asked: Asked, samples: Samples, before: Entry | None, *, level: float) -> Judgement:
    """These samples against the stored ones, at this error level."""
    run, case = asked.run, asked.case
    if before is None:
        return missing(run, case)
    floor = run.baselines.floor_of(case)
    threshold, doubt = asked.timing.threshold, doubt_level(run.level)
    judgement = judge(samples, before.samples, threshold=threshold, level=level, floor=floor, doubt=doubt)
    word = clock_word(samples.conditions, before.conditions)
    judgement = replace(judgement, detail="; ".join(filter(None, (judgement.detail, word))))
    return (
        judgement if run.settings.compare else replace(judgement, verdict=Verdict.UNKNOWN, reason=Reason.NOT_COMPARED)
    )


def missing(run: Run, case: Case) -> Judgement:
    """What is said of a case without an entry: nothing was asked, another machine has it, or nobody has."""
    if not run.settings.judges:
        return NOT_COMPARED
    foreign = run.baselines.foreign(case.key)
    if foreign:
        detail = f"only {foreign} has a baseline; a foreign machine's is neither a pass nor a fail"
        return Judgement(Verdict.UNKNOWN, Reason.FOREIGN_BASELINE, detail)
    where = run.baselines.path_for(case.key)
    return Judgement(Verdict.UNKNOWN, Reason.NO_BASELINE, f"no entry in {where}")
