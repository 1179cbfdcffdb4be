"""How far two rounds of the same thing lie apart: the part of the noise that more samples in one round do not lower."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from itertools import combinations

from .median import log_residuals, median_standard_error, round_medians, usable_rounds
from .samples import Samples

# What is assumed before anything is known, with the weight of so many observed deviations; and the least believed.
# DESIGN section 5 measured 0.7 to 1.3 % between blocks of one process for the frameworks that allocate little.
PRIOR_SPREAD = 0.01
PRIOR_WEIGHT = 10
LEAST_SPREAD = 0.005
_QUANTILE = 0.9
# The median distance of two normal values, in sigmas.
_DISTANCE_OF_SIGMA = math.sqrt(2) * statistics.NormalDist().inv_cdf(0.75)
_SIGMAS_AT_QUANTILE = statistics.NormalDist().inv_cdf((1 + _QUANTILE) / 2)


def round_spread(samples: Samples) -> float:
    """Relative standard deviation between the rounds of a case, less what the noise within rounds explains.

    It is 0 for a single round: nothing is known of it then. One round of four or more gone astray hardly moves it.
    """
    logs = [math.log(ratio) for ratio in round_medians(samples)]
    if len(logs) < 2:
        return 0.0
    within = [median_standard_error(log_residuals([round_])) for round_ in usable_rounds(samples)]
    known = [error * error for error in within if math.isfinite(error)]
    explained = statistics.median(known) if known else 0.0
    return math.sqrt(max(0.0, _variance(logs) - explained))


def _variance(values: Sequence[float]) -> float:
    """The ordinary variance of two or three values; of more, one that a single stray value hardly moves."""
    if len(values) < 4:
        return statistics.variance(values)
    distances = [abs(one - other) for one, other in combinations(values, 2)]
    return (statistics.median(distances) / _DISTANCE_OF_SIGMA) ** 2


def run_to_run_floor(cases: Iterable[Sequence[float]]) -> float:
    """Relative standard deviation between rounds, pooled over many cases; each item holds one case's round ratios.

    The 90th percentile of the deviations from each case's mean stands for 1.64 sigma, so that a tenth of the cases
    may jump without moving it and yet moderately heavy tails count. Few deviations are drawn to `PRIOR_SPREAD`, and
    never is less than `LEAST_SPREAD` believed. Noise within rounds is part of it, on the careful side.
    """
    deviations = sorted(deviation for ratios in cases for deviation in _deviations(ratios))
    count = len(deviations)
    seen = deviations[min(count - 1, int(_QUANTILE * count))] / _SIGMAS_AT_QUANTILE if count else 0.0
    variance = (PRIOR_WEIGHT * PRIOR_SPREAD**2 + count * seen**2) / (PRIOR_WEIGHT + count)
    return max(LEAST_SPREAD, math.sqrt(variance))


def _deviations(ratios: Sequence[float]) -> list[float]:
    """Distances of the logarithms from their mean, widened for the mean having been fitted to them."""
    if len(ratios) < 2:
        return []
    logs = [math.log(ratio) for ratio in ratios]
    mean = statistics.fmean(logs)
    widened = math.sqrt(len(logs) / (len(logs) - 1))
    return [abs(log - mean) * widened for log in logs]
