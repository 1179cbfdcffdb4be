"""One visit at a framework: start its worker, hear its hello, and say in a line what went wrong and what to type."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..cases import Algorithm, Case, DeviceKind, Pass, Problem
from ..errors import FrameworkUnavailable, WorkerFailed, WorkerRefused
from ..frameworks.locating import why_missing
from ..frameworks.spec import FrameworkSpec, Offer
from ..worker import wire
from . import ailment
from .ailment import Ailment, State
from .loaded import loaded_libraries
from .pool import Pool
from .process import Worker


@dataclass(frozen=True)
class Hello:
    """What a worker tells of itself. `loaded` are the libraries seen in its process, family → file."""

    version: str
    python: str
    numpy: str
    threads: int
    libraries: Mapping[str, str] = field(default_factory=dict)
    loaded: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Checkup:
    """One framework: what it told, or what ails it. `start_seconds` is from the start of its process to its hello."""

    spec: FrameworkSpec
    hello: Hello | None = None
    ailment: Ailment | None = None
    start_seconds: float | None = None

    @property
    def state(self) -> State:
        """Usable, or what ails it."""
        return State.USABLE if self.ailment is None else self.ailment.state


def check_up(spec: FrameworkSpec, *, deadline_seconds: float) -> Checkup:
    """Start this framework's worker as a run would, for a CPU case on one thread, hear it, and end it."""
    missing = why_missing(spec)
    if missing is not None:
        return Checkup(spec, ailment=ailment.not_installed(missing))
    started = time.monotonic()
    try:
        with Pool(limit=1, deadline_seconds=deadline_seconds) as pool:
            worker = pool.worker(spec, *_asked(spec))
            seconds = time.monotonic() - started
            return _heard(spec, worker, seconds)
    except (FrameworkUnavailable, WorkerFailed, WorkerRefused) as error:
        return Checkup(spec, ailment=ailment.diagnosed(spec, error, deadline_seconds=deadline_seconds))


def _asked(spec: FrameworkSpec) -> tuple[Offer, Case]:
    """An offer, of the CPU where there is one, and some case of it: a worker is started for a case."""
    offers = sorted(spec.offers, key=lambda offer: offer.device_kind is not DeviceKind.CPU)
    offer = offers[0] if offers else Offer(Algorithm.AUTO)
    problem = Problem(1, 1, 3, 3, 1, 3, 3)
    case = Case(
        spec.name,
        "convolution",
        "custom",
        "doctor",
        problem,
        Pass.FORWARD,
        offer.algorithm,
        layout=offer.layouts[0],
        device_kind=offer.device_kind,
    )
    return offer, case


def _heard(spec: FrameworkSpec, worker: Worker, seconds: float) -> Checkup:
    hello = worker.hello
    if hello.get("wire") != wire.WIRE_VERSION:
        told = f"wire version {wire.WIRE_VERSION} asked, this worker speaks {hello.get('wire')!r}"
        return Checkup(spec, ailment=ailment.wrong_wire(spec, told))
    texts = {name: hello.get(name) for name in ("version", "python", "numpy")}
    libraries = hello.get("libraries") or {}
    unusable = [name for name, value in texts.items() if not value]
    if unusable or not isinstance(libraries, dict):
        told = f"its hello has no {', '.join(unusable) or 'libraries by name'}: {dict(hello)!r:.200}"
        return Checkup(spec, ailment=Ailment(State.REFUSED, told, ailment.closer_look(spec)))
    return Checkup(
        spec,
        Hello(
            **{name: str(value) for name, value in texts.items()},
            threads=_count(hello.get("threads")),
            libraries={str(name): str(version) for name, version in sorted(libraries.items())},
            loaded=loaded_libraries(worker.pid, hello.get("pid")),
        ),
        start_seconds=seconds,
    )


def _count(value: Any) -> int:
    return value if isinstance(value, int) else 0
