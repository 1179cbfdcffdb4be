"""How a case goes with the machine's pace beyond what the control beside it does.

A host that has little else to do is faster in every way, and some cases follow that more than the control: gradients of
3x3 filters and Winograd by 1.7 to 1.9 % where the control becomes 1 % faster, direct loops by 1 %. Within a visit that
hardly shows (the control's own scatter hides it), between visits it does.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .figure import visit_logs
from .ridge import POOLINGS, Array, pooled, slopes_over
from .samples import Round, Samples

# Before any recording is seen: a case goes with the control, give or take so much (standard deviation).
PRIOR_PACE = 0.3
# A visit scatters by at least so much around what its pace explains.
_LEAST_NOISE = 0.004
# Recordings know paces that lie a few percent apart; beyond, nothing is allowed for.
MOST_ALLOWED = 0.05


# A recorded run of a case: as it was measured, and beside the control that goes as the case does.
Recorded = tuple[Samples, Samples]


@dataclass(frozen=True)
class PaceBelief:
    """What is believed of a case's slope before its recording is seen: mean and standard deviation."""

    mean: float = 0.0
    deviation: float = PRIOR_PACE

    @classmethod
    def pooled(cls, cases: Iterable[Sequence[Recorded]]) -> PaceBelief:
        """What these cases' recorded runs have in common, drawn to what is believed before."""
        seen = [each for each in map(_Seen.of, cases) if each is not None]
        belief = cls()
        for _ in range(POOLINGS if seen else 0):
            slopes, variances = map(np.array, zip(*(each.slope(belief) for each in seen), strict=True))
            belief = cls(*pooled(slopes, variances, PRIOR_PACE))
        return belief


@dataclass(frozen=True)
class Pace:
    """A case's time goes as control ** (1 + slope) between visits; `error` is the standard error of the slope.

    `usual` is the logarithm of what a unit of control usually takes, in nanoseconds.
    """

    slope: float
    error: float
    usual: float

    @classmethod
    def of(cls, recorded: Sequence[Recorded], belief: PaceBelief) -> Pace | None:
        """What the recorded runs of a case show, drawn to what is believed before; None where no run has two visits."""
        seen = _Seen.of(recorded)
        if seen is None:
            return None
        slope, variance = seen.slope(belief)
        return cls(slope, math.sqrt(variance), seen.usual)

    def allowed_for(self, known: Samples, measured: Samples) -> Samples:
        """The samples `known`, which were `measured` so, as they would be at the usual pace."""
        factors = [math.exp(self.slope * self._off(pace)) for pace in _paces(measured)]
        rounds = zip(known.rounds, factors, strict=True)
        return replace(known, rounds=tuple(_beside(round_, factor) for round_, factor in rounds))

    def doubt(self, now: Samples, before: Samples) -> float:
        """Relative standard error of what two sides' paces are allowed for: the farther apart, the larger."""
        here, there = (statistics.fmean(map(self._off, _paces(side))) for side in (now, before))
        return self.error * abs(here - there)

    def _off(self, pace: float | None) -> float:
        return 0.0 if pace is None else min(MOST_ALLOWED, max(-MOST_ALLOWED, pace - self.usual))


def _beside(round_: Round, factor: float) -> Round:
    return replace(round_, control_ns=tuple((np.asarray(round_.control_ns) * factor).tolist()))


def _paces(samples: Samples) -> list[float | None]:
    """The logarithm of the control's time in the visit of each round; None without samples."""
    found: dict[tuple[int, int], list[int]] = {}
    for round_ in samples.rounds:
        found.setdefault((round_.run, round_.visit), []).extend(round_.control_ns)
    logs = {visit: math.log(statistics.median(ns)) if ns and min(ns) > 0 else None for visit, ns in found.items()}
    return [logs[round_.run, round_.visit] for round_ in samples.rounds]


@dataclass(frozen=True)
class _Seen:
    """Paces and figures of the visits of all recorded runs, each from the middle of its run: runs differ by more."""

    paces: Array
    logs: Array
    usual: float

    @classmethod
    def of(cls, recorded: Sequence[Recorded]) -> _Seen | None:
        runs = [seen for seen in (np.array(list(_of_run(*one))).reshape(-1, 2) for one in recorded) if len(seen) > 1]
        if not runs:
            return None
        off = np.concatenate([seen - np.median(seen, axis=0) for seen in runs])
        return cls(off[:, 0], off[:, 1], usual=float(np.median(np.concatenate(runs)[:, 0])))

    def slope(self, belief: PaceBelief) -> tuple[float, float]:
        """The slope and its variance."""
        slopes, covariance = slopes_over(
            self.paces[None, :],
            self.logs,
            means=(belief.mean,),
            deviations=(belief.deviation,),
            least_noise=_LEAST_NOISE,
            alike=1.0,
        )
        return float(slopes[0]), float(covariance[0, 0])


def _of_run(measured: Samples, known: Samples) -> Iterator[tuple[float, float]]:
    """Pace and figure of each usable visit."""
    for rounds, beside in zip(measured.visits, known.visits, strict=True):
        if all(round_.is_usable for round_ in beside):
            pace = math.log(statistics.median(ns for round_ in rounds for ns in round_.control_ns))
            yield from ((pace, log) for log in visit_logs(replace(known, rounds=beside)))
