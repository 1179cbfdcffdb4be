"""Two sides that met other states of the machine, made comparable: by the signs of that state, and like with like."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ..measuring.between_visits import Floor, pair_variance
from ..measuring.core import by_core, quiet_ns
from ..measuring.pace import Recorded, allowed_for, pace_slope
from ..measuring.samples import Samples, unprobed, unswept
from ..measuring.sensitivity import Sensitivity
from .change import Change, change_between, of_both, over_runs, shares
from .sides import Apart, Counted, Noise, Part, Side
from .statistics import flaw_of

# The noise of a side that is known with fewer degrees of freedom is not believed where both sides together have more.
_FEW = 12.0
# Where a whole host goes at another pace, cases follow it more or less, and not quite as between the visits of a
# recording: in four runs at a pace 2 to 5 % faster than the recorded ones, unchanged cases lay 2.2 % off (root mean
# square), 1.8 % with what their recordings show of it, and 1.2 to 1.4 % at the recorded pace. Standard deviations: of
# what two sides' paces lie apart so much, and at most so much in all.
PACE_DOUBT, MOST_PACE_DOUBT = 0.4, 0.025
QUIET = "quiet"


@dataclass(frozen=True)
class Compared:
    """What two sides say of each other.

    `own` and `pace` are now ÷ before of the workload's and of the control's time, in the samples that are most alike.
    `doubt_of_pace` is the relative standard error that another pace makes.
    `lacks_quiet_core` says that the recording has samples from quiet cores, and these have too few; `runs` is how many
    runs it comes from.
    """

    change: Change
    own: float
    pace: float
    lacks_quiet_core: bool
    doubt_of_pace: float = 0.0
    runs: int = 1


def compared(now: Samples, before: Samples, *, floor: Floor) -> Compared:
    """The change between the two beside the control that goes as the case does, as far as the recording shows it.

    Where both have samples from quiet cores those are compared with each other, and those from beside a busy sibling
    with their like: a figure from quiet cores is known better, and what a sibling's work does to a case is hardly the
    same twice. A recording of several runs is compared with run by run.
    """
    met = [_Met.of(now, run, floor) for run in before.runs]
    slope = pace_slope([one.recorded for one in met if one.shows_pace], floor.pace)
    found = [one.compared(slope=slope, others=[other for other in met if other is not one]) for one in met]
    spread = floor.between(len(found))
    changes = [each.change for each in found]
    counts = shares(changes, spread=spread)
    return Compared(
        over_runs(changes, spread=spread),
        own=_mean((each.own for each in found), counts),
        pace=_mean((each.pace for each in found), counts),
        lacks_quiet_core=any(each.lacks_quiet_core for each in found),
        doubt_of_pace=math.fsum(share * each.doubt_of_pace for share, each in zip(counts, found, strict=True)),
        runs=len(found),
    )


def _mean(ratios: Iterable[float], counts: Sequence[float]) -> float:
    return math.exp(math.fsum(share * math.log(ratio) for share, ratio in zip(counts, ratios, strict=True)))


def _times(now_ns: Sequence[int], before_ns: Sequence[int]) -> float:
    return statistics.median(now_ns) / statistics.median(before_ns)


@dataclass(frozen=True)
class _Kind:
    """Samples of both sides from cores in the same state, which has this name, with their floor between visits."""

    name: str
    now: Samples
    before: Samples
    visits: float

    @property
    def has_flaw(self) -> bool:
        """Whether a side has too few of them."""
        return any(flaw_of(side) for side in (self.now, self.before))


@dataclass(frozen=True)
class _Weighed:
    """Samples of one kind, the noise of their visits, and what these count for on either side beside it."""

    kind: _Kind
    noise: Noise
    now: Counted
    before: Counted

    @property
    def log_pace(self) -> float:
        """Now ÷ before of the control's time on a logarithmic scale, of visits that count as they do in the figures."""
        sides = ((self.now, self.kind.now), (self.before, self.kind.before))
        now, before = (counted.centre_of(_control_logs(samples)) for counted, samples in sides)
        return now - before


def _control_logs(samples: Samples) -> list[float]:
    """The logarithm of the control's time in each visit."""
    visits = ([ns for each in rounds for ns in each.control_ns] for rounds in samples.visits)
    return [math.log(statistics.median(times_ns)) for times_ns in visits]


@dataclass(frozen=True)
class _Met:
    """Samples of now and of one recorded run, as far as both know of the machine's state.

    `kinds` are those that can be compared, of what was recorded `before`; `found` is how the case goes with that state,
    `doubt` the relative standard error of what only one side knows of it.
    """

    kinds: Sequence[_Kind]
    before: Samples
    lacks_quiet_core: bool
    found: Sensitivity | None
    doubt: float

    @classmethod
    def of(cls, now: Samples, before: Samples, floor: Floor) -> _Met:
        """Without the signs that one of the two lacks."""
        doubt = 0.0
        if not (now.are_swept and before.are_swept):
            now, before = unswept(now), unswept(before)
        if not (now.are_probed and before.are_probed):
            doubt = max(floor.belief.doubt_without_probes(each) for each in (now, before))
            now, before = unprobed(now), unprobed(before)
        kinds, lacks_quiet_core = _alike(now, before, floor)
        return cls(kinds, before, lacks_quiet_core, Sensitivity.of(before, floor.belief), doubt)

    def compared(self, *, slope: float, others: Sequence[_Met]) -> Compared:
        """As `compared` of this recorded run, without what runs differ by; the `others` recorded the case too.

        `slope` is how the case goes with the machine's pace besides.
        A case that was restless in one of them is none the calmer for another that did not see it.
        """
        weighed = [self._weighed(kind, others=[other.apart(kind.name) for other in others]) for kind in self.kinds]
        most_alike = weighed[0]
        log_pace = most_alike.log_pace if self.shows_pace else 0.0
        doubt_of_pace = min(PACE_DOUBT * abs(log_pace), MOST_PACE_DOUBT)
        changes = [self._change_of(each, doubt_of_pace=doubt_of_pace) for each in weighed]
        change = of_both(*changes) if len(changes) > 1 else changes[0]
        return Compared(
            replace(change, log_ratio=change.log_ratio - allowed_for(slope, log_pace)),
            own=_times(most_alike.kind.now.workload_ns, most_alike.kind.before.workload_ns),
            pace=math.exp(most_alike.log_pace),
            lacks_quiet_core=self.lacks_quiet_core,
            doubt_of_pace=doubt_of_pace,
        )

    def apart(self, name: str) -> Apart:
        """What the recorded visits differ by, in their samples of this kind; in all samples where there is none."""
        sides = self._sides.get(name)
        return Apart.of(self._corrected(self.before)) if sides is None else sides[1].apart

    @cached_property
    def _sides(self) -> dict[str, tuple[Side, Side]]:
        """Now and before, by the name of the kind, beside the control that goes as the case does."""
        found = {}
        for kind, both in zip(self.kinds, self._known, strict=True):
            now, before = (Side.of(each, noise) for each, noise in zip(both, _noise_of(both), strict=True))
            found[kind.name] = (now, before)
        return found

    @cached_property
    def _known(self) -> list[tuple[Samples, Samples]]:
        """Samples of now and before of each kind, beside the control that goes as the case does."""
        return [(self._corrected(kind.now), self._corrected(kind.before)) for kind in self.kinds]

    @property
    def recorded(self) -> Recorded:
        """The recorded samples that are most alike, as measured and beside the control that goes as the case does."""
        return self.kinds[0].before, self._known[0][1]

    @property
    def shows_pace(self) -> bool:
        """Whether the control tells the machine's pace; not where a sibling's work is in it."""
        return self.kinds[0].name == QUIET or not self.kinds[0].now.are_probed

    def _corrected(self, samples: Samples) -> Samples:
        return samples if self.found is None else self.found.corrected(samples)

    def _weighed(self, kind: _Kind, *, others: Sequence[Apart]) -> _Weighed:
        """What the visits of this kind count for, where the case's in other runs differ so."""
        now, before = self._sides[kind.name]
        noise = Noise.of((now.apart, before.apart, *others), floor=kind.visits)
        return _Weighed(kind, noise, now.counted(noise), before.counted(noise))

    def _change_of(self, weighed: _Weighed, *, doubt_of_pace: float) -> Change:
        """The change between samples of one kind."""
        doubts = [self.doubt, doubt_of_pace]
        if self.found is not None:
            doubts.append(self.found.doubt(weighed.kind.now, weighed.kind.before))
        return change_between(weighed.now, weighed.before, noise=weighed.noise, doubt=math.hypot(*doubts))


def _alike(now: Samples, before: Samples, floor: Floor) -> tuple[list[_Kind], bool]:
    """What can be compared of the two: those of quiet cores, and all others; and whether only these lack the former.

    Few others are left out. Where there are too few of quiet cores everything is compared at once, since exponents make
    more of samples from beside siblings than these do alone.
    """
    everything = [_Kind("all", now, before, floor.visits)]
    if not now.are_probed:
        return everything, False
    # What was never seen quiet now is none the quieter for that.
    shortest_ns = quiet_ns((*now.rounds, *before.rounds))
    (quiet_now, busy_now), (quiet_before, busy_before) = (by_core(side, shortest_ns) for side in (now, before))
    quiet = _Kind(QUIET, quiet_now, quiet_before, floor.quiet_visits)
    busy = _Kind("busy", busy_now, busy_before, floor.busy_visits)
    if quiet.has_flaw:
        return everything, flaw_of(quiet_before) is None
    return ([quiet] if busy.has_flaw else [quiet, busy]), False


def _noise_of(sides: Sequence[Samples]) -> list[Part]:
    """The variance of a pair of each side; that of few is known better from both sides together, if that is more."""
    own = [(pair_variance(side), float(side.freedom)) for side in sides]
    freedom = math.fsum(part for _, part in own)
    together = (math.fsum(variance * part for variance, part in own) / freedom, freedom)
    return [together if known < _FEW and variance < together[0] else (variance, known) for variance, known in own]
