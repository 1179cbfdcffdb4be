"""Columns that fit a width: empty ones vanish, optional ones go, elastic ones shrink."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..text import shortened
from .line import BOLD, QUIET, Line, Markup, Span


@dataclass(frozen=True)
class Column:
    """How one column looks.

    `gap` is the space before it. `least` makes it elastic: it may shrink to that many characters. Of the columns with
    an `optional` rank the highest goes first when the table is too wide; rank 0 always stays.
    """

    title: str = ""
    right: bool = False
    gap: int = 2
    least: int = 0
    optional: int = 0


@dataclass(frozen=True)
class Cell:
    """One entry of a row."""

    text: str = ""
    markup: Markup = field(default_factory=dict)


Row = Sequence[Cell]


@dataclass(frozen=True)
class Grid:
    """Columns with the widths that they got; a width of 0 means that the column is not shown."""

    columns: tuple[Column, ...]
    widths: tuple[int, ...]

    @property
    def width(self) -> int:
        """Characters from the first to the last column."""
        return self._room(len(self.columns))

    def with_room(self, over: int, room: int, *, width: int) -> Grid:
        """The same with the first `over` columns together at least `room` wide, if the whole then still fits."""
        shown = [index for index in range(over) if self.widths[index]]
        missing = min(room - self._room(over), width - self.width)
        if not shown or missing <= 0:
            return self
        widths = list(self.widths)
        widths[shown[-1]] += missing
        return Grid(self.columns, tuple(widths))

    def row(self, cells: Row) -> Line:
        """One row of the table."""
        spans = []
        for column, width, cell in zip(self.columns, self.widths, cells, strict=True):
            if width:
                text = shortened(cell.text, width)
                padded = text.rjust(width) if column.right else text.ljust(width)
                spans += [Span(" " * column.gap), Span(padded, cell.markup)]
        return _without_end(spans)

    def heading(self, label: str = "", *, aside: str = "", over: int = 0) -> Line:
        """The titles; the first `over` columns give their place to a label and a quieter aside."""
        room = self._room(over)
        label = shortened(label, room) if room else label
        aside = shortened(aside, max(0, room - len(label) - 2)) if len(aside) <= room - len(label) - 2 else ""
        spans = [Span(label, BOLD), Span("  " + aside if aside else "", QUIET)]
        spans.append(Span(" " * (room - len(label) - (len(aside) + 2 if aside else 0))))
        for column, width in zip(self.columns[over:], self.widths[over:], strict=True):
            if width:
                text = shortened(column.title, width)
                padded = text.rjust(width) if column.right else text.ljust(width)
                spans += [Span(" " * column.gap), Span(padded, QUIET)]
        return _without_end(spans)

    def _room(self, over: int) -> int:
        return sum(w + c.gap for c, w in zip(self.columns[:over], self.widths[:over], strict=True) if w)


def fit(columns: Sequence[Column], rows: Sequence[Row], width: int) -> Grid:
    """Columns wide enough for their rows and, as far as their ranks allow, not wider than `width` together."""
    shown = [_natural(column, [row[index].text for row in rows]) for index, column in enumerate(columns)]
    while _total(columns, shown, elastic=True) > width:
        droppable = [index for index, column in enumerate(columns) if column.optional and shown[index]]
        if not droppable:
            break
        shown[max(droppable, key=lambda index: columns[index].optional)] = 0
    for index in sorted(range(len(columns)), key=lambda each: (-columns[each].optional, -shown[each])):
        excess = _total(columns, shown, elastic=False) - width
        if columns[index].least and excess > 0 and shown[index]:
            shown[index] = max(min(shown[index], columns[index].least), shown[index] - excess)
    return Grid(tuple(columns), tuple(shown))


def _natural(column: Column, texts: list[str]) -> int:
    longest = max((len(text) for text in texts), default=0)
    return max(longest, len(column.title)) if longest else 0


def _total(columns: Sequence[Column], widths: Sequence[int], *, elastic: bool) -> int:
    total = 0
    for column, width in zip(columns, widths, strict=True):
        if width:
            total += column.gap + (min(width, column.least) if elastic and column.least else width)
    return total


def _without_end(spans: list[Span]) -> Line:
    """Trailing spaces are cut: they would wrap on a narrow terminal and show in logs."""
    while spans and not spans[-1].text.strip():
        spans.pop()
    if spans:
        spans[-1] = Span(spans[-1].text.rstrip(), spans[-1].markup)
    return Line(tuple(span for span in spans if span.text))
