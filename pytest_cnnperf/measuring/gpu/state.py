"""Snapshots of GPUs by UUID: clocks, temperature, power, why they are slowed, and who uses them.

It only reads: no clock, power limit or mode of a card is ever set. Not yet run on a GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ...errors import CnnperfError
from ..gpus import installed_nvml
from .counters import Counters, counters

# Constants of nvml.h, which older bindings need not know by name.
_SM_CLOCK, _MEMORY_CLOCK, _CORE_TEMPERATURE = 1, 2, 0
# Not supported (3), no permission (4), function not found (13): this GPU or driver has no such number. Any other
# error is one of the card or of its driver.
_NO_SUCH_NUMBER = (3, 4, 13)


class GpuUnreadable(CnnperfError):
    """A GPU whose state NVML did not tell: what it computed meanwhile cannot be judged."""


@dataclass(frozen=True)
class GpuProcess:
    """A process that computes on a GPU, as NVML names it. Units: bytes, None where they are not told."""

    pid: int
    memory_bytes: int | None


@dataclass(frozen=True)
class GpuState:
    """One look at a GPU; None where this GPU or driver has no such number.

    `reasons` are NVML's bits of what holds the clocks down at this moment, `counters` for how many nanoseconds each has
    ever done so. Units: MHz, degrees Celsius, watts; utilisation in percent
    of the last sixth of a second to second.
    """

    uuid: str
    sm_mhz: int | None = None
    memory_mhz: int | None = None
    temperature_c: int | None = None
    power_w: float | None = None
    reasons: int | None = None
    utilisation: int | None = None
    memory_used_bytes: int | None = None
    processes: tuple[GpuProcess, ...] = ()
    counters: Counters = ()


class Probe:
    """Looks at these GPUs; NVML stays open until `close`, since opening it takes longer than looking."""

    def __init__(self, uuids: Sequence[str], *, nvml: Any = None) -> None:
        """Open NVML, or the module that stands for it in tests.

        Raises: GpuUnreadable without NVML, or where it does not know one of the GPUs.
        """
        self._nvml = nvml or installed_nvml()
        if self._nvml is None:
            raise GpuUnreadable("NVML is not installed; next: python -m pip install nvidia-ml-py")
        self._uuids = tuple(uuids)
        self._asked("to open", ", ".join(uuids), self._nvml.nvmlInit)
        try:
            self._handles = tuple(
                self._asked("for", uuid, self._nvml.nvmlDeviceGetHandleByUUID, uuid) for uuid in uuids
            )
        except GpuUnreadable:
            self.close()
            raise

    def states(self) -> tuple[GpuState, ...]:
        """The GPUs as they are now, in the order in which they were named.

        Raises: GpuUnreadable when a card or its driver fails.
        """
        return tuple(self._state(uuid, handle) for uuid, handle in zip(self._uuids, self._handles, strict=True))

    def close(self) -> None:
        """Give NVML back."""
        self._nvml.nvmlShutdown()

    def _state(self, uuid: str, handle: Any) -> GpuState:
        # Of a MIG device NVML tells memory and processes; clocks, heat and power are those of its whole GPU.
        whole = self._read(uuid, "nvmlDeviceGetDeviceHandleFromMigDeviceHandle", handle) if _is_part(uuid) else handle
        milliwatts = self._read(uuid, "nvmlDeviceGetPowerUsage", whole)
        reasons = self._read(uuid, "nvmlDeviceGetCurrentClocksEventReasons", whole)
        if reasons is None:  # as drivers before R535 call it
            reasons = self._read(uuid, "nvmlDeviceGetCurrentClocksThrottleReasons", whole)
        utilisation = self._read(uuid, "nvmlDeviceGetUtilizationRates", handle)
        memory = self._read(uuid, "nvmlDeviceGetMemoryInfo", handle)
        return GpuState(
            uuid,
            sm_mhz=self._read(uuid, "nvmlDeviceGetClockInfo", whole, _SM_CLOCK),
            memory_mhz=self._read(uuid, "nvmlDeviceGetClockInfo", whole, _MEMORY_CLOCK),
            temperature_c=self._read(uuid, "nvmlDeviceGetTemperature", whole, _CORE_TEMPERATURE),
            power_w=None if milliwatts is None else milliwatts / 1000,
            reasons=reasons,
            utilisation=None if utilisation is None else int(utilisation.gpu),
            memory_used_bytes=getattr(memory, "used", None),
            processes=tuple(
                GpuProcess(int(each.pid), each.usedGpuMemory)
                for each in self._read(uuid, "nvmlDeviceGetComputeRunningProcesses", handle) or ()
            ),
            counters=counters(self._nvml, partial(self._read, uuid), whole),
        )

    def _read(self, uuid: str, name: str, *arguments: Any) -> Any:
        """The answer of this function; None where this GPU, driver or binding has no such number."""
        function = getattr(self._nvml, name, None)
        if function is None or arguments[0] is None:
            return None
        try:
            return function(*arguments)
        except self._nvml.NVMLError as error:
            if getattr(error, "value", None) in _NO_SUCH_NUMBER:
                return None
            raise _unreadable(f"for {uuid}, {name}", error) from error

    def _asked(self, what: str, uuid: str, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except self._nvml.NVMLError as error:
            raise _unreadable(f"{what} {uuid}", error) from error


def _is_part(uuid: str) -> bool:
    return uuid.startswith("MIG-")


def _unreadable(what: str, error: Exception) -> GpuUnreadable:
    return GpuUnreadable(
        f"NVML was asked {what}, and answered: {error}; next: nvidia-smi, and dmesg where it reports the card lost"
    )
