"""The frameworks that are known, by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping

from ..errors import UnknownName
from . import caffe, cntk, cudnn, fake, jax, numpy, tensorflow, theano, torch
from .locating import located, why_missing
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

        Ask a `located` registry: another knows no command and no environment.
        """
        return why_missing(spec)

    def located(self, commands: Mapping[str, str] | None = None) -> Registry:
        """The same frameworks, each with the command that starts it here; what is missing stays as it is.

        `commands` are the user's own by framework, as in a shell; $CNNPERF_COMMAND_<NAME> wins over them.
        Raises: UsageError for a text that is no command.
        """
        return Registry(located(spec, commands or {}) for spec in self._by_name.values())

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name


def builtin() -> Registry:
    """The frameworks that this package brings; the fake one only where its script is set (it exists for tests)."""
    specs = (numpy.SPEC, torch.SPEC, tensorflow.SPEC, jax.SPEC, theano.SPEC, cntk.SPEC, caffe.SPEC, cudnn.SPEC)
    return Registry((*specs, fake.SPEC) if fake.is_scripted() else specs)
