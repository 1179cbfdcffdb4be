"""Everything that the doctor's writers receive, as one value."""

from __future__ import annotations

from dataclasses import dataclass

from ...cases import Algorithm, DeviceKind, Layout, Pass
from ...frameworks.spec import FrameworkSpec
from ...host.checkup import Checkup
from ...measuring.gpus import Inventory
from ...measuring.machine import Machine
from ...measuring.surroundings.conditions import Condition
from ...measuring.surroundings.processor import Processor


@dataclass(frozen=True)
class Surroundings:
    """The machine as far as it can be read without root, and where its baselines lie.

    `usable_cores` are those that this process may run on. Units: bytes; `memory_limit_bytes` is None without a limit.
    """

    machine: Machine
    processor: Processor
    usable_cores: tuple[int, ...]
    memory_limit_bytes: int | None
    gpus: Inventory
    gpu_driver: str | None
    system: str
    python: str
    package: str
    conditions: tuple[Condition, ...]


@dataclass(frozen=True)
class Examination:
    """The machine and the frameworks, in the registry's order."""

    surroundings: Surroundings
    checkups: tuple[Checkup, ...]


@dataclass(frozen=True)
class Device:
    """A kind of device that a framework offers something on; `why_not` is None when it can be used here."""

    kind: DeviceKind
    count: int
    why_not: str | None = None


def devices(checkup: Checkup, surroundings: Surroundings) -> tuple[Device, ...]:
    """The kinds of devices that this framework's offers name, and whether they can be used here."""
    kinds = {offer.device_kind for offer in checkup.spec.offers}
    return tuple(_device(kind, checkup, surroundings) for kind in DeviceKind if kind in kinds)


def _device(kind: DeviceKind, checkup: Checkup, surroundings: Surroundings) -> Device:
    if kind is DeviceKind.CPU:
        return Device(kind, len(surroundings.usable_cores))
    found = surroundings.gpus
    if not found.gpus:
        return Device(kind, 0, f"no GPU here; looked for: {found.looked_for}")
    # An adapter with a GPU build tells the CUDA version that it was built with.
    if checkup.hello is not None and "cuda" not in checkup.hello.libraries:
        return Device(kind, len(found.gpus), f"{checkup.spec.title} {checkup.hello.version} was built without CUDA")
    return Device(kind, len(found.gpus))


def passes_offered(spec: FrameworkSpec, algorithm: Algorithm, kind: DeviceKind) -> tuple[Pass, ...]:
    """In which passes a framework offers an algorithm on these devices, whatever the limits of each shape are."""
    offers = [offer for offer in spec.offers if offer.algorithm is algorithm and offer.device_kind is kind]
    return tuple(pass_ for pass_ in Pass if any(pass_ in offer.passes for offer in offers))


def layouts_offered(spec: FrameworkSpec, kind: DeviceKind) -> tuple[Layout, ...]:
    """In which layouts it offers anything on these devices, the framework's own first."""
    offers = (offer for offer in spec.offers if offer.device_kind is kind)
    return tuple(dict.fromkeys(layout for offer in offers for layout in offer.layouts))


def libraries_of(checkup: Checkup) -> dict[str, str]:
    """Library → version, as the worker told, and without version those that were only seen in its process."""
    if checkup.hello is None:
        return {}
    told = dict(checkup.hello.libraries)
    if checkup.hello.numpy != checkup.hello.version:
        told = {"numpy": checkup.hello.numpy, **told}
    names = " ".join(told).lower()
    seen = (family for family in checkup.hello.loaded if family.lower() not in names)
    return {**told, **dict.fromkeys(seen, "")}
