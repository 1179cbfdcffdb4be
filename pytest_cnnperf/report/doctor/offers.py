"""Which algorithm each framework offers in which pass, on which device and in which layouts."""

from __future__ import annotations

from collections.abc import Iterator

from ...cases import Algorithm, DeviceKind, Pass
from ...frameworks.spec import FrameworkSpec
from ..terminal.line import PLAIN, QUIET, Line, line
from ..terminal.table import Cell, Column, Row, fit
from .examination import Examination, layouts_offered, passes_offered
from .wrapping import wrapped

_LETTERS = {Pass.FORWARD: "F", Pass.BACKWARD_DATA: "D", Pass.BACKWARD_FILTER: "W"}
_LEGEND = (
    "F forward, D gradient of the data, W gradient of the weights, · not offered; what a shape must fulfil besides, "
    "the coverage table of a run says"
)


def render(examination: Examination, width: int) -> Iterator[Line]:
    """A row for each framework and kind of device; quieter where it cannot be used here."""
    rows = [
        _row(checkup.spec, kind, usable=checkup.ailment is None)
        for checkup in examination.checkups
        for kind in DeviceKind
        if any(offer.device_kind is kind for offer in checkup.spec.offers)
    ]
    # A name of two words has a line for each: all columns must fit 80 characters.
    words = [algorithm.value.rpartition("_") for algorithm in Algorithm]
    columns = (
        Column("framework", gap=2),
        Column(optional=1),
        *(Column(last, gap=1) for *_, last in words),
        Column("layouts", optional=2),
    )
    upper = [Cell(), Cell(), *(Cell(first + joint, QUIET) for first, joint, _ in words), Cell()]
    grid = fit(columns, [upper, *rows], width)
    yield grid.row(upper)
    yield grid.heading("algorithms", over=1)
    yield from map(grid.row, rows)
    yield line("")
    yield from (line(part, QUIET) for part in wrapped(_LEGEND, width))


def _row(spec: FrameworkSpec, kind: DeviceKind, *, usable: bool) -> Row:
    look = PLAIN if usable else QUIET
    letters = ("".join(_LETTERS[pass_] for pass_ in passes_offered(spec, name, kind)) for name in Algorithm)
    layouts = " ".join(layout.value for layout in layouts_offered(spec, kind))
    return [
        Cell(spec.title, look),
        Cell(kind.value, look),
        *(Cell(each or "·", look if each else QUIET) for each in letters),
        Cell(layouts, look),
    ]
