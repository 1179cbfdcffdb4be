"""`cnnperf doctor`: which frameworks work on this machine, with what, and what brings those that do not."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from ..errors import UsageError
from ..frameworks import FrameworkSpec, Registry, builtin
from ..host.checkup import Checkup, check_up
from ..measuring.gpus import inventory
from ..measuring.lease import cores
from ..measuring.machine import detect
from ..measuring.surroundings.cgroups import memory_limit_bytes
from ..measuring.surroundings.conditions import conditions
from ..measuring.surroundings.processor import processor
from ..measuring.surroundings.system import gpu_driver, system
from ..report.doctor import page
from ..report.doctor.document import as_json
from ..report.doctor.examination import Examination, Surroundings
from .inifile import commands_in_ini
from .printing import show, width

FINE, NOT_FULFILLED = 0, 1
DESCRIPTION = (
    "Start every framework once and say what it is, what it can use and offer here, and for what is missing the "
    "command that brings it; then what this machine is, and what on it disturbs a measurement."
)
_DEADLINE_SECONDS = 60.0
_DAY_SECONDS = 86400.0


def add_doctor(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command's place on the command line."""
    parser = commands.add_parser("doctor", help="say which frameworks work here, and why not", description=DESCRIPTION)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these frameworks, with all that they tell")
    parser.add_argument("--json", action="store_true", help="print one JSON document, schema 1, and nothing else")
    parser.add_argument(
        "--require",
        action="append",
        default=[],
        metavar="NAME",
        help="end with exit code 1 unless this framework can be used (repeatable, or joined by commas)",
    )
    parser.add_argument(
        "--deadline",
        type=float,
        default=_DEADLINE_SECONDS,
        metavar="SECONDS",
        help=f"how long a framework may take to start ({_DEADLINE_SECONDS:g})",
    )
    parser.set_defaults(run=run_doctor)


def run_doctor(chosen: argparse.Namespace) -> int:
    """Examine and print; the code is 1 when a required framework cannot be used.

    Raises: UnknownName for a framework that nobody knows, UsageError for a deadline that is none.
    """
    if not 0 < chosen.deadline <= _DAY_SECONDS:
        raise UsageError(f"--deadline: got {chosen.deadline:g}, expected seconds between 0 and a day: --deadline 60")
    known = builtin()
    registry = known.located(commands_in_ini(known, Path.cwd()))
    required = _specs(registry, [name for text in chosen.require for name in text.split(",") if name])
    named = _specs(registry, chosen.names)
    wanted = [*named, *(spec for spec in required if spec not in named)] if named else list(map(registry.get, registry))
    examination = Examination(_surroundings(), tuple(_checkups(wanted, deadline_seconds=chosen.deadline)))
    if chosen.json:
        print(as_json(examination))
    else:
        show(page.render(examination, width(), whole=bool(named)))
    return _fulfilled(examination.checkups, {spec.name for spec in required})


def _specs(registry: Registry, names: Sequence[str]) -> list[FrameworkSpec]:
    return [registry.get(name) for name in dict.fromkeys(names)]


def _checkups(specs: Sequence[FrameworkSpec], *, deadline_seconds: float) -> Iterator[Checkup]:
    """One after the other; two that start at once would only wait for each other's disk and cores."""
    for position, spec in enumerate(specs, start=1):
        _tell(f"cnnperf: starting {spec.title} ({position} of {len(specs)})")
        yield check_up(spec, deadline_seconds=deadline_seconds)
    _tell("")


def _tell(words: str) -> None:
    """One line that replaces itself, for a person who waits."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{words}", end="", file=sys.stderr, flush=True)


def _surroundings() -> Surroundings:
    """This machine; its load is read before the workers add theirs."""
    gpus = inventory()
    machine = detect(gpus=tuple(gpu.name for gpu in gpus.gpus))
    return Surroundings(
        machine=machine,
        processor=processor(),
        usable_cores=cores(),
        memory_limit_bytes=memory_limit_bytes(),
        gpus=gpus,
        gpu_driver=gpu_driver(),
        system=system(),
        python=platform.python_version(),
        package=version("pytest-cnnperf"),
        conditions=conditions(machine.cores),
    )


def _fulfilled(checkups: Sequence[Checkup], required: set[str]) -> int:
    unusable = [checkup for checkup in checkups if checkup.ailment is not None and checkup.spec.name in required]
    for checkup in unusable:
        assert checkup.ailment is not None
        words = f"{checkup.spec.name} is required and cannot be used: {checkup.ailment.reason}"
        print(f"cnnperf: {words}; next: {checkup.ailment.command}", file=sys.stderr)
    return NOT_FULFILLED if unusable else FINE
