"""The change between two sides, with every source of noise that is known of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .sides import FLOOR_FREEDOM, Counted, Noise, Part
from .student import MOST_LOG, reach

# The spread between runs is pooled from whole comparisons.
RUN_FREEDOM = 60.0
# The minimum detectable effect is found four times in five.
_POWER_80 = 0.8416
# What is known exactly has a weight, too.
_LEAST_VARIANCE = 1e-12


@dataclass(frozen=True)
class Change:
    """Now ÷ before on a logarithmic scale, its standard error, and the degrees of freedom of that error.

    `within_run` is the part of the variance that two runs at the same time would have; of that `within_visits` is made
    by the noise within visits, `of_recording` by what is not known of the recording, and `of_moments` by visits at few
    moments. `restless` is the standard deviation of what the case differs by between these, beyond what is usual.
    """

    log_ratio: float
    standard_error: float
    freedom: float
    within_run: float
    within_visits: float = 0.0
    of_recording: float = 0.0
    of_moments: float = 0.0
    restless: float = 0.0

    @classmethod
    def of(
        cls,
        log_ratio: float,
        within_run: Sequence[Part],
        *,
        between_runs: Sequence[Part] = (),
        within_visits: float = 0.0,
        of_recording: float = 0.0,
        of_moments: float = 0.0,
        restless: float = 0.0,
    ) -> Change:
        """From all variances that one run shows, and those between runs.

        Source: Welch and Satterthwaite, for the degrees of freedom of a sum of variances.
        """
        parts = (*within_run, *between_runs)
        variance = math.fsum(part for part, _ in parts)
        uncertain = math.fsum(part**2 / freedom for part, freedom in parts)
        return cls(
            log_ratio,
            math.sqrt(variance),
            variance**2 / uncertain if uncertain > 0 else RUN_FREEDOM,
            within_run=math.fsum(part for part, _ in within_run),
            within_visits=within_visits,
            of_recording=of_recording,
            of_moments=of_moments,
            restless=restless,
        )

    def part(self, variance: float) -> float:
        """What fraction this is of the variance within runs."""
        return variance / self.within_run if self.within_run > 0 else 0.0

    @property
    def ratio(self) -> float:
        """Now ÷ before; above 1 is slower."""
        return math.exp(self.log_ratio)

    def reach(self, level: float) -> float:
        """Half width of the interval, on the logarithmic scale."""
        return min(reach(level, self.freedom) * self.standard_error, MOST_LOG)

    def detectable(self, level: float) -> float:
        """The minimum detectable effect: the smallest relative slowdown that is certain at `level` 4 times in 5."""
        return math.expm1(min(self.reach(level) + _POWER_80 * self.standard_error, MOST_LOG))

    def interval(self, level: float) -> tuple[float, float]:
        """Bounds of `ratio` that miss the truth with probability `level`."""
        half = self.reach(level)
        return (math.exp(self.log_ratio - half), math.exp(self.log_ratio + half))


def change_between(now: Counted, before: Counted, *, noise: Noise, doubt: float = 0.0) -> Change:
    """The change with the noise of one run: within visits, and between those of either side.

    `doubt` is the relative standard error of what the machine's other state was allowed for.
    """
    sides = (now, before)
    (between, freedom), (lasting, freedom_of_moments) = noise.between, noise.lasting
    by_visit = [between * side.of_visits for side in sides]
    by_moment = [lasting * side.of_moments for side in sides]
    of_noise = (now.within, before.within, (doubt**2, RUN_FREEDOM))
    return Change.of(
        now.log - before.log,
        (*of_noise, (math.fsum(by_visit), freedom), (math.fsum(by_moment), freedom_of_moments)),
        within_visits=now.within[0] + before.within[0],
        of_recording=before.within[0] + by_visit[1] + by_moment[1],
        of_moments=math.fsum(by_moment),
        restless=math.sqrt(lasting),
    )


def of_both(first: Change, second: Change) -> Change:
    """The mean of two changes of one thing, of which each has the share that leaves least doubt.

    They come from the same visits, so what those differ by is taken to be alike in both (errors add up, not variances).
    Where they contradict each other, both are known less well than they say. Source: generalized least squares; Birge's
    ratio.
    """
    betweens = [math.sqrt(max(0.0, each.within_run - each.within_visits)) for each in (first, second)]
    apart = betweens[1] - betweens[0]
    uncertain = apart**2 + first.within_visits + second.within_visits
    share = (second.within_visits + betweens[1] * apart) / uncertain if uncertain > _LEAST_VARIANCE else 0.5
    share = min(1.0, max(0.0, share))
    rest = 1 - share
    difference = first.log_ratio - second.log_ratio
    birge = max(1.0, difference**2 / max(first.within_run + second.within_run, _LEAST_VARIANCE))
    within_visits = share**2 * first.within_visits + rest**2 * second.within_visits
    variance = birge * ((share * betweens[0] + rest * betweens[1]) ** 2 + within_visits)
    recorded = share * first.part(first.of_recording) + rest * second.part(second.of_recording)
    of_moments = share * first.part(first.of_moments) + rest * second.part(second.of_moments)
    return Change.of(
        share * first.log_ratio + rest * second.log_ratio,
        [(variance, share * first.freedom + rest * second.freedom)],
        within_visits=birge * within_visits,
        of_recording=variance * recorded,
        of_moments=variance * of_moments,
        restless=max(first.restless, second.restless),
    )


def shares(changes: Sequence[Change], *, spread: float) -> list[float]:
    """What each of the changes since several runs counts for, together 1: the better known, the more."""
    weights = [1 / max(change.within_run + spread**2, _LEAST_VARIANCE) for change in changes]
    whole = math.fsum(weights)
    return [weight / whole for weight in weights]


def over_runs(changes: Sequence[Change], *, spread: float) -> Change:
    """The mean of the changes since each of the runs that recorded a case, with what runs differ by.

    `spread` is the standard deviation between runs of most cases. What is measured now is in all of the changes, so
    that part of their errors is alike; what is not known of the recordings is not. Where the recorded runs lie farther
    apart than `spread` and that explain, the case has the rest for its own, drawn to none.
    Source: empirical Bayes, as with the spread between visits; the expectation of a weighted sum of squares.
    """
    parts = list(zip(shares(changes, spread=spread), changes, strict=True))
    log = math.fsum(share * change.log_ratio for share, change in parts)
    of_now = math.fsum(share * math.sqrt(max(0.0, change.within_run - change.of_recording)) for share, change in parts)
    of_recording = math.fsum(share**2 * change.of_recording for share, change in parts)
    squares = math.fsum(share**2 for share, _ in parts)
    scatter = math.fsum(share * (change.log_ratio - log) ** 2 for share, change in parts)
    explained = math.fsum(share * (1 - share) * change.of_recording for share, change in parts)
    # A run that alone counts, or is the only one, tells nothing of their spread.
    seen = max(0.0, scatter - explained) / max(1 - squares, _LEAST_VARIANCE)
    others = len(changes) - 1
    freedom = FLOOR_FREEDOM + others
    own: Part = ((1 + squares) * others * max(0.0, seen - spread**2) / freedom, freedom)
    return Change.of(
        log,
        [(of_now**2 + of_recording, math.fsum(share * change.freedom for share, change in parts))],
        between_runs=[((1 + squares) * spread**2, RUN_FREEDOM), own],
        of_recording=of_recording,
        of_moments=(of_now**2 + of_recording) * math.fsum(share * each.part(each.of_moments) for share, each in parts),
        restless=max(change.restless for change in changes),
    )
