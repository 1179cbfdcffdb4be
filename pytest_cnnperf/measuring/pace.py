"""How a case goes with the machine's pace beyond what the control beside it does.

A host that has little else to do is faster in every way, and some cases follow that more than the control: gradients of
3x3 filters and Winograd by 1.7 to 1.9 % where the control becomes 1 % faster, direct loops by 1 %. Within a visit that
hardly shows, between visits it does. The pace is seen on quiet cores only: a sibling's work moves the control, too.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .ridge import POOLINGS, Array, pooled, slopes_over
from .robust import centre
from .samples import Round, Samples

# Before any recording is seen: a case goes with the control, give or take so much (standard deviation).
PRIOR_PACE = 0.3
# A visit scatters by at least so much around what its pace explains.
_LEAST_NOISE = 0.004
# A visit with fewer pairs has no halves to speak of.
_LEAST_PAIRS = 4
# Recordings know paces that lie a few percent apart; beyond, nothing is allowed for.
MOST_ALLOWED = 0.05

# Samples of a recorded run from quiet cores: as measured, and beside the control that goes as the case does.
Recorded = tuple[Samples, Samples]


@dataclass(frozen=True)
class PaceBelief:
    """What is believed of a case's slope before its recording is seen: mean and standard deviation."""

    mean: float = 0.0
    deviation: float = PRIOR_PACE

    @classmethod
    def pooled(cls, cases: Iterable[Sequence[Recorded]]) -> PaceBelief:
        """What these cases have in common, each of which has some recorded runs, drawn to what is believed before."""
        seen = [each for each in map(_Seen.of, cases) if each is not None]
        belief = cls()
        for _ in range(POOLINGS if seen else 0):
            slopes, variances = map(np.array, zip(*(each.slope(belief) for each in seen), strict=True))
            belief = cls(*pooled(slopes, variances, PRIOR_PACE))
        return belief


def pace_slope(recorded: Sequence[Recorded], belief: PaceBelief) -> float:
    """A case's time goes as control ** (1 + slope) between visits, as far as its recorded runs show it.

    Drawn to what is believed before.
    """
    seen = _Seen.of(recorded)
    return belief.mean if seen is None else seen.slope(belief)[0]


def allowed_for(slope: float, log_pace: float) -> float:
    """What a change of the control's time by this makes of a case's figure; both are logarithms."""
    return slope * min(MOST_ALLOWED, max(-MOST_ALLOWED, log_pace))


@dataclass(frozen=True)
class _Seen:
    """Paces and figures of the visits of all recorded runs, each from the middle of its run: runs differ by more.

    `alike` of them tell as much as one.
    """

    paces: Array
    logs: Array
    alike: float

    @classmethod
    def of(cls, recorded: Sequence[Recorded]) -> _Seen | None:
        """None where no run has two moments: what happens within one is not the pace of the host."""
        apart = [(measured, known) for measured, known in recorded if measured.moment_count > 1]
        seen = [(np.array(list(_of_run(*one))).reshape(-1, 2), one[0].moment_count) for one in apart]
        seen = [(values, moments) for values, moments in seen if len(values)]
        if not seen:
            return None
        off = np.concatenate([values - np.median(values, axis=0) for values, _ in seen])
        return cls(off[:, 0], off[:, 1], alike=len(off) / sum(moments for _, moments in seen))

    def slope(self, belief: PaceBelief) -> tuple[float, float]:
        """The slope and its variance."""
        slopes, covariance = slopes_over(
            self.paces[None, :],
            self.logs,
            means=(belief.mean,),
            deviations=(belief.deviation,),
            least_noise=_LEAST_NOISE,
            alike=max(1.0, self.alike),
        )
        return float(slopes[0]), float(covariance[0, 0])


def _of_run(measured: Samples, known: Samples) -> Iterator[tuple[float, float]]:
    """Pace and figure of each visit, twice, from other halves of its pairs.

    The control is in both: of the same pairs its noise would look like a slope of -1.
    """
    for rounds, beside in zip(measured.visits, known.visits, strict=True):
        pairs = [pair for each in zip(rounds, beside, strict=True) for pair in _pairs(*each)]
        if len(pairs) >= _LEAST_PAIRS:
            for here, there in ((pairs[::2], pairs[1::2]), (pairs[1::2], pairs[::2])):
                yield statistics.median(pace for pace, _ in here), centre([log for _, log in there])


def _pairs(measured: Round, known: Round) -> Iterator[tuple[float, float]]:
    """The logarithms of the control as measured, and of the figure, of each usable pair."""
    if measured.is_usable and known.is_usable:
        yield from zip(map(math.log, measured.control_ns), known.logs, strict=True)
