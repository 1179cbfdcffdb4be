"""What the measuring loop needs of anything that can be timed, wherever it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from ..cases import Clock
from ..frameworks.resolved import Resolved


@dataclass(frozen=True)
class Timed:
    """Pairs taken back to back.

    Units: nanoseconds per workload call and per control unit; `wall_ns` is elapsed time of the same calls, `sweep_ns`
    that of the sweep through the caches before each sample, empty where there is none. `probe_ns` tells of the core
    beside each sample, empty where it is not looked at, and `quiet_ns` what that takes on a quiet one.
    """

    workload_ns: tuple[int, ...]
    control_ns: tuple[int, ...]
    wall_ns: tuple[int, ...]
    sweep_ns: tuple[int, ...] = ()
    probe_ns: tuple[int, ...] = ()
    quiet_ns: int = 0


class Source(Protocol):
    """One prepared workload beside the control."""

    @property
    def resolved(self) -> Resolved:
        """What really runs."""
        ...

    @property
    def first_call_ns(self) -> int:
        """Elapsed time of the very first call."""
        ...

    @property
    def control(self) -> str:
        """Version of the control."""
        ...

    @property
    def flips(self) -> bool:
        """Whether `flip` can negate the first operand, so that a stale output shows."""
        ...

    @property
    def is_new_process(self) -> bool:
        """Whether nothing else was timed in this process before."""
        ...

    def estimate(self, clock: Clock) -> tuple[int, int]:
        """Nanoseconds of one workload call and of one control unit."""
        ...

    def time(self, *, samples: int, warmup: int, repeats: int, control_units: int, clock: Clock, flip: bool) -> Timed:
        """So many pairs after so many warm-up calls."""
        ...

    def last_output(self) -> Any:
        """Result of the last call that ran, timed ones included."""
        ...

    def release(self) -> None:
        """Give back what the workload holds."""
        ...
