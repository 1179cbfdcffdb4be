"""The machine that a baseline belongs to, and the folder name that says so."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..cases import DeviceKind
from .gpus import inventory

CPUINFO = Path("/proc/cpuinfo")
_NOISE = re.compile(r"\((r|tm|c)\)|@.*|\b(cpu|processor|\d+-core)\b")
_NOT_A_NAME = re.compile(r"[^a-z0-9]+")
# Lines of /proc/cpuinfo that tell CPUs apart which are sold under one name: x86 first, then ARM.
_TELLING = {"cpu family": "family", "model": "model", "CPU implementer": "implementer", "CPU part": "part"}


@dataclass(frozen=True)
class Machine:
    """What can be known of the hardware without root.

    `cpu_model` tells CPUs of one marketing name apart, e.g. ``AMD EPYC family 26 model 2``; `gpus` are the names of
    the visible ones; `system` is recorded, not compared. Units: bytes of main memory.
    """

    cpu_model: str
    cores: int
    memory_bytes: int
    gpus: tuple[str, ...]
    system: str

    @property
    def slug(self) -> str:
        """Folder name of what this machine's CPU measured, e.g. ``amd-epyc-family-26-model-2-2-cores``."""
        return f"{as_slug(self.cpu_model)}-{self.cores}-{'core' if self.cores == 1 else 'cores'}"

    def slug_for(self, device_kind: DeviceKind) -> str:
        """Folder name of what these devices measured: a GPU's time does not belong to the CPU beside it.

        GPUs are counted by model, e.g. ``nvidia-h200-x1``; without any it is ``no-gpu``.
        """
        if device_kind is DeviceKind.CPU:
            return self.slug
        models = sorted(set(self.gpus))
        return "-".join(f"{as_slug(model)}-x{self.gpus.count(model)}" for model in models) or "no-gpu"

    def to_plain(self) -> dict[str, Any]:
        """Only text, numbers and lists, for JSON."""
        return {
            "cpu_model": self.cpu_model,
            "cores": self.cores,
            "memory_bytes": self.memory_bytes,
            "gpus": list(self.gpus),
            "system": self.system,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Machine:
        """The machine whose `to_plain` this is."""
        return cls(**{**plain, "gpus": tuple(plain["gpus"])})


def as_slug(name: str) -> str:
    """A hardware name as part of a file name: lower case, hyphens, without trademarks and clock rates."""
    return _NOT_A_NAME.sub("-", _NOISE.sub(" ", name.lower())).strip("-") or "unknown"


def cpu_model(cpuinfo: str) -> str:
    """Name, family and model of the first CPU in the text of /proc/cpuinfo; the architecture when it says nothing."""
    lines = (line.partition(":") for line in cpuinfo.split("\n\n", maxsplit=1)[0].splitlines())
    fields = {name.strip(): value.strip() for name, colon, value in lines if colon}
    telling = [f"{word} {fields[line]}" for line, word in _TELLING.items() if fields.get(line)]
    name = fields.get("model name") or platform.machine() or "unknown"
    return " ".join([name, *telling])


def detect(*, gpus: tuple[str, ...] | None = None, cpuinfo: Path = CPUINFO) -> Machine:
    """This machine; `gpus` are the names of the visible ones, looked up when it is None.

    All cores of the machine count, not those that this process may use: taskset does not make another machine.
    """
    text = cpuinfo.read_text(encoding="utf-8", errors="replace") if cpuinfo.is_file() else ""
    return Machine(
        cpu_model=cpu_model(text),
        cores=os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        gpus=tuple(gpu.name for gpu in inventory().gpus) if gpus is None else gpus,
        system=platform.platform(),
    )
