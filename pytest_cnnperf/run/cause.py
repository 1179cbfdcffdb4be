"""Why a slower case is slower: its baseline beside what runs now, and the baseline's algorithm forced once more."""

from __future__ import annotations

import time
from dataclasses import replace

from ..baseline.entry import Entry
from ..cases import Algorithm, Case
from ..errors import CnnperfError
from ..judging.cause import UNKNOWN, Forced, Ran, algorithm_changed, explain
from ..judging.verdict import Judgement, Verdict
from ..report.outcome import Outcome
from .comparing import judged
from .rounds import Answer, Asked, back_to_back
from .visits import Visited

# Each in a process of its own, back to back.
_FORCED_VISITS = 2


def with_cause(asked: Asked, outcome: Outcome, answer: Answer, before: Entry | None) -> Outcome:
    """The outcome with its cause where it is SLOWER; any other as it is.

    `answer` is the round that stands for all. Where another algorithm than the baseline's ran, that one is forced and
    timed, as far as the framework offers it; whatever happens then is told, and never ends the case.
    """
    if outcome.verdict is not Verdict.SLOWER or before is None or outcome.baseline_ratio is None:
        return outcome
    # Of a callable only the name of its function is known, which may change while nothing else does.
    is_named = asked.case.algorithm is not None
    then = Ran(
        before.resolved if is_named else UNKNOWN, before.resolved_algorithm, before.error_fraction, before.versions
    )
    now = Ran(
        answer.resolved.name if is_named else UNKNOWN,
        answer.resolved.algorithm,
        answer.check.error_fraction,
        answer.versions,
    )
    found = explain(
        then,
        now,
        ratio=outcome.baseline_ratio,
        control_pace=outcome.control_pace,
        forced=_forced(asked, then.algorithm, before) if algorithm_changed(then, now) else None,
    )
    return outcome.but(cause=found.cause, cause_detail=found.detail)


def _forced(asked: Asked, algorithm: Algorithm | None, before: Entry) -> Forced | None:
    """What the case shows with this algorithm forced; None where it was asked for by name both times."""
    if asked.case.algorithm is not Algorithm.AUTO:
        return None
    if algorithm is None:
        return Forced(None, None, "the baseline does not know which algorithm that was, so none was forced")
    case = replace(asked.case, algorithm=algorithm)
    why_not = _not_offered(asked, case)
    if why_not:
        return Forced(algorithm, None, f"{algorithm} cannot be forced here: {why_not}")
    try:
        judgement, why_not = _visit(replace(asked, case=case), before)
    except CnnperfError as error:
        # Of a worker's failure the first line says what happened; the others are the end of its stderr.
        return Forced(algorithm, None, f"forcing {algorithm} failed: {str(error).partition(chr(10))[0]}")
    return Forced(algorithm, judgement, why_not)


def _not_offered(asked: Asked, case: Case) -> str:
    spec = asked.run.registry.get(case.framework)
    offer = spec.offer_for(case)
    if offer is None:
        return f"{spec.title} offers no {case.algorithm} {case.pass_} in {case.layout}"
    return offer.limit(case) or ""


def _visit(asked: Asked, before: Entry) -> tuple[Judgement | None, str]:
    """Some visits against the same baseline; or why they say nothing."""
    visits, began = [], [time.monotonic()]
    for answer in back_to_back(asked, before.samples, count=_FORCED_VISITS, fresh=True):
        if answer.fault is not None or answer.samples is None:
            return None, f"forced {asked.case.algorithm} gives a wrong result ({answer.fault}): {answer.check.detail}"
        if not answer.resolved.fulfils(asked.case.algorithm):
            return None, f"forced {asked.case.algorithm} ran {answer.resolved.algorithm} ({answer.resolved.name})"
        visits.append((answer,))
        began.append(time.monotonic())
    shown = Visited(visits[0][0], tuple(visits), began=tuple(began[:-1]))
    judgement = judged(asked, shown.samples, before, level=asked.run.level)
    why_not = "" if judgement.baseline_ratio is not None else f"forced {asked.case.algorithm}: {judgement.detail}"
    return judgement, why_not
