"""What is told of a case: its answer and its samples as an outcome."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

from ..baseline.entry import Entry
from ..cases import Case
from ..judging.judge import ORDINARY_LEVEL
from ..judging.statistics import flaw_of, summarize
from ..judging.verdict import Judgement, Reason, Verdict
from ..measuring.core import quiet_samples
from ..measuring.gpu.state import GpuUnreadable
from ..measuring.gpu.watch import GpuBusy
from ..measuring.samples import Samples
from ..report.outcome import Outcome
from .rounds import Answer
from .visits import Visited


def with_answer(blank: Outcome, answer: Answer) -> Outcome:
    """The outcome so far: right or wrong, by what algorithm, and the first call's time."""
    if answer.fault is None:
        return blank.but(**_answered(answer))
    return blank.but(**_answered(answer), verdict=Verdict.WRONG, reason=answer.fault, detail=answer.check.detail)


def _answered(answer: Answer) -> dict[str, Any]:
    """The fields of an outcome that an answer knows."""
    return {
        "correct": answer.fault is None,
        "error_fraction": answer.check.error_fraction,
        "resolved": answer.resolved.name,
        "workspace_bytes": answer.resolved.workspace_bytes,
        "peak_bytes": answer.resolved.peak_bytes,
        "first_call_ns": answer.first_call_ns,
        "prepare_ns": answer.prepare_ns,
    }


def fallen_back(outcome: Outcome, case: Case, answer: Answer) -> Outcome:
    """The outcome of a right answer by another algorithm than the one asked for; a wrong one stays WRONG."""
    if answer.fault is not None:
        return outcome
    detail = f"asked {case.algorithm}, got {answer.resolved.algorithm} ({answer.resolved.name})"
    return outcome.but(reason=Reason.ALGORITHM_FALLBACK, detail=detail)


def finished(blank: Outcome, case: Case, visited: Visited, judgement: Judgement, *, stores: bool) -> Outcome:
    """The outcome of a timed case, with its entry where the run `stores` it."""
    samples = visited.samples.with_first_call(visited.exact.first_call_ns)
    known = {
        **_answered(visited.worst),
        # The costs of the very first call, which later rounds of a live process no longer have.
        "first_call_ns": visited.exact.first_call_ns,
        "prepare_ns": visited.exact.prepare_ns,
        "conditions": samples.conditions,
        "samples": samples.count,
        "quiet_samples": quiet_samples(samples),
    }
    picks = _picks(visited)
    flaw = flaw_of(samples)
    if flaw is not None:
        return blank.but(**known, verdict=Verdict.UNDECIDED, reason=flaw[0], detail=_both(flaw[1], picks))
    summary = summarize(samples, level=ORDINARY_LEVEL)
    return blank.but(
        **known,
        verdict=judgement.verdict,
        reason=judgement.reason,
        detail=_both(judgement.detail, picks),
        median_ns=summary.median_ns,
        control_median_ns=summary.control_median_ns,
        ratio=summary.ratio,
        ratio_low=summary.low,
        ratio_high=summary.high,
        baseline_ratio=judgement.baseline_ratio,
        baseline_low=judgement.low,
        baseline_high=judgement.high,
        resolution=judgement.resolution,
        control_pace=judgement.control_pace,
        within_run=judgement.within_run,
        recorded_runs=judgement.runs,
        entry=_entry(case, samples, visited.worst).to_plain() if stores else None,
    )


def _picks(visited: Visited) -> str:
    """What the rounds ran where that was not the same in all: a search or a heuristic that is of two minds."""
    names = [answer.resolved.name for answer in visited.answers]
    if len(set(names)) < 2:
        return ""
    counts = Counter(names)
    told = ", ".join(f"{name:.60} in {count}" for name, count in counts.most_common(3))
    return f"of {counts.total()} rounds, {told}{', …' if len(counts) > 3 else ''}"


def _both(*details: str) -> str:
    return "; ".join(filter(None, details))


def not_judged(blank: Outcome, visited: Visited, error: GpuBusy | GpuUnreadable) -> Outcome:
    """The outcome of a right answer whose times say nothing: what was timed is neither judged nor recorded."""
    reason = Reason.GPU_BUSY if isinstance(error, GpuBusy) else Reason.GPU_UNREADABLE
    return with_answer(blank, visited.exact).but(verdict=Verdict.UNDECIDED, reason=reason, detail=str(error))


def _entry(case: Case, samples: Samples, worst: Answer) -> Entry:
    return Entry.of(
        case.key,
        samples,
        resolved=worst.resolved.name,
        resolved_algorithm=worst.resolved.algorithm,
        error_fraction=worst.check.error_fraction,
        versions=worst.versions,
        peak_memory_bytes=worst.resolved.peak_bytes,
        recorded=date.today().isoformat(),
    )
