"""For how long something has held a GPU's clocks down, ever: counters that tell what happened between two looks.

Not yet run on a GPU; the logic is tested with a made-up NVML.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# NVML's answer to a function's name and arguments; None where this GPU, driver or binding has none.
Ask = Callable[..., Any]
Counters = tuple[tuple[int, int], ...]

# The policies of nvmlDeviceGetViolationStatus, and the bit of the reason that each stands for.
_POLICIES = {0: 4, 1: 32}
# Newer drivers count single reasons, as fields that older bindings do not name.
_FIELDS = {
    "NVML_FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN": 32,
    "NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN": 64,
    "NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN": 128,
}


def counters(nvml: Any, ask: Ask, handle: Any) -> Counters:
    """Pairs of NVML's bit of a reason and the nanoseconds of it so far; nothing of what this GPU does not count."""
    told = [(bit, ask("nvmlDeviceGetViolationStatus", handle, policy)) for policy, bit in _POLICIES.items()]
    violations = [(bit, int(status.violationTime)) for bit, status in told if status is not None]
    return (*violations, *_fields(nvml, ask, handle))


def _fields(nvml: Any, ask: Ask, handle: Any) -> Counters:
    bits = {getattr(nvml, name): bit for name, bit in _FIELDS.items() if hasattr(nvml, name)}
    values = (ask("nvmlDeviceGetFieldValues", handle, list(bits)) if bits else None) or ()
    # Each has a status of its own: 0 where this GPU counts it.
    return tuple((bits[each.fieldId], int(each.value.ullVal)) for each in values if each.nvmlReturn == 0)


def risen(before: Counters, after: Counters) -> int:
    """The bits of what held the clocks down in between; 0 where that is not counted."""
    if [bit for bit, _ in before] != [bit for bit, _ in after]:
        return 0
    found = 0
    for (bit, earlier), (_, later) in zip(before, after, strict=True):
        found |= bit if later > earlier else 0
    return found
