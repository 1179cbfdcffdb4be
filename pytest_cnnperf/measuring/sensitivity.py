"""How a case goes with the machine's state: its core, which the control shows, and its memory, which the sweep shows.

A busy neighbour slows the workload, the control and the sweep through the caches before each sample, but not by the
same factor: a kernel that streams through memory goes with the sweep, one that computes goes with the control. How a
case goes with them is seen in its own recording: the more the machine's state varied then, the better.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .median import is_usable, mad_sigma
from .samples import Round, Samples

# Before anything is seen a case is taken to go with the control alone. Prior standard deviations: so much of it goes
# with the memory instead, and it feels both by so much more or less than they do. Wide ones: beside a busy sibling of
# the core the control took 1.3 times as long, and filter gradients of AlexNet's first layer 1.55 to 1.8 times.
PRIOR_MEMORY, PRIOR_MORE = 0.3, 0.5
# A sample scatters by at least so much around what core and memory explain.
_LEAST_NOISE = 0.01
# Samples farther away than so many deviations pull with less weight (Huber); the weights are made again so often.
_HUBER = 1.345
_ITERATIONS = 6
# A state of the machine is seen where control or sweep vary by so many times the variance of their own scatter, which
# is never taken for less than this.
_STATE_TO_SCATTER = 4.0
_LEAST_SCATTER = 1e-4

_Array = NDArray[np.float64]


@dataclass(frozen=True)
class Sensitivity:
    """A case's time goes as control ** `core` times sweep ** `memory`, both relative to what they usually are.

    `covariance` is how well the two are known, of (memory, core + memory). Shapes: 2 x 2.
    Units: `control_ns` and `sweep_ns` are what is usual, medians of the recording from which this was learned.
    """

    core: float
    memory: float
    control_ns: float
    sweep_ns: float
    covariance: tuple[tuple[float, ...], ...]

    @classmethod
    def of(cls, recording: Samples) -> Sensitivity | None:
        """What a recording shows, drawn to what is believed before; None where its samples were not swept.

        Source: ridge regression (a normal prior) with Huber's weights, on the logarithms of all its pairs. Of 155 cases
        of three frameworks on a machine with busy tenants, half the visits of a recording differed from the other half
        by more than 5 % in 15 % of cases beside the control alone, and in 8 % so; the priors were
        chosen on that same recording (docs/controls.md).
        """
        if not recording.rounds or not all(map(_is_swept, recording.rounds)):
            return None
        usual = statistics.median(recording.control_ns), statistics.median(recording.sweep_ns)
        core, memory = (
            np.log(np.asarray(ns) / middle)
            for ns, middle in zip((recording.control_ns, recording.sweep_ns), usual, strict=True)
        )
        figure = np.log(np.asarray(recording.workload_ns) / np.asarray(recording.control_ns))
        # Samples of a visit see nearly the same state.
        alike = recording.count / len(recording.visits)
        scatter = _Scatter.of(recording)
        (of_memory, more), covariance = _slopes(figure, np.stack((memory - core, core)), scatter, alike=alike)
        return cls(float(1 - of_memory + more), float(of_memory), *usual, tuple(map(tuple, covariance.tolist())))

    def corrected(self, samples: Samples) -> Samples:
        """The same samples beside the control that goes as this case does."""
        return replace(samples, rounds=tuple(self._corrected(each) for each in samples.rounds))

    def doubt(self, samples: Samples) -> float:
        """Relative standard error of the correction of these samples: the farther from the usual state, the larger."""
        if not samples.sweep_ns or not all(map(_is_swept, samples.rounds)):
            return 0.0
        core = float(np.median(np.log(np.asarray(samples.control_ns) / self.control_ns)))
        memory = float(np.median(np.log(np.asarray(samples.sweep_ns) / self.sweep_ns)))
        way = np.array((memory - core, core))
        return float(np.sqrt(way @ np.asarray(self.covariance) @ way))

    def _corrected(self, round_: Round) -> Round:
        if not _is_swept(round_):
            return round_
        control = (np.asarray(round_.control_ns) / self.control_ns) ** self.core
        memory = (np.asarray(round_.sweep_ns) / self.sweep_ns) ** self.memory
        return replace(round_, control_ns=tuple((self.control_ns * control * memory).tolist()))


def corrected_by_itself(recording: Samples) -> Samples:
    """A recording beside the control that goes as its case does; as it is where that is not known."""
    found = Sensitivity.of(recording)
    return recording if found is None else found.corrected(recording)


def _is_swept(round_: Round) -> bool:
    return is_usable(round_) and len(round_.sweep_ns) == len(round_.workload_ns) and min(round_.sweep_ns) > 0


@dataclass(frozen=True)
class _Scatter:
    """Variances that control and sweep have of themselves, whatever the machine's state is: no case follows them."""

    core: float
    memory: float

    @classmethod
    def of(cls, recording: Samples) -> _Scatter:
        """From neighbouring samples of a visit, most of which see the same state."""

        def own(name: str) -> float:
            steps = np.concatenate([np.diff(np.log(getattr(each, name))) for each in recording.rounds])
            return mad_sigma(steps.tolist()) ** 2 / 2 if len(steps) else 0.0

        return cls(own("control_ns"), own("sweep_ns"))

    @property
    def of_axes(self) -> _Array:
        """What of the covariance of sweep ÷ control and control it makes."""
        return np.array(((self.memory + self.core, -self.core), (-self.core, self.core)))

    @property
    def of_figure(self) -> _Array:
        """What of their covariances with workload ÷ control it makes."""
        return np.array((self.core, -self.core))


def _slopes(values: _Array, axes: _Array, scatter: _Scatter, *, alike: float) -> tuple[Any, _Array]:
    """Slopes of the values over these axes, drawn to 0 by the priors, and their covariance if so many say one thing.

    Source: moments corrected for errors in the axes (Fuller, "Measurement error models", 1987); without that, what
    scatters by itself would be taken for a state of the machine that the case does not feel.
    """
    prior = np.diag(np.array((PRIOR_MEMORY, PRIOR_MORE)) ** -2)
    residuals = values - np.median(values)
    for _ in range(_ITERATIONS):
        noise = max(_LEAST_NOISE, mad_sigma(residuals.tolist()))
        weights = np.minimum(1.0, _HUBER * noise / np.maximum(np.abs(residuals), 1e-9))
        centred = axes - np.average(axes, axis=1, weights=weights)[:, None]
        off = values - np.average(values, weights=weights)
        total = weights.sum()
        seen, pull = _beyond_scatter(
            (centred * weights) @ centred.T / total,
            (centred * weights) @ off / total - scatter.of_figure,
            scatter.of_axes,
        )
        seen, pull = total * seen / noise**2, total * pull / noise**2
        slopes = np.linalg.solve(seen + prior, pull)
        residuals = off - slopes @ centred
    return slopes, np.linalg.inv(seen / alike + prior)


def _beyond_scatter(covariance: _Array, pull: _Array, own: _Array) -> tuple[_Array, _Array]:
    """What state of the machine there is in a covariance of axes, less their own; nothing where that may be chance.

    Both are left in the directions in which the axes vary by several times what they scatter by themselves.
    """
    root = np.linalg.cholesky(own + _LEAST_SCATTER**2 * np.eye(len(own)))
    to_own = np.linalg.inv(root)
    times, directions = np.linalg.eigh(to_own @ covariance @ to_own.T)
    is_state = times > _STATE_TO_SCATTER
    kept = directions[:, is_state]
    return (root @ kept * (times[is_state] - 1)) @ (root @ kept).T, root @ kept @ kept.T @ to_own @ pull
