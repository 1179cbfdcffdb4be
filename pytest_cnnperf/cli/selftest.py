"""`cnnperf selftest`: whether the judge keeps its promises on this machine, and whether every fault is caught."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import FrameworkUnavailable, UsageError
from ..frameworks import FrameworkSpec, Registry, builtin
from ..judging.statistics import session_level
from ..measuring.machine import detect
from ..report import json, text
from ..run import Run
from ..selftest.collecting import LEAST_TURNS, Enough, collected, slowable, subject_of
from ..selftest.document import document
from ..selftest.faults import FAULTS
from ..selftest.injecting import Shown, shown
from ..selftest.page import render
from ..selftest.result import SelfTest, Series
from ..settings import Settings
from .inifile import commands_in_ini
from .printing import show, width

PASSED, FAILED = 0, 1
DESCRIPTION = (
    "Measure on this machine how often the judge raises a false alarm and how often it finds a slowdown that is really "
    "there, inject one fault after the other into the line from worker to verdict, and say whether all holds. The exit "
    "code is 1 when something does not."
)
_SECONDS = 270.0
_DAY_SECONDS = 86400.0
_FRAMEWORKS = 2


def add_selftest(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command's place on the command line."""
    parser = commands.add_parser("selftest", help="prove the verdicts on this machine", description=DESCRIPTION)
    parser.add_argument(
        "--frameworks",
        metavar="NAMES",
        help="whose convolution is measured, joined by commas (the first two installed)",
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument(
        "--seconds",
        type=float,
        default=_SECONDS,
        metavar="SECONDS",
        help=f"about how long to measure, but two recordings at least ({_SECONDS:g})",
    )
    length.add_argument(
        "--repeats", type=int, metavar="COUNT", help="recordings of each slowdown, however long it takes"
    )
    parser.add_argument(
        "--cases", type=int, default=1, metavar="COUNT", help="judge as in a session of so many cases (1)"
    )
    parser.add_argument(
        "--baselines",
        type=Path,
        default=Settings().baselines,
        metavar="DIR",
        help="whose spread between runs is judged with (baselines); nothing is written there",
    )
    parser.add_argument("--only", choices=("faults", "rates"), help="one half: faults take seconds, rates the minutes")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the result as JSON, schema 1")
    parser.set_defaults(run=run_selftest)


def run_selftest(chosen: argparse.Namespace) -> int:
    """Measure, inject and print; the code is 1 when something does not hold.

    Raises: UsageError, UnknownName, ResultFileError or FrameworkUnavailable for what cannot be done as asked, before
    anything starts.
    """
    _refuse_misuse(chosen)
    specs = [] if chosen.only == "faults" else _specs(chosen.frameworks)
    if chosen.json is not None:
        json.ensure_writable(chosen.json, option="--json")
    began = time.monotonic()
    injected = () if chosen.only == "rates" else tuple(_injected())
    test = SelfTest(
        machine=detect(),
        cases=chosen.cases,
        level=session_level(chosen.cases),
        shown=injected,
        series=_measured(specs, chosen),
        seconds=time.monotonic() - began,
    )
    _tell("")
    show(render(test, width()))
    if chosen.json is not None:
        json.write_document(document(test), chosen.json, option="--json")
    return FAILED if test.failures else PASSED


def _refuse_misuse(chosen: argparse.Namespace) -> None:
    if not 0 < chosen.seconds <= _DAY_SECONDS:
        raise UsageError(f"--seconds: got {chosen.seconds:g}, expected a time between 0 and a day: --seconds 270")
    if chosen.repeats is not None and chosen.repeats < LEAST_TURNS:
        raise UsageError(
            f"--repeats: got {chosen.repeats}, expected at least {LEAST_TURNS}, since a recording is compared with "
            "those of other processes: --repeats 5"
        )
    if chosen.frameworks is not None and chosen.only == "faults":
        raise UsageError(
            f"--frameworks: got {chosen.frameworks!r} beside --only faults, which measures no framework; "
            f"drop one of them: --only rates --frameworks {chosen.frameworks}"
        )
    if chosen.cases < 1:
        raise UsageError(f"--cases: got {chosen.cases}, expected at least 1: --cases 140")


def _specs(names: str | None) -> list[FrameworkSpec]:
    """The chosen frameworks, or the first two that are installed."""
    known = builtin()
    registry = known.located(commands_in_ini(known, Path.cwd()))
    if names is None:
        return _installed(registry)[:_FRAMEWORKS]
    asked = [name for name in (part.strip() for part in names.split(",")) if name]
    if not asked:
        raise UsageError(f"--frameworks: got {names!r}, expected names joined by commas, of: {', '.join(registry)}")
    specs = [registry.get(name) for name in dict.fromkeys(asked)]
    for spec in specs:
        missing = registry.missing(spec)
        if missing:
            raise FrameworkUnavailable(f"--frameworks: {missing}")
    return specs


def _installed(registry: Registry) -> list[FrameworkSpec]:
    return [spec for spec in map(registry.get, registry) if registry.missing(spec) is None]


def _injected() -> Iterator[Shown]:
    results = shown(FAULTS, on_wait=_tell_waiting)
    for number, fault in enumerate(FAULTS, start=1):
        _tell(f"injecting {fault.name} ({number} of {len(FAULTS)})")
        yield next(results)


def _measured(specs: Sequence[FrameworkSpec], chosen: argparse.Namespace) -> tuple[Series, ...]:
    if not specs:
        return ()
    subjects = [subject_of(spec) for spec in specs]
    run = Run(Settings(baselines=chosen.baselines), slowable(subjects), compared=chosen.cases, on_wait=_tell_waiting)
    # Before anything is measured: a file of spreads that is broken must not cost minutes.
    run_floors = {subject.spec.name: run.baselines.floor_of(subject.case).runs for subject in subjects}
    try:
        enough = _enough(chosen.repeats, chosen.seconds)
        recordings = collected(run, subjects, enough=enough, tell=_tell)
    finally:
        run.close()
    return tuple(Series.of(each, level=run.level, run_floor=run_floors[each.framework]) for each in recordings)


def _enough(repeats: int | None, limit_seconds: float) -> Enough:
    """Whether so many turns will do; the next would take as long as those before."""

    def is_enough(turns: int, seconds: float) -> bool:
        if repeats is not None:
            return turns >= repeats
        return seconds * (turns + 1) / turns > limit_seconds

    return is_enough


def _tell_waiting(device: str, holder: int | None, seconds: float) -> None:
    _tell(f"waiting for {device}, held by process {holder or '?'}, for {text.elapsed(seconds)}")


def _tell(words: str) -> None:
    """One line that replaces itself, for a person who waits; for a log, a line each."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{f'cnnperf: {words}' if words else ''}", end="", file=sys.stderr, flush=True)
    elif words:
        print(f"cnnperf: {words}", file=sys.stderr, flush=True)
