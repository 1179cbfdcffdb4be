"""A framework as data: how to start it and what it offers. Nothing of a framework is imported here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..cases import Algorithm, Case, Clock, DeviceKind, DType, Layout, Pass
from .recipe import Recipe

Limit = Callable[[Case], "str | None"]


def no_limit(_case: Case) -> str | None:
    """An offer without limits of its own."""
    return None


@dataclass(frozen=True)
class Offer:
    """One algorithm of a framework: in which passes, layouts and worker environment, and within which limits.

    `layouts` and `dtypes` are collected one case each, by a small preset only the first of them. `environment` is read
    by the framework at import, so cases of offers with different environments get different workers. `limit` returns
    why a case is not offered ("stride 4: …"), or None. `options` are those of the cases that it stands for: a variant
    of an algorithm is an offer of its own. `is_extra` leaves it to the larger presets. `clocks` are those that time it
    on a GPU; on the CPU the number of threads says which.
    """

    algorithm: Algorithm
    passes: frozenset[Pass] = frozenset(Pass)
    layouts: tuple[Layout, ...] = (Layout.NCHW,)
    device_kind: DeviceKind = DeviceKind.CPU
    environment: Mapping[str, str] = field(default_factory=dict)
    limit: Limit = no_limit
    options: tuple[tuple[str, str], ...] = ()
    dtypes: tuple[DType, ...] = (DType.FLOAT32,)
    clocks: tuple[Clock, ...] = (Clock.DEVICE_COLD, Clock.DEVICE_HOT)
    is_extra: bool = False

    def covers(self, case: Case) -> bool:
        """Whether this case is one of those that it stands for, limits aside."""
        return (
            self.algorithm is case.algorithm
            and case.pass_ in self.passes
            and case.layout in self.layouts
            and self.device_kind is case.device_kind
            and self.options == case.options
            and case.dtype in self.dtypes
        )


@dataclass(frozen=True)
class FrameworkSpec:
    """How to start a framework, and what it offers.

    `modules` are the import names that must be findable (never imported) by the interpreter of this process when
    `command` is empty; `command` is an argv prefix that ends where a script's path would follow, such as
    ``("docker", "run", "-i", "image", "python")``. `adapter` is the file that the worker loads. `install` is the
    command that brings a missing framework. `absent` maps an algorithm that is not offered to the reason. `recipe`
    makes an environment of its own for a framework that cannot share this one; `parallelism` are the ways in which it
    uses several devices, for ``cnnperf doctor``.
    """

    name: str
    title: str
    adapter: Path
    install: str
    offers: tuple[Offer, ...]
    modules: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[Algorithm, str] = field(default_factory=dict)
    recipe: Recipe | None = None
    parallelism: tuple[str, ...] = ()

    def offer_for(self, case: Case) -> Offer | None:
        """The offer that covers algorithm, pass, layout, dtype, options and device kind of this case, limits aside."""
        return next((offer for offer in self.offers if offer.covers(case)), None)


def adapter_file(name: str) -> Path:
    """Path of an adapter that this package brings; it is loaded by a worker, never imported here."""
    return Path(__file__).parent.parent / "worker" / "adapters" / f"{name}.py"
