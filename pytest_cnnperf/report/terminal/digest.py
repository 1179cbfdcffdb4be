"""Frameworks beside each other: for every layer and pass the fastest way that each framework has."""

from __future__ import annotations

from collections.abc import Iterator

from .. import text
from ..report import spread
from . import phrases
from .line import BOLD, PLAIN, QUIET, Line, line
from .table import Cell, Column, fit
from .timings import FASTEST, Entry, Group, Section, fastest

_TITLE = "fastest of each"


def render(section: Section, width: int) -> Iterator[Line]:
    """The digest of a table, or nothing where only one framework or one group ran, or nothing was timed."""
    frameworks = sorted({entry.case.framework for entry in section.entries})
    rows = [_row(group, frameworks) for group in section.groups]
    if len(frameworks) < 2 or len(rows) < 2 or fastest(section.entries) is None:
        return
    columns = [Column(_TITLE, least=12)]
    for name in frameworks:
        columns += [Column(name, right=True, gap=2), Column(gap=1, least=4, optional=1)]
    grid = fit(columns, rows, width)
    yield line("")
    yield grid.heading(_TITLE, over=1)
    yield from map(grid.row, rows)


def _row(group: Group, frameworks: list[str]) -> list[Cell]:
    cells = [Cell(phrases.group_name(group.case))]
    for name in frameworks:
        best = fastest(entry for entry in group.entries if entry.case.framework == name)
        cells += _cells(best) if best else [Cell("–", QUIET), Cell()]
    return cells


def _cells(entry: Entry) -> list[Cell]:
    time = text.duration(entry.outcome.median_ns, spread(entry.outcome))
    look = BOLD if entry.is_best else PLAIN
    return [
        Cell(f"{FASTEST} {time}" if entry.is_best else time, look),
        Cell(phrases.way(entry.case), look if entry.is_best else QUIET),
    ]
