"""How far two visits, and two runs, of the same thing lie apart: noise that more samples in one visit do not lower."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .core import by_core, quiet_ns
from .figure import noise_error, visit_logs
from .pace import PaceBelief, Recorded
from .robust import centre, centre_error, centre_variance, mad_sigma
from .samples import Samples
from .sensitivity import Belief, corrected_by_itself

# What is assumed before anything is known, with the weight of so many cases; and the least believed.
# DESIGN section 5 measured 0.7 to 1.3 % between blocks of one process for the frameworks that allocate little, noise
# within the blocks included.
PRIOR_SPREAD = 0.01
PRIOR_WEIGHT = 3
# Beside a sibling thread that works: 3 to 6 % were seen.
PRIOR_BUSY_SPREAD = 0.03
LEAST_SPREAD = 0.004
# A visit that is so much slower than the median of its case is no noise like the others': pages that lie badly for a
# process's life, a neighbour for a minute. Of 307 recorded cases two had one, 1.9 and 2.4 times as slow.
ASTRAY = 0.15
# Fewer samples of a visit, as of its few moments on a quiet core, hardly tell its noise from what visits differ by.
_LEAST_OF_VISIT = 3
# Between runs an hour apart, beyond what their visits explain: five pairs of runs of 160 cases on the machine of the
# first baselines gave 0.8 to 1.0 %. With the weight of so many cases: what a machine shows itself soon counts for more.
# Never is less believed than the least; of a case that one run recorded, never less than that of one run, since a
# comparison soon after the recording shows none of it (with half of that, one of 160 cases was then SLOWER without a
# change).
PRIOR_RUN_SPREAD = 0.01
PRIOR_RUN_WEIGHT = 20
LEAST_RUN_SPREAD = 0.005
LEAST_OF_ONE_RUN = 0.01


@dataclass(frozen=True)
class Floor:
    """What two measurements of the same thing differ by, as relative standard deviations.

    `visits` is between visits of one run, beyond the noise within them, `runs` between runs beyond that: no number of
    visits lowers it. `quiet_visits` and `busy_visits` are between visits as well, by the samples from quiet cores, and
    by those beside a sibling that worked. Of a case that one run recorded never less than `one_run` is believed between
    runs: what it did then may be what it did in that hour. `belief` is how cases go with the machine's state, and
    `pace` how they go with its pace, for all that is known before theirs is seen.
    """

    visits: float = PRIOR_SPREAD
    runs: float = PRIOR_RUN_SPREAD
    belief: Belief = field(default_factory=Belief)
    pace: PaceBelief = field(default_factory=PaceBelief)
    quiet_visits: float = PRIOR_SPREAD
    busy_visits: float = PRIOR_BUSY_SPREAD
    one_run: float = 0.0

    def between(self, runs: int) -> float:
        """What runs differ by, of a case that so many runs recorded."""
        return self.runs if runs > 1 else max(self.runs, self.one_run)


@dataclass(frozen=True)
class RunToRun:
    """What one comparison of unchanged cases showed: the spread between runs that its visits do not explain."""

    cases: int
    spread: float


def visit_spread(samples: Samples) -> float:
    """Relative standard deviation between the visits of a case, noise within visits included; 0 for a single one."""
    logs = visit_logs(samples)
    return _deviation(logs) if len(logs) > 1 else 0.0


def pair_variance(samples: Samples) -> float:
    """Relative variance of a single pair around the centre of its round; infinite for one sample."""
    if samples.count < 2:
        return math.inf
    # Each round's centre was fitted.
    fitted = (samples.count - 1) / samples.freedom
    return noise_error(samples.rounds) ** 2 * samples.count * fitted


def within_error(samples: Samples, *, of_pair: float | None = None) -> float:
    """Relative standard error of the figure of a case by the noise within its rounds alone; infinite for one sample.

    `of_pair` is the `pair_variance` of the same samples, where it is known already, or better from elsewhere.
    """
    if of_pair is None and len(samples.rounds) == 1:
        return samples.rounds[0].centre_error
    of_pair = pair_variance(samples) if of_pair is None else of_pair
    sizes = [sum(len(round_.workload_ns) for round_ in rounds) for rounds in samples.visits]
    return math.sqrt(of_pair * math.fsum([1 / size for size in sizes]) / len(sizes) * centre_variance(len(sizes)))


def visit_excess(samples: Samples, *, within: float | None = None) -> float:
    """Relative variance between the visits of a case beyond what the noise within them makes; 0 at least.

    `within` is the `within_error` of the same samples, where it is known already.
    """
    count = len(samples.visits)
    if count < 2:
        return 0.0
    within = within_error(samples) if within is None else within
    return max(0.0, visit_spread(samples) ** 2 - within**2 / centre_variance(count))


def figure_error(samples: Samples) -> float:
    """Relative standard error of the figure of a case, the centre of its visits; infinite for fewer than two of them.

    It is for recordings, in which all other cases are timed between two visits: most are moments of their own.
    Visits in which all samples were discarded are none.
    """
    count = len(samples.visits)
    if count < 2:
        return math.inf
    return max(visit_spread(samples) * math.sqrt(centre_variance(count)), within_error(samples))


def _deviation(logs: Sequence[float]) -> float:
    """The standard deviation of two or more visits, without those that went astray.

    What does not move the figure of a case must not be taken for what it varies by.
    """
    middle = statistics.median(logs)
    sound = [log for log in logs if log - middle < ASTRAY]
    # Half of all are not astray but another heap.
    sound = sound if 2 * len(sound) > len(logs) else list(logs)
    middle = centre(sound)
    return centre_error([log - middle for log in sound]) * math.sqrt(len(sound))


def visit_floor(excesses: Iterable[float], *, prior: float = PRIOR_SPREAD) -> float:
    """Relative standard deviation between visits beyond the noise within them, pooled over many cases' variances.

    It is their median: cases that jump have their own spread besides. Few cases are drawn to `prior`, and never
    is less than `LEAST_SPREAD` believed.
    """
    excesses = tuple(excesses)
    if not excesses:
        return prior
    seen = statistics.median(excesses)
    variance = (PRIOR_WEIGHT * prior**2 + len(excesses) * seen) / (PRIOR_WEIGHT + len(excesses))
    return max(LEAST_SPREAD, math.sqrt(variance))


def seen_floor(recordings: Iterable[Samples], *, runs: float) -> Floor:
    """What recordings of unchanged cases, each of some runs, show between their visits.

    `runs` is what is known between runs.
    """
    by_case = [each.runs for each in recordings]
    belief = Belief.pooled(run for each in by_case for run in each)
    recorded = [[(run, corrected_by_itself(run, belief)) for run in each] for each in by_case]
    pace = PaceBelief.pooled([_on_quiet_cores(*run) for run in each] for each in recorded)
    visited = [known for each in recorded for _, known in each if len(known.visits) > 1]
    by_cores = [by_core(each, quiet) for each in visited if (quiet := quiet_ns(each.rounds))]
    return Floor(
        _floor_of(visited),
        runs,
        belief,
        pace,
        quiet_visits=_floor_of(quiet for quiet, _ in by_cores),
        busy_visits=_floor_of((busy for _, busy in by_cores), prior=PRIOR_BUSY_SPREAD),
        one_run=LEAST_OF_ONE_RUN,
    )


def _on_quiet_cores(measured: Samples, known: Samples) -> Recorded:
    """The samples of both from quiet cores, where anybody looked."""
    quiet = quiet_ns(measured.rounds) if measured.are_probed else 0
    return (by_core(measured, quiet)[0], by_core(known, quiet)[0]) if quiet else (measured, known)


def _floor_of(visited: Iterable[Samples], *, prior: float = PRIOR_SPREAD) -> float:
    """The floor between the visits of these samples, those with enough in a visit to know the noise within."""
    enough = (each for each in visited if len(each.visits) > 1 and each.count >= _LEAST_OF_VISIT * len(each.visits))
    return visit_floor(map(visit_excess, enough), prior=prior)


def run_to_run(moves: Sequence[float], explained: Sequence[float], *, changed: bool = False) -> RunToRun:
    """What the moves of many cases between two runs say, most of which have not changed.

    `moves` are logarithms of now ÷ baseline, `explained` their variances by noise within and between visits. What all
    cases have in common is a part of what each differs by, but where some have surely `changed` it may be a change,
    and does not count. A few that did change do not count (median absolute deviation).
    """
    middle = statistics.median(moves)
    sigma = mad_sigma([move - middle for move in moves])
    among = max(0.0, sigma**2 - statistics.median(explained))
    return RunToRun(len(moves), math.sqrt((among + (0.0 if changed else middle**2)) / 2))


def run_floor(seen: Iterable[RunToRun], *, prior: float = PRIOR_RUN_SPREAD) -> float:
    """Relative standard deviation between runs, pooled over what comparisons have shown, drawn to the prior."""
    seen = tuple(seen)
    weight = PRIOR_RUN_WEIGHT + sum(one.cases for one in seen)
    variance = PRIOR_RUN_WEIGHT * prior**2 + sum(one.cases * one.spread**2 for one in seen)
    return max(LEAST_RUN_SPREAD, math.sqrt(variance / weight))
