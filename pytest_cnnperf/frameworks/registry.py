"""The frameworks that are known, by name."""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Iterable, Iterator
from functools import cache

from ..errors import UnknownName
from . import fake, numpy, tensorflow, torch
from .spec import FrameworkSpec


class Registry:
    """Immutable: name to specification, in order; a later one of the same name replaces the former."""

    def __init__(self, specs: Iterable[FrameworkSpec]) -> None:
        self._by_name = {spec.name: spec for spec in specs}

    def get(self, name: str) -> FrameworkSpec:
        """The framework of this name.

        Raises: UnknownName that lists the known names and the nearest one.
        """
        spec = self._by_name.get(name)
        if spec is not None:
            return spec
        nearest = difflib.get_close_matches(name, self._by_name, n=1, cutoff=0.5)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        raise UnknownName(f"unknown framework {name!r}; known: {', '.join(self._by_name)}{hint}")

    def extended(self, specs: Iterable[FrameworkSpec]) -> Registry:
        """A registry that knows these too."""
        return Registry((*self._by_name.values(), *specs))

    def missing(self, spec: FrameworkSpec) -> str | None:
        """Why this framework cannot be started here, with the command that brings it; None when it can.

        A framework with an interpreter of its own cannot be looked into from here, and is not missing.
        """
        if spec.command:
            return None
        absent = ", ".join(name for name in spec.modules if not _is_findable(name))
        return f"{spec.title} is not installed here (no module {absent}); next: {spec.install}" if absent else None

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name


def builtin() -> Registry:
    """The frameworks that this package brings; the fake one only where its script is set (it exists for tests)."""
    specs = (numpy.SPEC, torch.SPEC, tensorflow.SPEC)
    return Registry((*specs, fake.SPEC) if fake.is_scripted() else specs)


@cache
def _is_findable(module: str) -> bool:
    # Only the top level: looking for a submodule would import its package.
    try:
        return importlib.util.find_spec(module.partition(".")[0]) is not None
    except ValueError:  # somebody put a module without a __spec__ into sys.modules
        return True
