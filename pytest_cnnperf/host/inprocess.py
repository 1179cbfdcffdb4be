"""A plain callable of a user's own test as a source: the same sampler and control, in the pytest process."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ..cases import Clock
from ..errors import UsageError
from ..frameworks.resolved import Resolved
from ..worker.control import Unfolded
from ..worker.eviction import Sweep
from ..worker.sampler import Pairs, SystemClock, nothing
from .source import Timed


@lru_cache(maxsize=1)
def _sweep() -> Sweep:
    """One for all callables of this process: it is 32 MB, and takes 10 ms to make."""
    return Sweep()


@lru_cache(maxsize=1)
def _control() -> Unfolded:
    return Unfolded()


class _Called:
    """The callable and what it returned last; a cycle of references would keep that until garbage is collected."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self.result: Any = None

    def run(self) -> None:
        self.result = self._call()


class InProcess:
    """A callable without arguments; fulfils `Source`.

    It has no operands, so `flip` changes nothing and `last_output` is what the last call returned. `synchronize` waits
    for a device that the callable only started. The process CPU clock counts all threads of this process.
    """

    flips = False
    is_new_process = False

    def __init__(
        self,
        call: Callable[[], Any],
        name: str,
        *,
        synchronize: Callable[[], Any] = nothing,
        clock: Any = None,
        control: Any = None,
    ) -> None:
        self.resolved = Resolved(algorithm=None, name=name)
        self._called = _Called(call)
        self._synchronize = synchronize
        # A scripted clock does not feel the caches.
        self._evict = _sweep().run if clock is None else nothing
        self._clock = SystemClock() if clock is None else clock
        self._control = _control() if control is None else control
        self.control = str(self._control.version)
        self._pairs_of: dict[Clock, Pairs] = {}
        started = self._clock.wall_ns()
        self._called.run()
        synchronize()
        self.first_call_ns = int(self._clock.wall_ns() - started)

    def _pairs(self, clock: Clock) -> Pairs:
        pairs = self._pairs_of.get(clock)
        if pairs is None:
            pairs = self._pairs_of[clock] = self._made_pairs(clock)
        return pairs

    def _made_pairs(self, clock: Clock) -> Pairs:
        if clock not in (Clock.PROCESS_CPU, Clock.WALL):
            raise UsageError(
                f"{self.resolved.name}: clock {clock} is a device's; a callable has {Clock.PROCESS_CPU}, {Clock.WALL}"
            )
        return Pairs(
            self._called.run, self._synchronize, self._control.run, self._clock, clock.value, evict=self._evict
        )

    def estimate(self, clock: Clock) -> tuple[int, int]:
        """Nanoseconds of one call and of one control unit, each after one that is not counted."""
        workload_ns, control_ns = self._pairs(clock).estimate()
        return workload_ns, control_ns

    def time(self, *, samples: int, warmup: int, repeats: int, control_units: int, clock: Clock, flip: bool) -> Timed:  # noqa: ARG002
        """So many pairs after so many warm-up calls."""
        told = self._pairs(clock).time(samples, warmup, repeats, control_units)
        times = {name: tuple(values) for name, values in told.items()}
        return Timed(times["workload_ns"], times["control_ns"], times["wall_ns"], times.get("sweep_ns", ()))

    def last_output(self) -> Any:
        """What the last call returned, timed ones included."""
        return self._called.result

    def release(self) -> None:
        """Forget the last result."""
        self._called.result = None
