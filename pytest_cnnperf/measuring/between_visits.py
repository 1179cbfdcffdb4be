"""How far two visits, and two runs, of the same thing lie apart: noise that more samples in one visit do not lower."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .core import quiet_part
from .median import mad_sigma, median_standard_error, visit_logs
from .samples import Samples
from .sensitivity import corrected_by_itself

# What is assumed before anything is known, with the weight of so many cases; and the least believed.
# DESIGN section 5 measured 0.7 to 1.3 % between blocks of one process for the frameworks that allocate little.
PRIOR_SPREAD = 0.01
PRIOR_WEIGHT = 3
LEAST_SPREAD = 0.004
# Of spreads that are each known from three visits, so many lie below the true one (1 - 1 / e is exact for the square
# of two normal deviations); a few cases that jump do not move it.
_QUANTILE = 0.65
# A visit that is so much slower than the median of its case is no noise like the others': pages that lie badly for a
# process's life, a neighbour for a minute. Of 307 recorded cases two had one, 1.9 and 2.4 times as slow.
ASTRAY = 0.15
# Between runs an hour apart, beyond what their visits explain: five pairs of runs of 160 cases on the machine of the
# first baselines gave 0.8 to 1.0 %. With the weight of so many cases; and never is less believed, since a comparison
# soon after the recording shows none of it (with half of this, one of 160 cases was then SLOWER without a change).
PRIOR_RUN_SPREAD = 0.01
PRIOR_RUN_WEIGHT = 20
LEAST_RUN_SPREAD = 0.01
# Enough of them that the order statistics which enclose their median leave out the smallest and the largest.
MANY_VISITS = 8
# The median of so many normal values varies by so much more than their mean; of more, by at most pi / 2.
# Source: variances of order statistics of a normal sample.
_MEDIAN_COST = dict(enumerate((1.0, 1.0, 1.35, 1.19, 1.43, 1.29, 1.47, 1.35, 1.50, 1.38, 1.51, 1.41), start=1))
_MOST_MEDIAN_COST = math.pi / 2


@dataclass(frozen=True)
class Floor:
    """What two measurements of the same thing differ by, as relative standard deviations.

    `visits` is between visits of one run, `visits_in_noise` where those were not on a quiet core, `runs` between runs
    beyond that: no number of visits lowers it.
    """

    visits: float = PRIOR_SPREAD
    runs: float = PRIOR_RUN_SPREAD
    visits_in_noise: float = 0.0


@dataclass(frozen=True)
class RunToRun:
    """What one comparison of unchanged cases showed: the spread between runs that its visits do not explain."""

    cases: int
    spread: float


def visit_spread(samples: Samples) -> float:
    """Relative standard deviation between the visits of a case, noise within visits included; 0 for a single one."""
    logs = visit_logs(samples)
    return _deviation(logs) if len(logs) > 1 else 0.0


def figure_error(samples: Samples) -> float:
    """Relative standard error of the figure of a case, the median of its visits; infinite for fewer than two of them.

    Visits in which all samples were discarded are none.
    """
    count = len(samples.visits)
    return visit_spread(samples) * math.sqrt(median_variance(count)) if count > 1 else math.inf


def median_variance(count: int) -> float:
    """Variance of the median of so many normal values of variance 1."""
    return _MEDIAN_COST.get(count, _MOST_MEDIAN_COST) / count


def _deviation(logs: Sequence[float]) -> float:
    """The standard deviation of two or more visits, without those that went astray.

    The figure of a case is the median of its visits: what does not move it must not be taken for what it varies by.
    Of many visits it is what the error of their median says.
    """
    middle = statistics.median(logs)
    if len(logs) >= MANY_VISITS:
        error = median_standard_error([log - middle for log in logs])
        # That error is the one of a median of many.
        return error / math.sqrt(_MOST_MEDIAN_COST / len(logs))
    sound = [log for log in logs if log - middle < ASTRAY]
    return statistics.stdev(sound if len(sound) > 1 else logs)


def visit_floor(cases: Iterable[Sequence[float]]) -> float:
    """Relative standard deviation between visits, pooled over many cases; each item holds one case's visit logs.

    It is a quantile of the cases' own spreads. Few cases are drawn to `PRIOR_SPREAD`, and never is less than
    `LEAST_SPREAD` believed.
    """
    spreads = sorted(_deviation(logs) for logs in cases if len(logs) > 1)
    count = len(spreads)
    seen = spreads[min(count - 1, int(_QUANTILE * count))] if count else 0.0
    variance = (PRIOR_WEIGHT * PRIOR_SPREAD**2 + count * seen**2) / (PRIOR_WEIGHT + count)
    return max(LEAST_SPREAD, math.sqrt(variance))


def seen_floor(recordings: Iterable[Samples], *, runs: float) -> Floor:
    """What recordings of unchanged cases show between their visits; `runs` is what is known between runs."""
    recordings = tuple(recordings)
    return Floor(
        visits=visit_floor(visit_logs(corrected_by_itself(quiet_part(each) or each)) for each in recordings),
        runs=runs,
        visits_in_noise=visit_floor(visit_logs(corrected_by_itself(each)) for each in recordings),
    )


def run_to_run(moves: Sequence[float], explained: Sequence[float]) -> RunToRun:
    """What the moves of many cases between two runs say, most of which have not changed.

    `moves` are logarithms of now ÷ baseline, `explained` their variances by noise within and between visits. What all
    cases have in common is not spread, and a few that did change do not count (median absolute deviation).
    """
    middle = statistics.median(moves)
    sigma = mad_sigma([move - middle for move in moves])
    return RunToRun(len(moves), math.sqrt(max(0.0, sigma**2 - statistics.median(explained)) / 2))


def run_floor(seen: Iterable[RunToRun]) -> float:
    """Relative standard deviation between runs, pooled over what comparisons have shown, drawn to the prior."""
    seen = tuple(seen)
    weight = PRIOR_RUN_WEIGHT + sum(one.cases for one in seen)
    variance = PRIOR_RUN_WEIGHT * PRIOR_RUN_SPREAD**2 + sum(one.cases * one.spread**2 for one in seen)
    return max(LEAST_RUN_SPREAD, math.sqrt(variance / weight))
