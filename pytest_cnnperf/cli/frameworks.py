"""`cnnperf frameworks`: which frameworks there are and where, and the making and removing of their environments."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from ..environments import EnvironmentFailed, make, remove
from ..errors import CnnperfError, UnknownName, UsageError
from ..frameworks import FrameworkSpec, Registry, builtin
from ..frameworks.environment import State, inspect
from ..frameworks.locating import command_key, command_variable, install_command, is_findable
from ..report.terminal.line import BOLD, GREEN, PLAIN, QUIET, YELLOW, Line
from ..report.terminal.table import Cell, Column, fit
from ..report.text import size
from . import printing
from .inifile import commands_in_ini

_DESCRIPTION = (
    "A framework that cannot share the Python that runs pytest gets an environment of its own, below $CNNPERF_HOME "
    "(default: pytest-cnnperf in the user's cache folder). Nothing is installed outside of it, and no root is needed."
)


def add_to(commands: Any) -> None:
    """Give `cnnperf` this command and its own four."""
    parser = commands.add_parser("frameworks", help="list, install and remove frameworks", description=_DESCRIPTION)
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="say of every framework whether it is there, where, and how to get it")
    listing.set_defaults(run=_list)
    for name, run, help_ in (
        ("install", _install, "make the environments of these; one that is there already is kept"),
        ("remove", _remove, "delete the environments of these"),
    ):
        action = actions.add_parser(name, help=help_)
        action.add_argument("names", nargs="+", metavar="NAME")
        action.set_defaults(run=run)
    path = actions.add_parser("path", help="print the folder of an environment")
    path.add_argument("name", metavar="NAME")
    path.set_defaults(run=_path)


def _list(chosen: argparse.Namespace) -> int:  # noqa: ARG001 - every command gets what was chosen
    registry = builtin()
    printing.show(table(registry, commands_in_ini(registry, Path.cwd()), width=printing.width()))
    return 0


def _install(chosen: argparse.Namespace) -> int:
    """Each in turn; one that fails does not keep the others from being made."""
    failed = [spec.name for spec in _known(chosen.names) if not _is_made(spec)]
    if failed:
        print(f"cnnperf: not installed: {', '.join(failed)}", file=sys.stderr)
    return 2 if failed else 0


def _is_made(spec: FrameworkSpec) -> bool:
    try:
        if spec.recipe is None:
            _tell_without_recipe(spec)
        else:
            source = _command_source(spec, commands_in_ini([spec.name], Path.cwd()))
            if source:
                _tell(f"{spec.name}: {source} is set and stays in force, whatever is made now")
            make(spec, spec.recipe, _tell)
    except CnnperfError as error:
        print(f"cnnperf: {error}", file=sys.stderr)
        return False
    except KeyboardInterrupt:
        print(f"\ncnnperf: {spec.name} is half made; go on with: {install_command(spec)}", file=sys.stderr)
        raise
    return True


def _tell_without_recipe(spec: FrameworkSpec) -> None:
    if not _is_here(spec):
        raise EnvironmentFailed(
            f"{spec.title} has no environment of its own: it lives in the Python that runs pytest ({sys.executable}); "
            f"next: {spec.install}"
        )
    _tell(f"{spec.name}: is there already, in {sys.executable}")


def _remove(chosen: argparse.Namespace) -> int:
    for spec in _known(chosen.names):
        if spec.recipe is None:
            raise UsageError(
                f"{spec.title} has no environment of its own: it lives in the Python that runs pytest; next, if it "
                f"shall go: {sys.executable} -m pip uninstall {spec.name}"
            )
        _tell(f"{spec.name}: " + ("removed" if remove(spec.name, _tell) else "there was nothing to remove"))
    return 0


def _path(chosen: argparse.Namespace) -> int:
    """The folder on stdout; whether it is complete on stderr."""
    (spec,) = _known([chosen.name])
    if spec.recipe is None:
        raise UsageError(f"{spec.title} has no environment of its own: it lives in {sys.executable}")
    found = inspect(spec.name, spec.recipe)
    print(found.folder)
    if found.state is not State.COMPLETE:
        print(f"cnnperf: this environment is {found.state.value}; next: {install_command(spec)}", file=sys.stderr)
    return 0


def _known(names: list[str]) -> list[FrameworkSpec]:
    """These frameworks, each once; the first unknown name is refused before anything is done.

    Raises: UnknownName with the known names, the nearest, and where more is said.
    """
    registry = builtin()
    try:
        return [registry.get(name) for name in dict.fromkeys(names)]
    except UnknownName as error:
        raise UnknownName(f"{error}; next: cnnperf frameworks list") from None


def _tell(text: str) -> None:
    print(text, flush=True)


@dataclass(frozen=True)
class _Entry:
    """What the table says of one framework; without a next command it is ready."""

    state: str
    version: str = ""
    size_bytes: int | None = None
    where: str = ""
    next: str = ""


_COLUMNS = (
    Column("framework", gap=0),
    Column("state"),
    Column("version", least=12, optional=1),
    Column("size", right=True, optional=2),
    Column("where", least=20, optional=3),
    Column("next"),
)


def table(registry: Registry, commands: Mapping[str, str], *, width: int) -> Iterator[Line]:
    """A row for each framework: its state, version, size on disk, where it is, and what to type next.

    `commands` are those that an ini file gives, by name.
    """
    rows = [_row(spec.name, _entry(spec, commands)) for spec in map(registry.get, registry)]
    grid = fit(_COLUMNS, rows, width)
    yield grid.heading()
    yield from map(grid.row, rows)


def _row(name: str, entry: _Entry) -> list[Cell]:
    look = YELLOW if entry.state != State.ABSENT.value else PLAIN
    return [
        Cell(name, BOLD),
        Cell(entry.state, look if entry.next else GREEN),
        Cell(entry.version),
        Cell(size(entry.size_bytes)),
        Cell(entry.where, QUIET),
        Cell(entry.next),
    ]


def _command_source(spec: FrameworkSpec, commands: Mapping[str, str]) -> str:
    """Where the user's own command for this framework is given; empty where there is none."""
    variable = command_variable(spec.name)
    if os.environ.get(variable):
        return f"${variable}"
    return command_key(spec.name) if commands.get(spec.name) else ""


def _entry(spec: FrameworkSpec, commands: Mapping[str, str]) -> _Entry:
    source = _command_source(spec, commands)
    if source:
        return _Entry("your command", where=source)
    found = None if spec.recipe is None else inspect(spec.name, spec.recipe)
    if found is None or (found.state is not State.COMPLETE and _is_here(spec)):
        if _is_here(spec):
            return _Entry("installed", _version_here(spec), where="the Python that runs pytest")
        return _Entry(State.ABSENT.value, next=spec.install)
    if found.state is State.ABSENT:
        return _Entry(found.state.value, next=spec.install)
    # The framework's own stands first, its interpreter's last.
    names = dict.fromkeys([*list(found.versions)[:1], *(name for name in found.versions if name == "python")])
    versions = ", ".join(f"{name} {found.versions[name]}" for name in names)
    next_ = "" if found.state is State.COMPLETE else install_command(spec)
    return _Entry(found.state.value, versions, disk_bytes(found.folder), str(found.folder), next_)


def _is_here(spec: FrameworkSpec) -> bool:
    """Whether the Python that runs pytest has it; one that names no modules needs nothing beyond that Python."""
    is_own = spec.recipe is not None and not spec.modules
    return not is_own and all(is_findable(name) for name in spec.modules)


def _version_here(spec: FrameworkSpec) -> str:
    return _distribution(spec.modules[0]) if spec.modules else ""


@cache
def _distribution(module: str) -> str:
    names = metadata.packages_distributions().get(module.partition(".")[0], [])
    return f"{names[0]} {metadata.version(names[0])}" if names else ""


def disk_bytes(folder: Path) -> int:
    """What a folder takes on disk, as `du` counts it: a file of several names once."""
    sizes: dict[tuple[int, int], int] = {}
    for place, _, files in os.walk(folder):
        for name in files:
            try:
                found = os.lstat(Path(place) / name)
            except FileNotFoundError:  # somebody removes it just now
                continue
            sizes[found.st_dev, found.st_ino] = found.st_blocks * 512
    return sum(sizes.values())
