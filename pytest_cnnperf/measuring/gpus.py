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
    """One physical GPU; `index` counts among those the caller may see, `nvml_index` among all, in PCI bus order."""

    uuid: str
    name: str
    index: int
    nvml_index: int
    memory_bytes: int


@dataclass(frozen=True)
class Inventory:
    """The GPUs that may be used, in the caller's order; `looked_for` says what was tried, for a skip reason."""

    gpus: tuple[Gpu, ...]
    looked_for: str


def inventory(environment: Mapping[str, str] | None = None, *, nvml: Any = None) -> Inventory:
    """The GPUs that the NVIDIA driver knows, inside the caller's CUDA_VISIBLE_DEVICES.

    `environment` is this process's when it is None; `nvml` stands for the pynvml module in tests.
    """
    nvml = nvml or _installed_nvml()
    if nvml is None:
        return Inventory((), "NVML through pynvml (not installed: python -m pip install nvidia-ml-py)")
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        return Inventory((), f"NVML of an NVIDIA driver ({error})")
    try:
        present = tuple(_gpu(nvml, index) for index in range(nvml.nvmlDeviceGetCount()))
    except nvml.NVMLError as error:
        return Inventory((), f"NVML of an NVIDIA driver, which failed to list its GPUs ({error})")
    finally:
        nvml.nvmlShutdown()
    return _inside(present, (os.environ if environment is None else environment).get(VISIBLE))


def _installed_nvml() -> Any:
    try:
        import pynvml
    except ImportError:
        return None
    return pynvml


def _gpu(nvml: Any, index: int) -> Gpu:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    uuid, name = nvml.nvmlDeviceGetUUID(handle), nvml.nvmlDeviceGetName(handle)
    return Gpu(_text(uuid), _text(name), index, index, int(nvml.nvmlDeviceGetMemoryInfo(handle).total))


def _text(value: str | bytes) -> str:
    # Older bindings answer bytes.
    return value.decode() if isinstance(value, bytes) else value


def _inside(present: tuple[Gpu, ...], visible: str | None) -> Inventory:
    """CUDA's own rule: the list ends at the first entry that names no GPU; a UUID may be a unique prefix.

    An index counts in PCI order here; CUDA does so only under CUDA_DEVICE_ORDER=PCI_BUS_ID, which starting a worker
    by UUID makes irrelevant, and which differs only where GPU models are mixed.
    """
    looked_for = f"NVML of an NVIDIA driver ({len(present)} GPUs)"
    if visible is None:
        return Inventory(present, looked_for)
    chosen: list[Gpu] = []
    for entry in (part.strip() for part in visible.split(",")):
        gpu = _named(entry, present)
        if gpu is None or gpu in chosen:
            break
        chosen.append(gpu)
    numbered = tuple(replace(gpu, index=position) for position, gpu in enumerate(chosen))
    return Inventory(numbered, f"{looked_for} inside {VISIBLE}={visible!r}")


def _named(entry: str, present: tuple[Gpu, ...]) -> Gpu | None:
    if entry.isdigit():
        return present[int(entry)] if int(entry) < len(present) else None
    matching = [gpu for gpu in present if entry.startswith("GPU-") and gpu.uuid.startswith(entry)]
    return matching[0] if len(matching) == 1 else None
