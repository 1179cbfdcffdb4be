"""How often the judge is right here: every recording against the unchanged ones, judged as a run would judge it."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from ..judging.judge import judge
from ..judging.statistics import doubt_level
from ..judging.verdict import Judgement, Verdict
from ..measuring.between_visits import Floor
from ..measuring.samples import Samples
from ..run.believing import at_the_end, is_settled, judged_so_far, look_level
from ..run.visits import CPU_LOOKS
from .recordings import Recording, Recordings

# A change of the threshold's own size is found half the time, so a slowdown is looked for at half of itself.
THRESHOLD_OF_SLOWDOWN = 0.5


@dataclass(frozen=True)
class Tally:
    """What came of comparisons of one kind; numbers are medians over them, None where no comparison has one.

    Units: `ratio` is now ÷ baseline; `resolution` is the smallest relative change that the judge says it can show.
    """

    verdicts: Mapping[Verdict, int]
    ratio: float | None
    resolution: float | None

    @classmethod
    def of(cls, judgements: Sequence[Judgement]) -> Tally:
        """The tally of these judgements."""
        return cls(
            verdicts=Counter(each.verdict for each in judgements),
            ratio=_median(each.baseline_ratio for each in judgements),
            resolution=_median(each.resolution for each in judgements),
        )

    def __getitem__(self, verdict: Verdict) -> int:
        """How many comparisons ended so."""
        return self.verdicts.get(verdict, 0)

    @property
    def comparisons(self) -> int:
        """All of them."""
        return sum(self.verdicts.values())

    @property
    def changes(self) -> int:
        """Those that say that something changed."""
        return self[Verdict.SLOWER] + self[Verdict.FASTER]


@dataclass(frozen=True)
class Rate:
    """One slowdown looked for at one threshold: what was said of the unchanged workload, and what of the slowed one."""

    slowdown: float
    threshold: float
    unchanged: Tally
    slowed: Tally


def rates(measured: Recordings, *, level: float, floor: Floor) -> tuple[Rate, ...]:
    """A rate for every slowdown that was injected; `level` is the error level of a case, as the judge takes it.

    Comparisons share recordings, and are not independent of each other.
    """
    unchanged = measured.of(0.0)

    def tally(recordings: Sequence[Recording], threshold: float) -> Tally:
        pairs = ((now, before) for before in unchanged for now in recordings if now.turn != before.turn)
        judged = (
            judged_as_a_run(now.visits, before.as_baseline, threshold=threshold, level=level, floor=floor)
            for now, before in pairs
        )
        return Tally.of(tuple(judged))

    found = []
    for slowdown in measured.slowdowns:
        threshold = THRESHOLD_OF_SLOWDOWN * slowdown
        tallies = tally(unchanged, threshold), tally(measured.of(slowdown), threshold)
        found.append(Rate(slowdown, threshold, *tallies))
    return tuple(found)


def judged_as_a_run(
    visits: Sequence[Samples], before: Samples, *, threshold: float, level: float, floor: Floor
) -> Judgement:
    """The run's own rules: visit after visit, until the judgement needs no other or there is none left."""
    look, doubt = look_level(level, CPU_LOOKS), doubt_level(level)
    alone = partial(judge, before=before, threshold=threshold, level=look, floor=floor, doubt=doubt)
    # What a run would put off to a look that nobody can take here is said at the last one there is.
    looks = tuple(look for look in CPU_LOOKS if look <= len(visits)) or CPU_LOOKS
    for count in range(1, len(visits) + 1):
        judgement = judged_so_far(visits[:count], alone, threshold=threshold, looks=looks)
        if is_settled(judgement, count, looks=looks):
            break
    return at_the_end(judgement)


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
