"""The figure of a case, the centre of its pairwise ratios, and how far it may be off."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from functools import lru_cache

from .samples import Round, Samples

# Values farther from the centre than so many standard deviations pull as if they were so far only: 95 % as efficient as
# the mean of normal values, where a median is 64 %.
HUBER, EFFICIENCY = 1.345, 0.95
# Of fewer pairs no figure is computed.
LEAST_PAIRS = 3
# Fewer values than these have no order to speak of.
_LEAST_ORDERED = 5
_ITERATIONS = 20
# Steps of less than so many standard deviations lead nowhere.
_NEAR = 1e-4
_MAD_TO_SIGMA = 1.4826
Z_95 = statistics.NormalDist().inv_cdf(0.975)


def are_positive(values: Iterable[float]) -> bool:
    """Whether every value is a finite number above 0; a ratio of anything else means nothing."""
    values = tuple(values)
    try:
        # A value that is not a number makes a sum that is none, whatever the least value then is.
        return not values or (min(values) > 0 and math.isfinite(sum(values)))
    except TypeError:
        return False


def pair_ratios(round_: Round) -> tuple[float, ...]:
    """Workload ÷ control, pair by pair."""
    return tuple(workload / control for workload, control in zip(round_.workload_ns, round_.control_ns, strict=True))


def centre(values: Sequence[float]) -> float:
    """Where these values lie, whatever a few of them do: nearly the mean of normal ones, the median of ties.

    Source: Huber, "Robust estimation of a location parameter" (1964), with the median absolute deviation as scale.
    """
    middle = statistics.median(values)
    sigma = mad_sigma([value - middle for value in values])
    if sigma == 0 or len(values) < 3:
        return middle
    for _ in range(_ITERATIONS):
        moved = middle + statistics.fmean(_bounded(values, middle, HUBER * sigma))
        if abs(moved - middle) < _NEAR * sigma:
            return moved
        middle = moved
    return middle


def centre_error(residuals: Sequence[float]) -> float:
    """Standard error of the centre of so many values with these residuals; infinite for fewer than two.

    The larger of two estimates that fail in different places: the asymptotic variance of an M-estimator, mean of psi² ÷
    (mean of psi')², which takes the smaller of two heaps for outliers; and what the distance of the order statistics
    that enclose the median says of normal values, which sees both. Where half of the values tie, and the
    median absolute deviation is none, their standard deviation.
    """
    count = len(residuals)
    if count < 2:
        return math.inf
    sigma = mad_sigma(residuals)
    if sigma == 0:
        return math.sqrt(math.fsum(residual**2 for residual in residuals) / (count - 1) / count)
    pulls = _bounded(residuals, 0.0, HUBER * sigma)
    inside = sum(abs(residual) <= HUBER * sigma for residual in residuals) / count
    from_pulls = math.sqrt(math.fsum(pull**2 for pull in pulls) / (count - 1) / count) / inside
    if count < _LEAST_ORDERED:
        return from_pulls
    lower, gap = _enclosing(count)
    ordered = sorted(residuals)
    return max(from_pulls, (ordered[-lower] - ordered[lower - 1]) / gap / math.sqrt(EFFICIENCY * count))


@lru_cache(maxsize=1024)
def _enclosing(count: int) -> tuple[int, float]:
    """Which order statistics of so many enclose the median, from either end, and how far apart normal ones lie.

    With 95 %, but never the outermost: one odd value is none of two heaps. Source: the sign test; Blom's approximation
    for the expectation of order statistics.
    """
    lower = max(2, round((count + 1) / 2 - Z_95 * math.sqrt(count) / 2))
    return lower, -2 * statistics.NormalDist().inv_cdf((lower - 0.375) / (count + 0.25))


def _bounded(values: Sequence[float], middle: float, most: float) -> list[float]:
    return [max(-most, min(most, value - middle)) for value in values]


def centre_variance(count: int) -> float:
    """Variance of the centre of so many normal values of variance 1.

    Source: simulation; the scale of few values is badly known.
    """
    return {1: 1.0, 2: 1.0, 3: 1.18}.get(count, 1.12) / count


def figure_of(samples: Samples) -> float:
    """The figure of a case: the centre of its visits' figures.

    A visit counts once, however many samples it has: what it shares with no other (the minute, the processes) is noise
    of its own, and one visit gone astray must not decide.
    """
    return math.exp(centre(visit_logs(samples)))


def visit_logs(samples: Samples) -> tuple[float, ...]:
    """The logarithm of the figure of each visit that has usable pairs: the centre of those of its pairs' ratios.

    Source: docs/controls.md, the study of figures.
    """
    return tuple(centre(logs) for logs in map(_logs, samples.visits) if logs)


def _logs(rounds: Sequence[Round]) -> list[float]:
    return [math.log(ratio) for each in rounds if is_usable(each) for ratio in pair_ratios(each)]


def is_usable(round_: Round) -> bool:
    """Whether a figure can be computed from this round."""
    return bool(round_.workload_ns) and are_positive(round_.workload_ns + round_.control_ns)


def log_residuals(rounds: Sequence[Round]) -> list[float]:
    """Logarithms of the ratios, each less the centre of its own round: the noise within rounds."""
    residuals: list[float] = []
    for round_ in rounds:
        logs = [math.log(ratio) for ratio in pair_ratios(round_)]
        middle = centre(logs) if logs else 0.0
        residuals.extend(log - middle for log in logs)
    return residuals


def mad_sigma(residuals: Sequence[float]) -> float:
    """Standard deviation estimated from the median absolute deviation around 0."""
    return _MAD_TO_SIGMA * statistics.median(abs(residual) for residual in residuals)
