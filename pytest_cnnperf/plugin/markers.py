"""What a test says of itself: the markers with their help, their keywords checked, and the case it is about."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import pytest

from ..cases import Case
from ..cases.networks import Network
from ..errors import UsageError
from ..settings import PRESETS, Settings, Timing

MARKERS = (
    "cnnperf(threshold=PERCENT, max_seconds=SECONDS, min_samples=N): how this test is timed and judged.",
    "cnnperf_convolutions(*networks, presets=NAMES): run this test once for every convolution case of these networks.",
    "gpu: needs a GPU; cases on a GPU carry this mark by themselves.",
    "gpus(n): needs n GPUs, leased together.",
)


@dataclass(frozen=True)
class TimingMark:
    """The keywords of ``@pytest.mark.cnnperf``; None leaves the setting as it is.

    Units: threshold in percent, max_seconds per round.
    """

    threshold: float | None = None
    max_seconds: float | None = None
    min_samples: int | None = None

    def check(self, nodeid: str) -> None:
        """Refuse values that cannot be used.

        Raises: UsageError with the test, the keyword and its value.
        """
        for name, types, what in (
            ("threshold", (int, float), "a number"),
            ("max_seconds", (int, float), "a number"),
            ("min_samples", int, "an integer"),
        ):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, types) or not value > 0):
                raise UsageError(f"@pytest.mark.cnnperf({name}={value!r}) must be {what} above 0, in {nodeid}")

    @classmethod
    def of(cls, item: pytest.Item) -> TimingMark:
        """The marks of a test, the nearest keyword winning.

        Raises: UsageError for a positional argument or an unknown keyword, which are listed, and for other values.
        """
        keywords: dict[str, Any] = {}
        for mark in item.iter_markers("cnnperf"):
            if mark.args or not mark.kwargs.keys() <= _KEYWORDS:
                known = [field.name for field in fields(cls)]
                got = ", ".join([*map(repr, mark.args), *sorted(mark.kwargs.keys() - _KEYWORDS)])
                raise UsageError(
                    f"@pytest.mark.cnnperf takes the keywords {', '.join(known)}; got {got} in {item.nodeid}"
                )
            keywords = {**mark.kwargs, **keywords}
        found = cls(**keywords)
        found.check(item.nodeid)
        return found

    def over(self, settings: Settings) -> Timing:
        """These keywords laid over the session's settings."""
        preset = settings.preset
        min_samples = self.min_samples or preset.min_samples
        return Timing(
            max_seconds=self.max_seconds or preset.max_seconds,
            min_samples=min_samples,
            max_samples=max(min_samples, preset.max_samples),
            threshold=self.threshold / 100 if self.threshold else settings.threshold,
        )


_KEYWORDS = frozenset(field.name for field in fields(TimingMark))


@dataclass(frozen=True)
class ConvolutionsMark:
    """The arguments of ``@pytest.mark.cnnperf_convolutions``."""

    networks: tuple[Network, ...]
    presets: tuple[str, ...]

    @classmethod
    def of(cls, definition: pytest.Item) -> ConvolutionsMark | None:
        """The mark of a test function, or None.

        Raises: UsageError for arguments that are no networks, an unknown preset or keyword, or a function that carries
        the mark and takes no case; one that only inherits it from its class or module is no table.
        """
        mark = definition.get_closest_marker("cnnperf_convolutions")
        if mark is None:
            return None
        presets = tuple(mark.kwargs.get("presets", PRESETS))
        wrong: list[object] = [each for each in mark.args if not isinstance(each, Network)]
        wrong += [name for name in presets if name not in PRESETS] + sorted(set(mark.kwargs) - {"presets"})
        if wrong or not mark.args:
            raise UsageError(
                f"@pytest.mark.cnnperf_convolutions takes networks of pytest_cnnperf.cases.networks and presets out of "
                f"{', '.join(PRESETS)}; got {', '.join(map(repr, wrong)) or 'nothing'} in {definition.nodeid}"
            )
        if mark in definition.own_markers and "case" not in getattr(definition, "fixturenames", ()):
            raise UsageError(
                f"@pytest.mark.cnnperf_convolutions gives a test its cases by the argument case; add it to the "
                f"arguments of {definition.nodeid}, such as: def {definition.name}(cnnperf, case)"
            )
        return cls(mark.args, presets)


def parameter_of(item: pytest.Item, name: str) -> Any:
    """What a test is parametrized with under this name, or None."""
    callspec = getattr(item, "callspec", None)
    return None if callspec is None else callspec.params.get(name)


def case_of(item: pytest.Item) -> Case | None:
    """The case of the matrix that a test is about."""
    case = parameter_of(item, "case")
    return case if isinstance(case, Case) else None


def gpus_wanted(item: pytest.Item) -> int:
    """How many GPUs a test's marks ask for: ``gpus(n)`` says n, ``gpu`` says one."""
    mark = item.get_closest_marker("gpus")
    if mark is None:
        return 1 if item.get_closest_marker("gpu") else 0
    if len(mark.args) != 1 or mark.kwargs or not isinstance(mark.args[0], int) or mark.args[0] < 1:
        raise UsageError(f"@pytest.mark.gpus takes one count of at least 1; got {mark.args!r} in {item.nodeid}")
    return int(mark.args[0])
