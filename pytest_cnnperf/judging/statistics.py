"""What a case's samples say: one figure with its interval, and how much it scatters."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

from ..measuring.between_visits import visit_excess, within_error
from ..measuring.figure import LEAST_PAIRS, figure_of
from ..measuring.gpu.conditions import names_of
from ..measuring.robust import are_positive, centre_variance
from ..measuring.samples import Samples
from .student import MOST_LOG, reach
from .verdict import Reason

__all__ = ["Summary", "doubt_level", "flaw_of", "session_level", "summarize"]

# Of sessions in which nothing has changed so many raise an alarm, and so many have a case in doubt by noise.
FALSE_ALARM, FALSE_DOUBT = 0.01, 0.1


@dataclass(frozen=True)
class Summary:
    """The figure of a case, workload ÷ control, and what surrounds it.

    Units: medians in nanoseconds per call and per control unit; `low` and `high` bound `ratio`.
    """

    ratio: float
    low: float
    high: float
    median_ns: int
    control_median_ns: int


def flaw_of(samples: Samples) -> tuple[Reason, str] | None:
    """Why no figure can be computed from these samples, or None; such samples are never a pass."""
    if samples.count < LEAST_PAIRS and samples.throttled:
        return (Reason.THROTTLED, _throttled(samples))
    if samples.count < LEAST_PAIRS:
        return (
            Reason.TOO_FEW_SAMPLES,
            f"{samples.count} samples, at least {LEAST_PAIRS} are needed; raise max_seconds",
        )
    for name, values in (("workload", samples.workload_ns), ("control", samples.control_ns)):
        if not are_positive(values):
            bad = next(value for value in values if not are_positive([value]))
            return (Reason.NOT_A_NUMBER, f"a {name} sample is {bad} ns; expected a finite time above 0")
    return None


def _throttled(samples: Samples) -> str:
    reasons = ", ".join(names_of(samples.throttled_by))
    return (
        f"the GPU was throttled ({reasons}): {samples.throttled} samples were discarded and {samples.count} are left, "
        f"at least {LEAST_PAIRS} are needed; next: nvidia-smi -q -d PERFORMANCE,TEMPERATURE, let it cool, and run again"
    )


def summarize(samples: Samples, *, level: float) -> Summary:
    """The centre of pairwise ratios with the interval that misses the truth with probability `level`.

    Raises: ValueError for samples that `flaw_of` objects to.
    """
    flaw = flaw_of(samples)
    if flaw is not None:
        raise ValueError(f"no figure: {flaw[0]}: {flaw[1]}")
    ratio = figure_of(samples)
    error = within_error(samples)
    excess = visit_excess(samples, within=error)
    whole_error = math.sqrt(error**2 + excess * centre_variance(len(samples.visits)))
    factor = math.exp(min(reach(level, samples.freedom) * whole_error, MOST_LOG))
    return Summary(
        ratio=ratio,
        low=ratio / factor,
        high=ratio * factor,
        median_ns=round(statistics.median(samples.workload_ns)),
        control_median_ns=round(statistics.median(samples.control_ns)),
    )


def doubt_level(of_alarms: float) -> float:
    """The level at which one of so many cases is in doubt, of that at which it is told to have changed."""
    return min(1.0, of_alarms * FALSE_DOUBT / FALSE_ALARM)


def session_level(compared: int, false_alarm: float = FALSE_ALARM) -> float:
    """Error level of each of so many compared cases, so that a session raises a false alarm with at most `false_alarm`.

    Source: Bonferroni's inequality; it needs no independence of the cases, which share a machine.
    """
    return false_alarm / max(1, compared)
