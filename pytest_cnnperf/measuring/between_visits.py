"""How far two rounds of the same thing lie apart: the part of the noise that more samples in one round do not lower."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence

from .median import faster_half, log_residuals, median_standard_error, round_medians, usable_rounds
from .samples import Samples

# What is assumed before anything is known, with the weight of so many cases; and the least believed.
# DESIGN section 5 measured 0.7 to 1.3 % between blocks of one process for the frameworks that allocate little.
PRIOR_SPREAD = 0.01
PRIOR_WEIGHT = 3
LEAST_SPREAD = 0.005
# Of the cases' own spreads, each known from a few rounds only, so many lie below the true one, or a tenth above it
# (simulated for 3 to 12 rounds); a few cases that jump do not move it.
_QUANTILE = 0.65
_NORMAL = statistics.NormalDist()


def round_spread(samples: Samples) -> float:
    """Relative standard deviation between the rounds of a case, less what the noise within rounds explains.

    It is 0 for a single round: nothing is known of it then. Of four or more rounds only the faster half is looked at,
    of which the figure is made.
    """
    logs = [math.log(ratio) for ratio in round_medians(samples)]
    if len(logs) < 2:
        return 0.0
    within = [median_standard_error(log_residuals([round_])) for round_ in usable_rounds(samples)]
    known = [error * error for error in within if math.isfinite(error)]
    explained = statistics.median(known) if known else 0.0
    return math.sqrt(max(0.0, _variance(logs) - explained))


def _variance(values: Sequence[float]) -> float:
    """The ordinary variance of two or three values; of more, what the width of their lower half says."""
    if len(values) < 4:
        return statistics.variance(values)
    half = faster_half(values)
    return ((half[-1] - half[0]) / _width_in_sigmas(len(values), len(half))) ** 2


def _width_in_sigmas(count: int, half: int) -> float:
    """Expected distance of the smallest and the `half`-th smallest of so many normal values.

    Source: Blom, "Statistical estimates and transformed beta-variables" (1958), for expected order statistics.
    """
    smallest, last = (_NORMAL.inv_cdf((rank - 0.375) / (count + 0.25)) for rank in (1, half))
    return last - smallest


def run_to_run_floor(cases: Iterable[Sequence[float]]) -> float:
    """Relative standard deviation between rounds, pooled over many cases; each item holds one case's round ratios.

    It is a quantile of the cases' own spreads. Few cases are drawn to `PRIOR_SPREAD`, and never is less than
    `LEAST_SPREAD` believed. Noise within rounds is part of it, on the careful side.
    """
    spreads = sorted(math.sqrt(_variance([math.log(ratio) for ratio in ratios])) for ratios in cases if len(ratios) > 1)
    count = len(spreads)
    seen = spreads[min(count - 1, int(_QUANTILE * count))] if count else 0.0
    variance = (PRIOR_WEIGHT * PRIOR_SPREAD**2 + count * seen**2) / (PRIOR_WEIGHT + count)
    return max(LEAST_SPREAD, math.sqrt(variance))
