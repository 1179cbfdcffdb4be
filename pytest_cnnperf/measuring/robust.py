"""Where values lie and how surely, whatever a few of them do."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate

# Values farther from the centre than so many standard deviations pull as if they were so far only: 95 % as efficient as
# the mean of normal values, where a median is 64 %.
HUBER, EFFICIENCY = 1.345, 0.95
# Fewer values than these have no order to speak of.
_LEAST_ORDERED = 5
_ITERATIONS = 20
# Steps of less than so many standard deviations lead nowhere.
_NEAR = 1e-4
_MAD_TO_SIGMA = 1.4826
# Sums of weights that differ by less are equal.
_TIE = 1e-9
Z_95 = statistics.NormalDist().inv_cdf(0.975)


def are_positive(values: Iterable[float]) -> bool:
    """Whether every value is a finite number above 0; a ratio of anything else means nothing."""
    values = tuple(values)
    try:
        # A value that is not a number makes a sum that is none, whatever the least value then is.
        return not values or (min(values) > 0 and math.isfinite(sum(values)))
    except TypeError:
        return False


def centre(values: Sequence[float]) -> float:
    """Where these values lie, whatever a few of them do: nearly the mean of normal ones, the median of ties.

    Source: Huber, "Robust estimation of a location parameter" (1964), with the median absolute deviation as scale;
    Newton's steps, which end after two or three: between the values that bound it the sum of all pulls is a line.
    """
    count = len(values)
    if count == 1:
        return values[0]
    middle = statistics.median(values)
    sigma = mad_sigma([value - middle for value in values]) if count > 2 else 0.0
    if sigma == 0:
        return middle
    most = HUBER * sigma
    ordered = sorted(values)
    sums = [0.0, *accumulate(ordered)]
    for _ in range(_ITERATIONS):
        first, last = bisect_left(ordered, middle - most), bisect_right(ordered, middle + most)
        # Those inside pull as far as they are, all others by `most`; with none inside, the mean of the pulls decides.
        inside = last - first
        pull = sums[last] - sums[first] - inside * middle + most * (count - last - first)
        step = pull / (inside or count)
        middle += step
        if abs(step) < _NEAR * sigma:
            break
    return middle


def weighted_centre(values: Sequence[float], weights: Sequence[float]) -> float:
    """`centre` of values each of which counts for so much; the weights are 1 together, and above 0."""
    if len(set(weights)) == 1:
        return centre(values)
    middle = _weighted_median(values, weights)
    sigma = _MAD_TO_SIGMA * _weighted_median([abs(value - middle) for value in values], weights)
    if sigma == 0:
        return middle
    most = HUBER * sigma
    for _ in range(_ITERATIONS):
        off = [value - middle for value in values]
        pull = math.fsum(weight * min(most, max(-most, each)) for weight, each in zip(weights, off, strict=True))
        inside = math.fsum(weight for weight, each in zip(weights, off, strict=True) if abs(each) <= most)
        step = pull / (inside or 1.0)
        middle += step
        if abs(step) < _NEAR * sigma:
            break
    return middle


def _weighted_median(values: Sequence[float], weights: Sequence[float]) -> float:
    """The value on either side of which half of the weight lies, the mean of two where it lies between them."""
    ordered = sorted(zip(values, weights, strict=True))
    below = list(accumulate(weight for _, weight in ordered))
    lower = next(number for number, weight in enumerate(below) if weight > 0.5 - _TIE)
    is_between = below[lower] < 0.5 + _TIE and lower + 1 < len(ordered)
    return (ordered[lower][0] + ordered[lower + 1][0]) / 2 if is_between else ordered[lower][0]


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
    most = HUBER * sigma
    inside = [residual for residual in residuals if -most <= residual <= most]
    pulls = math.fsum([residual * residual for residual in inside]) + (count - len(inside)) * most**2
    from_pulls = math.sqrt(pulls / (count - 1) / count) * count / len(inside)
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


def centre_variance(count: int) -> float:
    """Variance of the centre of so many normal values of variance 1.

    Source: simulation; the scale of few values is badly known.
    """
    return {1: 1.0, 2: 1.0, 3: 1.18}.get(count, 1.12) / count


def weighted_variance(weights: Sequence[float]) -> float:
    """Variance of the weighted centre of normal values of variance 1; the weights are 1 together.

    That of as many equal weights as these are worth (Kish's effective number).
    """
    squares = math.fsum(weight * weight for weight in weights)
    worth = max(1, round(1 / squares))
    return squares * worth * centre_variance(worth)


def mad_sigma(residuals: Sequence[float]) -> float:
    """Standard deviation estimated from the median absolute deviation around 0."""
    return _MAD_TO_SIGMA * statistics.median(map(abs, residuals))
