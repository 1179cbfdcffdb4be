"""A watch over leased GPUs: nobody else computes on them, and no batch of samples is kept that they throttled.

Not yet run on a GPU; the logic is tested with made-up states.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_

from ...errors import CnnperfError
from .conditions import IDLE, SPOILING
from .counters import risen
from .holders import Holders
from .state import GpuState

# Utilisation is that of the last sixth of a second to second, our own work included: it is given time to fall.
SETTLE_SECONDS = 3.0
MOST_IDLE_PERCENT = 10
# What a driver keeps for itself on a card of 80 or 141 GB is well below this.
MOST_UNEXPLAINED_BYTES = 2 * 2**30
_AGAIN_SECONDS = 0.05


class GpuBusy(CnnperfError):
    """A leased GPU on which somebody else computes: its times are neither judged nor recorded."""


@dataclass(frozen=True)
class Batch:
    """What the GPUs did during a batch of samples."""

    states: tuple[GpuState, ...]

    @property
    def throttled_by(self) -> int:
        """NVML's bits of what spoils the batch; 0 for a sound one."""
        return _spoiling(self.states)


class Watch:
    """Looks at the GPUs by `look` and tells whose processes are on them by `holders`; it waits by `sleep`."""

    def __init__(
        self,
        look: Callable[[], tuple[GpuState, ...]],
        holders: Callable[[], Holders],
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._look = look
        self._holders = holders
        self._now = now
        self._sleep = sleep
        self._last: tuple[GpuState, ...] = ()

    def check_free(self, *, is_behind: bool = False) -> None:
        """Make sure that nobody else uses the GPUs, while this run computes nothing on them.

        Where NVML names our own process and no other, that is believed. Otherwise processes may be hidden (NVML in a
        container), and utilisation and memory are the evidence. Where it `is_behind` work of ours,
        utilisation is that work's own, and is not asked: the next case does so at its beginning.
        Raises: GpuBusy with who or what it is; GpuUnreadable.
        """
        until = self._now() + SETTLE_SECONDS
        while True:
            states = self._without_strangers()
            hidden = [] if is_behind else [state for state in states if not self._names_all(state)]
            working = next((state for state in hidden if (state.utilisation or 0) > MOST_IDLE_PERCENT), None)
            if working is None:
                break
            if self._now() >= until:
                raise _busy(working, f"is {working.utilisation} % busy while this run computes nothing on it", self)
            self._sleep(_AGAIN_SECONDS)
        for state in states:
            unexplained = self._unexplained_bytes(state)
            if unexplained > MOST_UNEXPLAINED_BYTES:
                raise _busy(state, f"has {_gib(unexplained)} of memory in use that nobody of this run holds", self)

    def recover(self, seconds: float) -> float:
        """Wait until nothing throttles the GPUs, at most so long; returns the seconds waited.

        Raises: GpuBusy, GpuUnreadable.
        """
        began, self._last = self._now(), self._without_strangers()
        if not _spoiling(self._last):
            return 0.0
        while _spoiling(self._last) and (left := began + seconds - self._now()) > 0:
            self._sleep(min(_AGAIN_SECONDS, left))
            self._last = self._without_strangers()
        return self._now() - began

    def batch(self) -> Batch:
        """What happened since the last look, which was before this batch.

        Raises: GpuBusy, GpuUnreadable.
        """
        before, self._last = self._last, self._without_strangers()
        return Batch(tuple(_during(*pair) for pair in zip(before, self._last, strict=True)))

    def hidden_pids(self, state: GpuState) -> tuple[int, ...]:
        """Processes that NVML names and that do not exist here."""
        holders = self._holders()
        return tuple(each.pid for each in state.processes if not holders.exists(each.pid))

    def _without_strangers(self) -> tuple[GpuState, ...]:
        states, holders = self._look(), self._holders()
        for state in states:
            for process in state.processes:
                if holders.is_stranger(process.pid):
                    memory = "memory unknown" if process.memory_bytes is None else _gib(process.memory_bytes)
                    name = holders.name(process.pid) or "name unknown"
                    raise _busy(state, f"is used by process {process.pid} ({name}, {memory})", self, pid=process.pid)
        return states

    def _names_all(self, state: GpuState) -> bool:
        """Whether NVML's list of processes can be believed: ours stand in it, and none that we cannot see."""
        return bool(state.processes) and not self.hidden_pids(state)

    def _unexplained_bytes(self, state: GpuState) -> int:
        """Memory in use that no process of ours accounts for; 0 where that cannot be known."""
        used, known = state.memory_used_bytes or 0, [each.memory_bytes for each in state.processes]
        if self._names_all(state):
            return 0 if None in known else used - sum(filter(None, known))
        return 0 if self._holders().may_hold(state.uuid) else used


def _during(before: GpuState, after: GpuState) -> GpuState:
    """The state just behind a batch, with all that held the clocks down just before it and, as counted, within."""
    within = risen(before.counters, after.counters)
    told = [state.reasons for state in (before, after) if state.reasons is not None] + [within] * (within > 0)
    # Idle it was between the batches only.
    return replace(after, reasons=reduce(or_, told) & ~IDLE if told else None, processes=(), counters=())


def _spoiling(states: tuple[GpuState, ...]) -> int:
    return reduce(or_, (state.reasons or 0 for state in states), 0) & SPOILING


def _busy(state: GpuState, what: str, watch: Watch, *, pid: int | None = None) -> GpuBusy:
    hidden = watch.hidden_pids(state)
    aside = (
        f" (NVML names {', '.join(map(str, hidden))}: of another host or container, not to be seen here)"
        if hidden
        else ""
    )
    who = f"ps -fp {pid}" if pid else "nvidia-smi"
    return GpuBusy(
        f"{state.uuid} {what}{aside}; this case is neither judged nor recorded; next: {who}, then wait for it or end "
        "it, or choose another GPU: CUDA_VISIBLE_DEVICES=…"
    )


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / 2**30:.1f} GiB"
