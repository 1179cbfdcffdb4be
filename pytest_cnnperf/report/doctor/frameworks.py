"""Table I of the paper for this machine: who is there, in which version, with which devices and libraries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ...host.ailment import State
from ...host.checkup import Checkup
from ...host.loaded import REFERENCE_BLAS
from .. import text
from ..terminal.line import PLAIN, QUIET, RED, YELLOW, Line, line
from ..terminal.table import Cell, Column, Grid, fit
from .examination import Examination, Surroundings, devices, libraries_of
from .wrapping import labelled, next_command, wrapped

_COLUMNS = (
    Column("framework", gap=2),
    Column("version"),
    Column("Python"),
    Column("devices"),
    Column("parallelism", least=11),
    Column("libraries", least=22),
)
_NUMBER = re.compile(r"\d[\w.+-]*")
_UNBREAKABLE = "\N{NO-BREAK SPACE}"


def render(examination: Examination, width: int, *, whole: bool) -> Iterator[Line]:
    """A row for each framework; one that cannot be used has its reason and the next command instead.

    `whole` adds how it is started, how it uses several devices, and all that a failing worker said.
    """
    rows = [_cells(checkup, examination.surroundings) for checkup in examination.checkups]
    grid = fit(_COLUMNS, rows, width)
    indent = grid.widths[0] + grid.columns[0].gap + 2
    yield grid.heading("frameworks", over=1)
    for checkup, cells in zip(examination.checkups, rows, strict=True):
        if checkup.ailment is None:
            yield from _row_with_wrapped_end(grid, cells)
            yield from _warnings(checkup, examination.surroundings, indent=indent, width=width)
        else:
            yield from _ailing(checkup, indent=indent, width=width)
        if whole:
            yield from _more(checkup, indent=indent, width=width)


def _cells(checkup: Checkup, surroundings: Surroundings) -> list[Cell]:
    if checkup.hello is None:
        return [Cell(checkup.spec.title), *(Cell() for _ in _COLUMNS[1:])]
    ready = (device for device in devices(checkup, surroundings) if device.why_not is None)
    ways = dict.fromkeys(_kind_of(way) for way in checkup.spec.parallelism)
    libraries = (_in_words(name, version) for name, version in libraries_of(checkup).items())
    return [
        Cell(checkup.spec.title),
        Cell(checkup.hello.version),
        Cell(checkup.hello.python),
        Cell(", ".join(f"{device.count} {device.kind}" for device in ready)),
        Cell(", ".join(ways) or "none", PLAIN if ways else QUIET),
        Cell(", ".join(libraries)),
    ]


def _in_words(name: str, version: str) -> str:
    """``mkl 2018.0.3``, ``Open MPI v4.1.0``: up to the first number, and the name only where that does not say it."""
    number = _NUMBER.search(version)
    short = version[: number.end()] if number else version
    words = short if name.lower() in short.lower() else f"{name} {short}"
    return words.rstrip().replace(" ", _UNBREAKABLE)


def _kind_of(way: str) -> str:
    """``data``, ``model`` (the paper's words) or ``none``, where a way begins so; else what it says before a colon."""
    first = way.replace(":", " ").split(maxsplit=1)[0]
    return first if first in ("data", "model", "none") else way.partition(":")[0]


def _row_with_wrapped_end(grid: Grid, cells: list[Cell]) -> Iterator[Line]:
    """The last column goes on in the lines beneath."""
    parts = wrapped(cells[-1].text, grid.widths[-1]) or [""]
    for index, part in enumerate(parts):
        before = cells[:-1] if index == 0 else [Cell() for _ in cells[:-1]]
        yield grid.row([*before, replace(cells[-1], text=part.replace(_UNBREAKABLE, " "))])


def _ailing(checkup: Checkup, *, indent: int, width: int) -> Iterator[Line]:
    assert checkup.ailment is not None
    absent = checkup.state is State.NOT_INSTALLED
    # The row begins with its name already.
    reason = checkup.ailment.reason.removeprefix(checkup.spec.title).strip()
    look = YELLOW if absent else RED
    yield from labelled(f"  {checkup.spec.title}", reason, indent=indent, width=width, look=look)
    yield next_command(checkup.ailment.command, indent)


def _warnings(checkup: Checkup, surroundings: Surroundings, *, indent: int, width: int) -> Iterator[Line]:
    """What works, but not as well as it could."""
    assert checkup.hello is not None
    if surroundings.gpus.gpus:
        for device in devices(checkup, surroundings):
            if device.why_not is not None:
                yield from labelled("", device.why_not, indent=indent, width=width, look=YELLOW)
    if REFERENCE_BLAS in checkup.hello.loaded:
        slow = (
            f"computes on the reference BLAS ({checkup.hello.loaded[REFERENCE_BLAS]}), many times slower than OpenBLAS"
        )
        yield from labelled("", slow, indent=indent, width=width, look=YELLOW)
        yield next_command(checkup.spec.install, indent)


def _more(checkup: Checkup, *, indent: int, width: int) -> Iterator[Line]:
    rows = [("started by", " ".join(checkup.spec.command))]
    rows += [("parallelism", way) for way in checkup.spec.parallelism]
    if checkup.hello is not None:
        rows += [("loaded", file) for file in checkup.hello.loaded.values()]
        rows.append(("threads", str(checkup.hello.threads)))
    if checkup.start_seconds is not None:
        rows.append(("starts in", text.elapsed(checkup.start_seconds)))
    for name, words in rows:
        yield from labelled(f"    {name}", words, indent=max(indent, 18), width=width, look=QUIET)
    if checkup.ailment is not None:
        for said in checkup.ailment.detail.splitlines():
            yield line(f"    {said}", QUIET)
