"""What the self-test measured: one convolution, unchanged and slowed, again and again, as a run would measure it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..baseline.entry import thinned
from ..measuring.samples import Samples, joined


@dataclass(frozen=True)
class Recording:
    """All visits that a comparison may make of the workload.

    Recordings of one `turn` were timed by turns in the same processes, and are never compared with each other.
    Units: `slowdown` is what each call burned besides, as a part of its own CPU time (0.05 is +5 %, 0 the unchanged).
    """

    slowdown: float
    turn: int
    visits: tuple[Samples, ...]

    @property
    def as_baseline(self) -> Samples:
        """The same as a baseline would hold it: as many samples as are kept."""
        whole = joined(self.visits)
        return replace(whole, rounds=thinned(whole.rounds))


@dataclass(frozen=True)
class Recordings:
    """All recordings of one framework's convolution."""

    framework: str
    title: str
    key: str
    recordings: Sequence[Recording]

    def of(self, slowdown: float) -> tuple[Recording, ...]:
        """Those that are slowed by so much."""
        return tuple(each for each in self.recordings if each.slowdown == slowdown)

    @property
    def slowdowns(self) -> tuple[float, ...]:
        """Everything that was injected, the least first; without the unchanged."""
        return tuple(sorted({each.slowdown for each in self.recordings} - {0.0}))
