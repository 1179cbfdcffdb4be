"""Which GPUs there are, and which of them the caller lets us use; nothing here starts CUDA.

Written after the documentation of NVML and of CUDA_VISIBLE_DEVICES; not yet run on a real GPU.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Gpu:
    """One physical GPU, or one MIG device of a GPU that is divided into such.

    `index` counts among those the caller may see, `nvml_index` is that of the physical GPU among all, in PCI bus order;
    `other_name` is how drivers before R470 called a MIG device: ``MIG-<UUID of its GPU>/<GPU instance>/<compute
    instance>``. Units: bytes.
    """

    uuid: str
    name: str
    index: int
    nvml_index: int
    memory_bytes: int
    other_name: str = ""


@dataclass(frozen=True)
class Inventory:
    """The GPUs that may be used, in the caller's order; `looked_for` says what was tried, for a skip reason."""

    gpus: tuple[Gpu, ...]
    looked_for: str


def inventory(environment: Mapping[str, str] | None = None, *, nvml: Any = None) -> Inventory:
    """The GPUs that the NVIDIA driver knows, inside the caller's CUDA_VISIBLE_DEVICES.

    `environment` is this process's when it is None; `nvml` stands for the pynvml module in tests.
    """
    nvml = nvml or installed_nvml()
    if nvml is None:
        return Inventory((), "NVML through pynvml (not installed: python -m pip install nvidia-ml-py)")
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        return Inventory((), f"NVML of an NVIDIA driver ({error})")
    try:
        present = tuple(gpu for index in range(nvml.nvmlDeviceGetCount()) for gpu in _gpus(nvml, index))
    except nvml.NVMLError as error:
        return Inventory((), f"NVML of an NVIDIA driver, which failed to list its GPUs ({error})")
    finally:
        nvml.nvmlShutdown()
    return _inside(present, (os.environ if environment is None else environment).get(VISIBLE))


def installed_nvml() -> Any:
    """The pynvml module; None where it is not installed."""
    try:
        import pynvml
    except ImportError:
        return None
    return pynvml


def _gpus(nvml: Any, nvml_index: int) -> list[Gpu]:
    """A physical GPU, or the MIG devices into which it is divided: CUDA computes on those only."""
    handle = nvml.nvmlDeviceGetHandleByIndex(nvml_index)
    whole = _gpu(nvml, handle, nvml_index)
    if not _is_divided(nvml, handle):
        return [whole]
    parts = []
    for place in range(nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
        try:
            part = nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, place)
        except nvml.NVMLError:
            continue  # an empty place
        instances = (nvml.nvmlDeviceGetGpuInstanceId(part), nvml.nvmlDeviceGetComputeInstanceId(part))
        other_name = f"MIG-{whole.uuid}/{instances[0]}/{instances[1]}"
        parts.append(replace(_gpu(nvml, part, nvml_index), other_name=other_name))
    return parts


def _is_divided(nvml: Any, handle: Any) -> bool:
    try:
        current, _after_reset = nvml.nvmlDeviceGetMigMode(handle)
    except (nvml.NVMLError, AttributeError):  # a GPU without MIG, or bindings that are older than it
        return False
    return bool(current)


def _gpu(nvml: Any, handle: Any, nvml_index: int) -> Gpu:
    uuid, name = nvml.nvmlDeviceGetUUID(handle), nvml.nvmlDeviceGetName(handle)
    memory_bytes = int(nvml.nvmlDeviceGetMemoryInfo(handle).total)
    return Gpu(_text(uuid), _text(name), nvml_index, nvml_index, memory_bytes)


def _text(value: str | bytes) -> str:
    # Older bindings answer bytes.
    return value.decode() if isinstance(value, bytes) else value


def _inside(present: tuple[Gpu, ...], visible: str | None) -> Inventory:
    """CUDA's own rule: the list ends at the first entry that names no GPU; a UUID may be a unique prefix.

    An index counts in PCI order here; CUDA does so only under CUDA_DEVICE_ORDER=PCI_BUS_ID, which starting a worker
    by UUID makes irrelevant, and which differs only where GPU models are mixed.
    Source: CUDA C++ Programming Guide, CUDA Environment Variables: "0,2,-1,1" makes 0 and 2 visible.
    """
    looked_for = f"NVML of an NVIDIA driver ({len(present)} GPUs)"
    chosen: list[Gpu] = list(present) if visible is None else []
    for entry in () if visible is None else (part.strip() for part in visible.split(",")):
        gpu = _named(entry, present)
        if gpu is None or gpu in chosen:
            break
        chosen.append(gpu)
    numbered = tuple(replace(gpu, index=position) for position, gpu in enumerate(chosen))
    return Inventory(numbered, looked_for if visible is None else f"{looked_for} inside {VISIBLE}={visible!r}")


def _named(entry: str, present: tuple[Gpu, ...]) -> Gpu | None:
    """The GPU that an entry of CUDA_VISIBLE_DEVICES names; of a divided one, an index names the first MIG device."""
    if entry.isdecimal():
        return next((gpu for gpu in present if gpu.nvml_index == int(entry)), None)
    if not entry.startswith(("GPU-", "MIG-")):
        return None
    exact = [gpu for gpu in present if entry in (gpu.uuid, gpu.other_name)]
    matching = exact or [gpu for gpu in present if gpu.uuid.startswith(entry)]
    return matching[0] if len(matching) == 1 else None
