"""One side of a comparison: what its visits show, and what each of them counts for.

What a case differs by beyond what is usual lasts for a minute or two, and is in all visits of that moment. So where
visits are many at one moment and few at another, each moment counts, and not each visit.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..measuring.between_visits import pair_variance, visit_excess, within_error
from ..measuring.figure import visit_logs
from ..measuring.robust import weighted_centre, weighted_variance
from ..measuring.samples import Samples

# A case's own spread between visits is drawn to the floor, which counts as so many visits more.
FLOOR_FREEDOM = 6.0

# A variance, and the degrees of freedom with which it is known.
Part = tuple[float, float]


@dataclass(frozen=True)
class Apart:
    """What the visits of a case in one run differ by: so many, at so many moments, with this variance.

    `excess` is what goes beyond the noise within them.
    """

    visits: int
    moments: int
    excess: float

    @classmethod
    def of(cls, samples: Samples, *, within: float | None = None) -> Apart:
        """`within` is the `within_error` of the same samples, where it is known already."""
        return cls(len(samples.visits), samples.moment_count, visit_excess(samples, within=within))

    @property
    def of_moments(self) -> float:
        """The variance between moments, each with as many visits, that makes visits differ so; 0 of a single one."""
        if self.moments < 2:
            return 0.0
        among_visits = self.excess * (self.visits - 1) / self.visits
        return among_visits * self.moments / (self.moments - 1)


@dataclass(frozen=True)
class Noise:
    """What the visits of a case differ by, as variances: `usual` of most cases, `between` its own visits.

    `lasting` is what goes beyond the usual from moment to moment: many visits at one moment know it no better than one.
    """

    usual: float
    between: Part
    lasting: Part

    @classmethod
    def of(cls, seen: Iterable[Apart], *, floor: float) -> Noise:
        """From what the case showed on both sides, and in other runs; `floor` is the usual standard deviation."""
        seen = tuple(seen)
        between = _drawn([(each.visits, each.excess) for each in seen], floor=floor)
        of_moments, freedom = _drawn([(each.moments, each.of_moments) for each in seen], floor=floor)
        return cls(floor**2, between, (max(0.0, of_moments - floor**2), freedom))


def _drawn(seen: Sequence[tuple[int, float]], *, floor: float) -> Part:
    """The variance between visits, or moments, of which so many showed such a one; drawn to that of the floor."""
    freedom = FLOOR_FREEDOM + sum(count - 1 for count, _ in seen)
    own = math.fsum((count - 1) * excess for count, excess in seen)
    return (FLOOR_FREEDOM * floor**2 + own) / freedom, freedom


@dataclass(frozen=True)
class Counted:
    """A side whose visits count for `weights`, together 1: its figure on a logarithmic scale, and what that is off by.

    `within` is its variance by the noise within visits; `of_visits` and `of_moments` are the shares of the variance
    between visits, and of that between moments beyond it, which are left of it.
    """

    log: float
    weights: tuple[float, ...]
    within: Part
    of_visits: float
    of_moments: float

    def centre_of(self, values: Sequence[float]) -> float:
        """The centre of what the visits have shown, each of which counts for its weight."""
        return weighted_centre(values, self.weights)


@dataclass(frozen=True)
class Side:
    """The visits of one side: the logarithm of each one's figure, how many pairs it has, the number of its moment.

    `of_pair` is the variance of a single pair within a visit.
    Shapes: the tuples have equal length.
    """

    logs: tuple[float, ...]
    pairs: tuple[int, ...]
    moments: tuple[int, ...]
    of_pair: Part
    apart: Apart

    @classmethod
    def of(cls, samples: Samples, of_pair: Part | None = None) -> Side:
        """Of samples with a figure; `of_pair` is the variance of a pair, where it is better known from elsewhere."""
        of_pair = of_pair or (pair_variance(samples), float(samples.freedom))
        pairs = tuple(sum(len(round_.workload_ns) for round_ in rounds) for rounds in samples.visits)
        within = within_error(samples, of_pair=of_pair[0])
        return cls(visit_logs(samples), pairs, samples.moments, of_pair, Apart.of(samples, within=within))

    def counted(self, noise: Noise) -> Counted:
        """With the weights that leave least doubt beside this noise. Source: generalized least squares."""
        weights = self._weights(noise)
        variance, freedom = self.of_pair
        of_visits = weighted_variance(weights)
        by_moment = dict.fromkeys(self.moments, 0.0)
        for moment, weight in zip(self.moments, weights, strict=True):
            by_moment[moment] += weight
        return Counted(
            weighted_centre(self.logs, weights),
            weights,
            (_within(variance, self.pairs, weights), freedom),
            of_visits=of_visits,
            of_moments=weighted_variance(tuple(by_moment.values())) - of_visits,
        )

    def _weights(self, noise: Noise) -> tuple[float, ...]:
        at = Counter(self.moments)
        if not noise.lasting[0] or len(set(at.values())) == 1:
            return _equal(len(self.logs))
        of_visit = noise.usual + self.of_pair[0] * math.fsum(1 / count for count in self.pairs) / len(self.pairs)
        shares = [1 / (noise.lasting[0] * at[moment] + of_visit) for moment in self.moments]
        whole = math.fsum(shares)
        return tuple(share / whole for share in shares)


def _equal(count: int) -> tuple[float, ...]:
    return (1 / count,) * count


def _within(of_pair: float, pairs: Sequence[int], weights: Sequence[float]) -> float:
    """The variance of a side's figure by the noise of its pairs, of which each visit has so many."""
    squares = [weight * weight for weight in weights]
    off = math.fsum(square / count for square, count in zip(squares, pairs, strict=True))
    return of_pair * off * weighted_variance(weights) / math.fsum(squares)
