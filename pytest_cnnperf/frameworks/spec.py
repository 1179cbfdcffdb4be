"""A framework as data: how to start it and what it offers. Nothing of a framework is imported here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..cases import Algorithm, Case, DeviceKind, Layout, Pass
from .recipe import Recipe

Limit = Callable[[Case], "str | None"]


def no_limit(_case: Case) -> str | None:
    """An offer without limits of its own."""
    return None


@dataclass(frozen=True)
class Offer:
    """One algorithm of a framework: in which passes, layouts and worker environment, and within which limits.

    `layouts` are collected one case each. `environment` is read by the framework at import, so cases of offers with
    different environments get different workers. `limit` returns why a case is not offered ("stride 4: …"), or None.
    """

    algorithm: Algorithm
    passes: frozenset[Pass] = frozenset(Pass)
    layouts: tuple[Layout, ...] = (Layout.NCHW,)
    device_kind: DeviceKind = DeviceKind.CPU
    environment: Mapping[str, str] = field(default_factory=dict)
    limit: Limit = no_limit


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
        """The offer that covers algorithm, pass, layout and device kind of this case, limits aside."""
        for offer in self.offers:
            if (
                offer.algorithm is case.algorithm
                and case.pass_ in offer.passes
                and case.layout in offer.layouts
                and offer.device_kind is case.device_kind
            ):
                return offer
        return None


def adapter_file(name: str) -> Path:
    """Path of an adapter that this package brings; it is loaded by a worker, never imported here."""
    return Path(__file__).parent.parent / "worker" / "adapters" / f"{name}.py"
