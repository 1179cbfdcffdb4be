"""How a case goes with the machine's state, of which every sample has three signs.

The *control* beside it shows the core, the *sweep* through the caches before it the memory, and the *probe* around it
whether the core's sibling thread works. A busy neighbour slows the workload and all three, but not by the same factor:
a kernel that streams through memory goes with the sweep, one that fills the core's units goes with the probe. How a
case goes with them is seen in its own recording, and drawn to how the other recorded cases of its framework go.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from .core import quiet_ns
from .ridge import POOLINGS, Array, pooled, slopes_over
from .samples import Round, Samples

# Before any recording is seen a case is taken to go with the control alone. Prior standard deviations: so much of it
# goes with the memory or with the probe instead.
PRIOR_MEMORY, PRIOR_SIBLING = 0.3, 0.2
# A sample scatters by at least so much around what its state explains.
_LEAST_NOISE = 0.01
# A probe that took longer, in shortest ones, met an interrupt: a sibling's work makes 1.65 to 2.1.
_MOST_BUSY = 2.4


@dataclass(frozen=True)
class Belief:
    """What is believed of a case before its recording is seen: means and standard deviations of its slopes.

    Shapes: two each, of (memory, sibling).
    """

    means: tuple[float, ...] = (0.0, 0.0)
    deviations: tuple[float, ...] = (PRIOR_MEMORY, PRIOR_SIBLING)

    @classmethod
    def pooled(cls, recordings: Iterable[Samples]) -> Belief:
        """What these recordings have in common, drawn to what is believed before.

        Source: empirical Bayes by expectation and maximization (Dempster, Laird and Rubin, 1977), with medians in place
        of means, so that a few odd cases do not move it.
        """
        seen = [each for each in map(_Seen.of, recordings) if each is not None]
        belief = cls()
        for _ in range(POOLINGS if seen else 0):
            slopes, covariances = map(np.array, zip(*(each.slopes(belief) for each in seen), strict=True))
            parts = [
                pooled(slopes[has_sign, axis], covariances[has_sign, axis, axis], prior_deviation)
                for axis, prior_deviation in enumerate(cls().deviations)
                # A recording without the sign says nothing of its slope.
                for has_sign in [np.array([bool(each.usual[1 + axis]) for each in seen])]
            ]
            means, deviations = zip(*parts, strict=True)
            belief = cls(means, deviations)
        return belief

    def doubt_without_probes(self, samples: Samples) -> float:
        """Relative standard error of a comparison with samples without probes, by what the probes of these show."""
        probed = _Seen.of(samples) if samples.are_probed else None
        if probed is None:
            return 0.0
        return math.hypot(self.means[1], self.deviations[1]) * float(np.std(probed.axes[1]))


@dataclass(frozen=True)
class Sensitivity:
    """A case's time goes as control ** core × sweep ** memory × probe ** sibling, relative to what is usual.

    The three exponents are 1 together, so that a machine which becomes slower in every way leaves the figure.
    `slopes` are (memory, sibling), `covariance` how well they are known. `usual` are the medians of the recording from
    which this was learned, of control, sweep and probe; 0 where it has no such sign. Shapes: 2;
    2 x 2; 3. Units: `usual` and `quiet_ns`, the shortest probe, in nanoseconds.
    """

    slopes: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    usual: tuple[float, float, float]
    quiet_ns: int

    @property
    def memory(self) -> float:
        """The exponent of the sweep."""
        return self.slopes[0]

    @property
    def sibling(self) -> float:
        """The exponent of the probe."""
        return self.slopes[1]

    @property
    def core(self) -> float:
        """The exponent of the control."""
        return 1 - self.memory - self.sibling

    @staticmethod
    def of(recording: Samples, belief: Belief | None = None) -> Sensitivity | None:
        """What a recording shows, drawn to what is believed before; None where it has no sign but the control.

        Source: ridge regression (a normal prior) with Huber's weights, on the logarithms of all its pairs
        (docs/controls.md has what it is worth).
        """
        return _remembered(recording, belief or Belief())

    def corrected(self, samples: Samples) -> Samples:
        """The same samples beside the control that goes as this case does."""
        return replace(samples, rounds=tuple(self._corrected(each) for each in samples.rounds))

    def doubt(self, samples: Samples, recorded: Samples) -> float:
        """Relative standard error of what the two sides' states are corrected by: the farther apart, the larger.

        `recorded` is the recording, or some of its samples.
        """
        if not samples.rounds or not all(self._is_like(each) for each in samples.rounds):
            return 0.0
        here, there = (
            np.concatenate([self._way(each) for each in side.rounds if each.workload_ns], axis=1).mean(axis=1)
            for side in (samples, recorded)
        )
        return float(np.sqrt((here - there) @ np.asarray(self.covariance) @ (here - there)))

    def _way(self, round_: Round) -> Array:
        return _axes(_signs(round_, self.usual, self.quiet_ns))

    def _is_like(self, round_: Round) -> bool:
        """Whether this round has the signs of the recording."""
        has_signs = round_.is_swept >= bool(self.usual[1]) and round_.is_probed >= bool(self.usual[2])
        return round_.is_usable and has_signs

    def _corrected(self, round_: Round) -> Round:
        if not self._is_like(round_):
            return round_
        log = np.asarray(self.slopes) @ self._way(round_)
        return replace(round_, control_ns=tuple((np.asarray(round_.control_ns) * np.exp(log)).tolist()))


def _learned(recording: Samples, belief: Belief) -> Sensitivity | None:
    """What `Sensitivity.of` says."""
    seen = _Seen.of(recording)
    if seen is None:
        return None
    slopes, covariance = seen.slopes(belief)
    return Sensitivity(tuple(slopes.tolist()), tuple(map(tuple, covariance.tolist())), seen.usual, seen.quiet_ns)


# A visit's judgement asks for the same recording more than once.
_remembered = lru_cache(maxsize=64)(_learned)


def corrected_by_itself(recording: Samples, belief: Belief | None = None) -> Samples:
    """A recording beside the control that goes as its case does; as it is where that is not known."""
    found = _learned(recording, belief or Belief())
    return recording if found is None else found.corrected(recording)


def _signs(round_: Round, usual: Sequence[float], shortest_ns: int) -> Array:
    """Logarithms of control, sweep and probe, relative to what is usual; those of a missing sign are the control's."""
    control = np.log(np.asarray(round_.control_ns) / usual[0])
    sweep = np.log(np.asarray(round_.sweep_ns) / usual[1]) if usual[1] else control
    # The shortest probe of a machine of another pace is another one.
    probe_ns = np.minimum(round_.probe_ns, _MOST_BUSY * max(shortest_ns, round_.quiet_ns)) if usual[2] else ()
    return np.stack((control, sweep, np.log(np.asarray(probe_ns) / usual[2]) if usual[2] else control))


def _axes(signs: Array) -> Array:
    """What the slopes belong to: memory and sibling, beside the core. Shapes: 3 x samples; 2 x samples."""
    core, memory, sibling = signs
    return np.stack((memory - core, sibling - core))


@dataclass(frozen=True)
class _Seen:
    """What a recording says of slopes: workload ÷ control over the axes of the state.

    `alike` samples see nearly the same state. Shapes: n; 2 x n.
    """

    figure: Array
    axes: Array
    alike: float
    usual: tuple[float, float, float]
    quiet_ns: int

    @classmethod
    def of(cls, recording: Samples) -> _Seen | None:
        """None where a round has no usable pair, or one has no sign but the control."""
        rounds = [each for each in recording.rounds if each.workload_ns]
        if not rounds or not all(each.is_usable for each in rounds):
            return None
        has_sweep, has_probe = recording.are_swept, recording.are_probed
        if not has_sweep and not has_probe:
            return None
        quiet = quiet_ns(rounds) or min((min(each.probe_ns, default=0) for each in rounds), default=0)
        probes = [min(ns, _MOST_BUSY * max(quiet, each.quiet_ns)) for each in rounds for ns in each.probe_ns]
        usual = (
            statistics.median(recording.control_ns),
            statistics.median(recording.sweep_ns) if has_sweep else 0.0,
            statistics.median(probes) if has_probe else 0.0,
        )
        signs = [_signs(each, usual, quiet) for each in rounds]
        figure = np.log(np.concatenate([np.divide(each.workload_ns, each.control_ns) for each in rounds]))
        return cls(
            figure,
            _axes(np.concatenate(signs, axis=1)),
            alike=recording.count / len(recording.visits),
            usual=usual,
            quiet_ns=quiet,
        )

    def slopes(self, belief: Belief) -> tuple[Array, Array]:
        """Slopes of the figure over the axes, drawn to what is believed, and their covariance.

        What control and sweep scatter by themselves lowers the slopes, as it should: they are for correcting what is
        seen, not for knowing how a case would go with a state that is known exactly. The covariance counts visits, of
        which the samples are alike; the slopes count samples (by visits, two runs lay 3.1 % apart, and not 2.8 %).
        """
        return slopes_over(
            self.axes,
            self.figure,
            means=belief.means,
            deviations=belief.deviations,
            least_noise=_LEAST_NOISE,
            alike=self.alike,
        )
