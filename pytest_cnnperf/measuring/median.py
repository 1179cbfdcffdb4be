"""The figure of a case, the median of its pairwise ratios, and how far it may be off."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence

from .samples import Round, Samples

# Standard error of a median of normal samples: sqrt(pi / 2) sigma / sqrt(n); a MAD times 1.4826 estimates sigma.
_MEDIAN_EFFICIENCY = math.sqrt(math.pi / 2)
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


def median_ratio(samples: Samples) -> float:
    """The figure of a case: the median of its visits' figures.

    A visit counts once, however many rounds it has: what it shares with no other (the minute, the processes) is the
    larger part of the noise, and one visit gone astray must not decide.
    """
    return math.exp(statistics.median(visit_logs(samples)))


def visit_logs(samples: Samples) -> tuple[float, ...]:
    """The logarithm of the figure of each visit: the median of the faster half of its rounds' medians.

    What happens to a round (a neighbour, pages that lie badly) makes it slower: of six rounds one to three may be
    slower by a fifth to threefold, and the others agree within a percent.
    Source: DESIGN section 5, the study of figures: of all that were compared the median of pairs moved least.
    """
    visits = (round_medians(rounds) for rounds in samples.visits)
    return tuple(
        statistics.median(faster_half([math.log(median) for median in medians])) for medians in visits if medians
    )


def faster_half(values: Sequence[float]) -> list[float]:
    """The lower half of these, in order; the middle one of an odd number is with them."""
    return sorted(values)[: (len(values) + 1) // 2]


def round_medians(rounds: Sequence[Round]) -> tuple[float, ...]:
    """The median ratio of each of these rounds that has usable pairs."""
    return tuple(statistics.median(pair_ratios(each)) for each in rounds if is_usable(each))


def is_usable(round_: Round) -> bool:
    """Whether a figure can be computed from this round."""
    return bool(round_.workload_ns) and are_positive(round_.workload_ns + round_.control_ns)


def log_residuals(rounds: Sequence[Round]) -> list[float]:
    """Logarithms of the ratios, each less the median of its own round: the noise within rounds."""
    residuals: list[float] = []
    for round_ in rounds:
        logs = [math.log(ratio) for ratio in pair_ratios(round_)]
        middle = statistics.median(logs) if logs else 0.0
        residuals.extend(log - middle for log in logs)
    return residuals


def mad_sigma(residuals: Sequence[float]) -> float:
    """Standard deviation estimated from the median absolute deviation around 0."""
    return _MAD_TO_SIGMA * statistics.median(abs(residual) for residual in residuals)


def median_standard_error(residuals: Sequence[float]) -> float:
    """Standard error of the median of so many values with these residuals; infinite for fewer than two.

    The larger of two estimates that fail in different places: half the distance of the order statistics that enclose
    the median with 95 % (sees gaps at the middle, ties make it 0), and one from the median absolute deviation.
    Source: McKean and Schrader, "A comparison of methods for studentizing the sample median" (1984), for the first.
    """
    count = len(residuals)
    if count < 2:
        return math.inf
    ordered = sorted(residuals)
    lower = max(1, round((count + 1) / 2 - Z_95 * math.sqrt(count) / 2))
    from_order = (ordered[count - lower] - ordered[lower - 1]) / (2 * Z_95)
    from_mad = _MEDIAN_EFFICIENCY * mad_sigma(residuals) / math.sqrt(count)
    return max(from_order, from_mad)
