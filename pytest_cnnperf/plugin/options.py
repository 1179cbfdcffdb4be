"""One table makes every option: its command-line flag, its ini key, its parser, its default and its help."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ..cases.words import Algorithm, Clock, DType, Pass
from ..errors import UnknownName, UsageError
from ..frameworks import builtin
from ..frameworks.locating import command_key
from ..settings import PRESETS, Missing, Preset, Settings, Update

Member = TypeVar("Member", bound=Enum)
# An hour: who waits longer for a verdict has forgotten the question.
_MOST_LASTING = 3600
# The others follow from what is timed: the CPU time of one thread, elapsed time of several.
_DEVICE_CLOCKS = {clock.value: clock for clock in (Clock.DEVICE_COLD, Clock.DEVICE_HOT)}


def _names(text: str) -> tuple[str, ...]:
    """The names between commas, each once, in the order of their first mention."""
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise UsageError(f"a list must name at least one thing, got {text!r}")
    return names


def one_of(what: str, known: Mapping[str, Any], text: str) -> Any:
    """The known thing of this name.

    Raises: UnknownName listing the known names, the nearest first.
    """
    if text in known:
        return known[text]
    nearest = difflib.get_close_matches(text, known, n=1, cutoff=0.4)
    meant = f"; did you mean {nearest[0]!r}?" if nearest else ""
    raise UnknownName(f"unknown {what} {text!r}{meant} Known: {', '.join(known)}")


def _members(words: type[Member], what: str) -> Callable[[str], tuple[Member, ...]]:
    return _listed({word.value: word for word in words}, what)


def _listed(known: Mapping[str, Member], what: str) -> Callable[[str], tuple[Member, ...]]:
    return lambda text: tuple(one_of(what, known, name) for name in _names(text))


def _member(words: type[Member], what: str) -> Callable[[str], Member]:
    known = {word.value: word for word in words}
    return lambda text: one_of(what, known, text)


def _preset(text: str) -> Preset:
    preset: Preset = one_of("preset", PRESETS, text)
    return preset


def _integer(what: str, least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise UsageError(f"{what} must be an integer of at least {least}, got {text!r}")
        return value

    return parse


def _counts(what: str) -> Callable[[str], tuple[int, ...]]:
    parse = _integer(what, 1)
    return lambda text: tuple(dict.fromkeys(parse(part) for part in _names(text)))


def _seconds(text: str) -> float:
    value = _number(text)
    if not 0 < value < float("inf"):
        raise UsageError(f"a deadline must be a number of seconds above 0, got {text!r}")
    return value


def _seconds_or_none(text: str) -> float:
    value = _number(text)
    if not 0 <= value <= _MOST_LASTING:
        raise UsageError(f"--cnnperf-lasting must be a number of seconds from 0 to {_MOST_LASTING}, got {text!r}")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def percent(text: str) -> float:
    """A positive percentage as a fraction: "5" is 0.05."""
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = float("nan")
    if not 0 < value < 1000:
        raise UsageError(f"a threshold must be a percentage above 0 and below 1000, such as 5, got {text!r}")
    return value / 100


def boolean(text: str) -> bool:
    """The truth of an ini value."""
    return bool(
        one_of("boolean", {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}, text)
    )


@dataclass(frozen=True)
class Source:
    """Where values are given: how an option is called there, how it is read, and what its paths are relative to."""

    called: Callable[[Option], str]
    read: Callable[[str], Any]
    folder: Path


@dataclass(frozen=True)
class Option:
    """One row of the table; `parse` is None for a plain flag."""

    name: str
    field: str
    parse: Callable[[str], Any] | None
    metavar: str
    help: str
    constant: Any = True

    @property
    def flag(self) -> str:
        """What is typed, e.g. ``--cnnperf-preset``."""
        return f"--cnnperf-{self.name}"

    @property
    def dest(self) -> str:
        """The ini key and the attribute of pytest's options, e.g. ``cnnperf_preset``."""
        return f"cnnperf_{self.name.replace('-', '_')}"


OPTIONS = (
    Option("compare", "compare", None, "", "Compare every speed with the stored baseline of this machine."),
    Option("update", "update", None, "", "Write the measured speeds into the baseline, old cases too.", Update.ALL),
    Option("update-new", "update", None, "", "Write only cases that the baseline does not have yet.", Update.NEW),
    Option("update-add", "update", None, "",
           "Add this run to the baseline: nothing has changed, so what it differs by from the runs there is noise.",
           Update.ADD),
    Option("baselines", "baselines", Path, "DIR", "Where baselines are stored (default: baselines below the rootdir)."),
    Option("missing", "missing", _member(Missing, "value of --cnnperf-missing"), "warn|fail|record",
           "What to do with a case that has no baseline on this machine (default: warn)."),
    Option("threshold", "threshold", percent, "PERCENT", "Smallest slowdown that fails a test (default: 5)."),
    Option("frameworks", "frameworks", _names, "NAMES", "Only these frameworks, joined by commas (default: all)."),
    Option("algorithms", "algorithms", _members(Algorithm, "algorithm"), "NAMES", "Only these (default: all)."),
    Option("passes", "passes", _members(Pass, "pass"), "NAMES",
           "Only these of forward, backward_data and backward_filter (default: all)."),
    Option("batches", "batches", _counts("a batch"), "COUNTS", "Batch sizes (default: the preset's)."),
    Option("dtypes", "dtypes", _members(DType, "dtype"), "NAMES",
           "Only these types to compute in (default: each framework's own, all of them in larger presets on a GPU)."),
    Option("clocks", "clocks", _listed(_DEVICE_CLOCKS, "clock"), "NAMES",
           "How GPUs are timed: device_cold, device_hot or both (default: device_cold)."),
    Option("device-counts", "device_counts", _counts("a device count"), "COUNTS", "Numbers of devices (default: 1)."),
    Option("threads", "threads", _counts("a number of threads"), "COUNTS", "CPU threads per worker (default: 1)."),
    Option("preset", "preset", _preset, "|".join(PRESETS),
           "Size of the suite: quick (about 5 minutes on 2 cores), nightly, or paper (default: quick)."),
    Option("check-only", "check_only", None, "", "Check every result and time nothing."),
    Option("require-gpu", "require_gpu", _integer("--cnnperf-require-gpu", 0), "N",
           "Error instead of skipping when fewer than N GPUs can be used."),
    Option("deadline", "deadline_seconds", _seconds, "SECONDS",
           "End a worker that is silent for longer than this beyond its expected time (default: 300)."),
    Option("lasting", "lasting_seconds", _seconds_or_none, "SECONDS",
           "A change must be there so long after the first visit of its case, too (default: 120)."),
    Option("only-missing", "only_missing", None, "",
           "Leave out cases that the baseline of this machine has: go on with a recording that was cut off."),
    Option("prune", "prune", None, "", "Remove stored cases that no case of a complete run asks for."),
    Option("json", "json", Path, "PATH", "Write all outcomes and holes to this file as JSON."),
)  # fmt: skip


def add_options(parser: pytest.Parser) -> None:
    """Give pytest every row twice: as a flag and as an ini key."""
    group = parser.getgroup("cnnperf", "performance and correctness of CNN frameworks (pytest-cnnperf)")
    for option in OPTIONS:
        kind: dict[str, Any] = {"action": "store_true", "default": None}
        if option.parse is not None:
            kind = {"action": "store", "metavar": option.metavar, "default": None}
        group.addoption(option.flag, dest=option.dest, help=option.help, **kind)
        parser.addini(option.dest, help=option.help, default=None)
    for name in builtin():
        parser.addini(command_key(name), help=f"How a worker's Python is started for {name}.", default=None)


def settings_from(config: pytest.Config) -> Settings:
    """The effective settings, field by field: command line over ini over default.

    Paths of the command line are relative to where pytest was started, all others to the rootdir.

    Raises: pytest.UsageError naming the option, what was got and what is known, or two options that exclude each other.
    """
    ini = Source(lambda option: option.dest, config.getini, config.rootpath)
    command_line = Source(lambda option: option.flag, config.getoption, config.invocation_params.dir)
    chosen = {**_given(ini), **_given(command_line)}
    settings = Settings(**{field: value for field, value in chosen.items() if value is not None})
    if settings.update is Update.ADD and settings.only_missing:
        raise pytest.UsageError(
            "--cnnperf-update-add adds runs to cases that the baseline has, and --cnnperf-only-missing leaves those "
            "out: give one, or --cnnperf-update-new with the latter"
        )
    commands = {name: text for name in builtin() if (text := config.getini(command_key(name)))}
    return replace(settings, baselines=config.rootpath / settings.baselines, commands=commands)


def _given(source: Source) -> dict[str, Any]:
    """The fields that a source speaks of; None for one that it leaves empty."""
    values: dict[str, Any] = {}
    givers: dict[str, Option] = {}
    for option in OPTIONS:
        found = source.read(option.dest)
        if found is None:
            continue
        value = _value(option, found, source)
        if value is None:
            values.setdefault(option.field, None)
            continue
        other = givers.setdefault(option.field, option)
        if other is not option:
            raise pytest.UsageError(f"{source.called(other)} and {source.called(option)} exclude each other: give one")
        values[option.field] = value
    return values


def _value(option: Option, found: Any, source: Source) -> Any:
    """What was found, parsed; None for the empty text and for a flag that is off."""
    if found == "":
        return None
    try:
        if option.parse is None:
            return option.constant if (found is True or boolean(str(found))) else None
        value = option.parse(str(found))
    except (UnknownName, UsageError) as error:
        raise pytest.UsageError(f"{source.called(option)}: {error}") from None
    return source.folder / value if isinstance(value, Path) else value
