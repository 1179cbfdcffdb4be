"""What moved many cases together: told once, with its cases in a line each."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ...judging.cause import Cause
from ...judging.events import Direction, Event, Subject
from ...judging.verdict import Verdict
from .. import text
from ..outcome import Outcome
from ..report import Report
from . import phrases
from .line import BOLD, GREEN, QUIET, RED, YELLOW, Line, Markup, Span, line
from .table import Cell, Column, fit

_MOST = 20
_COLUMNS = (
    Column(right=True, gap=4),
    Column(gap=2),
    Column(least=8),
    Column(gap=1, optional=1),
    Column(least=16),
    Column(optional=2),
)


def render(report: Report, width: int) -> Iterator[Line]:
    """The events of a report, each with the cases that are SLOWER with it."""
    for event in report.events:
        yield from heading(event, width)
        yield from _cases(slower(report, event), width, named=event.framework is None)
        yield line("")


def slower(report: Report, event: Event) -> tuple[Outcome, ...]:
    """The SLOWER cases that moved with an event; none with a machine's, for which the ratios have allowed."""
    if event.subject is Subject.MACHINE or event.direction is Direction.FASTER:
        return ()
    keys = frozenset(event.keys)
    return tuple(outcome for outcome in report.with_verdict(Verdict.SLOWER) if outcome.key in keys)


def heading(event: Event, width: int) -> Iterator[Line]:
    """Who moved where to, by how much, how many cases of how many, and what to do."""
    interval = f"{text.change(event.low)} to {text.change(event.high)}"
    what = "control " if event.subject is Subject.MACHINE else ""
    found = f": {what}{text.change(event.ratio)} ({interval}), {len(event.keys)} of {text.counted(event.of, 'case')}"
    yield Line((Span("EVENT", _look(event)), Span("  "), Span(event.title, BOLD), Span(found)))
    yield from (line(f"    {part}") for part in textwrap.wrap(event.advice, max(20, width - 4)))


def _look(event: Event) -> Markup:
    if event.direction is Direction.FASTER:
        return GREEN
    return YELLOW if event.subject is Subject.MACHINE else RED


def _cases(outcomes: Sequence[Outcome], width: int, *, named: bool) -> Iterator[Line]:
    """How many there are and why, and a row for each, the farthest first."""
    if not outcomes:
        return
    words = ": ".join(filter(None, (f"{len(outcomes)} {Verdict.SLOWER}", _causes(outcomes))))
    yield from (line(f"    {part}") for part in textwrap.wrap(words, max(20, width - 4)))
    farthest = sorted(outcomes, key=lambda each: -(each.baseline_ratio or 0))
    rows = [_row(outcome, named=named) for outcome in farthest[:_MOST]]
    yield from map(fit(_COLUMNS, rows, width).row, rows)
    if len(outcomes) > _MOST:
        yield line(f"    … and {len(outcomes) - _MOST} more; all of them: --cnnperf-json PATH", QUIET)


def _causes(outcomes: Iterable[Outcome]) -> str:
    """The causes by their number, and of the most frequent one what was seen."""
    seen = Counter((each.cause, each.cause_detail) for each in outcomes if each.cause)
    if not seen:
        return ""
    totals: Counter[Cause] = Counter()
    for (cause, _), count in seen.items():
        totals[cause] += count
    first = totals.most_common(1)[0][0]
    detail = next(detail for (cause, detail), _ in seen.most_common() if cause is first)
    counted = ", ".join(f"{number} {cause.words}" for cause, number in totals.most_common())
    words = counted if len(totals) > 1 else first.words
    return f"{words}{'; for example ' if len(seen) > 1 else ': '}{detail}"


def _row(outcome: Outcome, *, named: bool) -> list[Cell]:
    case = outcome.case
    return [
        Cell(text.change(outcome.baseline_ratio), phrases.look(outcome)),
        Cell(case.framework if named else ""),
        Cell(phrases.way(case)),
        Cell(case.layout.value, QUIET),
        Cell(f"{case.network} {phrases.group_name(case)}"),
        Cell(outcome.cause.words if outcome.cause else "", QUIET),
    ]
