"""One row of the matrix, and its key: text that is stable for ever, readable, and parses back to the same case."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TypeVar
from urllib.parse import quote, unquote

from ..errors import InvalidProblem
from .problem import Problem
from .words import Algorithm, Clock, DeviceKind, DType, Layout, Pass, Word

CONVOLUTION = "convolution"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_OPTION = re.compile(r"[a-z][a-z0-9_]*=[A-Za-z0-9_.]+")
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9_.~]+")
_NONE = "none"
_FIELDS = 12
WordType = TypeVar("WordType", bound=Word)


@dataclass(frozen=True)
class Case:
    """What is asked of a framework: one workload, on one problem, in one way, on some devices.

    `network` and `layer` only name where the problem comes from; a callable timed in the pytest process has its node
    id as `layer` and no problem, pass or algorithm. `options` are the framework's own switches, sorted by name.
    Raises: InvalidProblem for a name that a key cannot carry, or counts below 1.
    """

    framework: str
    workload: str
    network: str
    layer: str
    problem: Problem | None
    pass_: Pass | None
    algorithm: Algorithm | None
    dtype: DType = DType.FLOAT32
    layout: Layout = Layout.NCHW
    device_kind: DeviceKind = DeviceKind.CPU
    device_count: int = 1
    threads: int = 1
    clock: Clock = Clock.PROCESS_CPU
    options: tuple[tuple[str, str], ...] = field(default=())

    def __post_init__(self) -> None:
        for name in ("framework", "workload"):
            if not _NAME.fullmatch(getattr(self, name)):
                raise InvalidProblem(
                    f"{name}={getattr(self, name)!r} must be lower-case letters, digits and underscores"
                )
        for name in ("network", "layer"):
            if not getattr(self, name):
                raise InvalidProblem(f"{name} must not be empty; say where the problem comes from, e.g. 'custom'")
        for name in ("device_count", "threads"):
            if getattr(self, name) < 1:
                raise InvalidProblem(f"{name}={getattr(self, name)!r} must be at least 1")
        for option in self.options:
            if not _OPTION.fullmatch("=".join(option)):
                raise InvalidProblem(
                    f"option {option!r} must be a lower-case name and a value of letters, digits, '_' and '.'"
                )
        if list(self.options) != sorted(dict(self.options).items()):
            raise InvalidProblem(f"options={self.options!r} must be sorted by name, each name once")

    @property
    def batch(self) -> int | None:
        """Images per step, or None for a workload without images."""
        return self.problem.n if self.problem else None

    @cached_property
    def key(self) -> str:
        """The identity of the case in baselines, reports and test ids."""
        return "-".join(
            (
                self.framework,
                self.workload,
                quote_part(self.network),
                quote_part(self.layer),
                self.problem.text if self.problem else _NONE,
                self.pass_.value if self.pass_ else _NONE,
                self.algorithm.value if self.algorithm else _NONE,
                self.dtype.value,
                self.layout.value,
                f"{self.device_kind.value}{self.device_count}",
                f"threads{self.threads}",
                self.clock.value,
                *("=".join(option) for option in self.options),
            )
        )

    @classmethod
    def parse(cls, key: str) -> Case:
        """The case whose key this is.

        Raises: InvalidProblem for text that no case has as its key.
        """
        parts = key.split("-")
        if len(parts) < _FIELDS:
            raise InvalidProblem(
                f"{key!r} is not a case key: {len(parts)} fields joined by '-', expected at least {_FIELDS}"
            )
        device = re.fullmatch(r"([a-z]+)(\d+)", parts[9])
        threads = re.fullmatch(r"threads(\d+)", parts[10])
        if device is None or threads is None:
            raise InvalidProblem(
                f"{key!r} is not a case key: expected 'cpu1' and 'threads1' or alike, got {parts[9]!r}, {parts[10]!r}"
            )
        case = cls(
            framework=parts[0],
            workload=parts[1],
            network=unquote(parts[2]),
            layer=unquote(parts[3]),
            problem=None if parts[4] == _NONE else Problem.parse(parts[4]),
            pass_=None if parts[5] == _NONE else parse_word(Pass, parts[5]),
            algorithm=None if parts[6] == _NONE else parse_word(Algorithm, parts[6]),
            dtype=parse_word(DType, parts[7]),
            layout=parse_word(Layout, parts[8]),
            device_kind=parse_word(DeviceKind, device[1]),
            device_count=int(device[2]),
            threads=int(threads[1]),
            clock=parse_word(Clock, parts[11]),
            options=tuple(_parse_option(part) for part in parts[_FIELDS:]),
        )
        if case.key != key:
            raise InvalidProblem(f"{key!r} is not the canonical key of its case; write {case.key!r}")
        return case


def parse_word(words: type[WordType], text: str) -> WordType:
    """The member of a closed set that has this value.

    Raises: InvalidProblem that lists the set.
    """
    try:
        return words(text)
    except ValueError:
        known = ", ".join(word.value for word in words)
        raise InvalidProblem(f"{text!r} is no {words.__name__.lower()}; known: {known}") from None


@lru_cache(maxsize=1024)
def _encoded(text: str) -> str:
    return quote(text, safe="").replace("-", "%2D")


def quote_part(text: str) -> str:
    """Percent-encode all that would end a field of a key ('-', '/', ':', spaces …)."""
    return _NOT_PLAIN.sub(lambda found: _encoded(found[0]), text)


def _parse_option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidProblem(f"{text!r} is not an option of a case key; expected name=value")
    return (name, value)
