"""The self-test as a page: what was injected, how often the judge was right, and what to do."""

from __future__ import annotations

from collections.abc import Iterator

from ..judging.verdict import Verdict
from ..report import text
from ..report.doctor.wrapping import next_command, wrapped
from ..report.terminal.line import BOLD, GREEN, PLAIN, QUIET, RED, YELLOW, Line, Markup, Span, line
from ..report.terminal.phrases import LOOKS
from ..report.terminal.table import Cell, Column, fit
from .injecting import Shown
from .rates import Rate, Tally
from .result import SelfTest, Series

_LEAST_WIDTH = 80
_FAULTS = (
    Column("fault", gap=2),
    Column("injected", least=24, optional=1),
    Column("came as"),
    Column("as expected"),
)
# What a column is about, and its title.
_RATES = (
    ("", Column("framework", gap=2)),
    ("", Column("slowed", right=True)),
    ("", Column("threshold", right=True)),
    ("unchanged", Column("alarms", right=True)),
    ("", Column("undecided", right=True, gap=1, optional=2)),
    ("slowed", Column("found", right=True)),
    ("", Column("undecided", right=True, gap=1, optional=1)),
    ("", Column("same", right=True, gap=1, optional=1)),
    ("", Column("seen", right=True, gap=1)),
    ("", Column("resolution", right=True, gap=1, optional=3)),
    ("", Column("promised")),
)
_LEGEND = (
    "slowed: CPU time that each call really burned besides · alarms: SLOWER or FASTER, of all comparisons of the "
    "unchanged workload with itself · found: SLOWER, of all comparisons of the slowed workload with the unchanged · "
    "undecided and same: of these · seen: the median change measured · promised: the judge says of its own samples "
    "that it can find this"
)


def render(test: SelfTest, width: int) -> Iterator[Line]:
    """All lines, not wider than `width` but for the next commands."""
    width = max(_LEAST_WIDTH, width)
    if test.shown:
        yield from _faults(test, width)
        yield line("")
    if test.series:
        yield from _rates(test, width)
        yield line("")
    yield from _sum(test, width)


def _faults(test: SelfTest, width: int) -> Iterator[Line]:
    rows = [_fault(each) for each in test.shown]
    grid = fit(_FAULTS, rows, width)
    yield grid.heading("faults", over=1)
    yield from map(grid.row, rows)


def _fault(shown: Shown) -> list[Cell]:
    outcome = shown.outcome
    return [
        Cell(shown.fault.name),
        Cell(shown.fault.injected, QUIET),
        Cell(f"{outcome.verdict} {outcome.reason}", LOOKS[outcome.verdict]),
        Cell("yes", GREEN) if shown.is_caught else Cell("NO", RED),
    ]


def _rates(test: SelfTest, width: int) -> Iterator[Line]:
    rows = [_rate(test, series, rate) for series in test.series for rate in series.rates]
    upper = [Cell(about, QUIET) for about, _ in _RATES]
    grid = fit([column for _, column in _RATES], [upper, *rows], width)
    yield grid.row(upper)
    yield grid.heading("rates", over=1)
    yield from map(grid.row, rows)
    yield line("")
    for series in test.series:
        floor = f"visits differ by {text.percent(series.floor.visits)}, runs by {text.percent(series.floor.between(1))}"
        words = f"{series.title}: {text.counted(series.recordings, 'recording')} of each, {floor}; {series.key}"
        yield from (line(part, QUIET) for part in wrapped(words, width))
    yield from (line(part, QUIET) for part in wrapped(_LEGEND, width))


def _rate(test: SelfTest, series: Series, rate: Rate) -> list[Cell]:
    unchanged, slowed = rate.unchanged, rate.slowed
    alarms, must = unchanged.changes, series.must_find(rate)
    missed = must and slowed[Verdict.SLOWER] < test.least(rate)
    return [
        Cell(series.title if rate is series.rates[0] else "", BOLD),
        Cell(text.change(1 + rate.slowdown)),
        Cell(text.exactly(rate.threshold)),
        Cell(_of(alarms, unchanged), _look(bad=alarms > test.allowed(rate), doubtful=alarms > 0)),
        Cell(str(unchanged[Verdict.UNDECIDED]), QUIET),
        Cell(_of(slowed[Verdict.SLOWER], slowed), RED if missed else PLAIN),
        Cell(str(slowed[Verdict.UNDECIDED]), QUIET),
        Cell(str(slowed[Verdict.SAME]), QUIET),
        Cell(text.change(slowed.ratio)),
        Cell(text.percent(slowed.resolution), QUIET),
        Cell("yes", GREEN) if must else Cell("no", QUIET),
    ]


def _look(*, bad: bool, doubtful: bool) -> Markup:
    return RED if bad else YELLOW if doubtful else PLAIN


def _of(count: int, tally: Tally) -> str:
    return f"{count} of {tally.comparisons}"


def _sum(test: SelfTest, width: int) -> Iterator[Line]:
    failures = test.failures
    yield Line((Span("selftest "), Span("failed", RED) if failures else Span("passed", {**BOLD, **GREEN})))
    for part in wrapped(" · ".join(_words(test)), width):
        yield line(part, QUIET)
    for failure in failures:
        yield from (line(part, YELLOW) for part in wrapped(failure.words, width))
        yield next_command(failure.command, 2)


def _words(test: SelfTest) -> Iterator[str]:
    if test.shown:
        yield f"{sum(each.is_caught for each in test.shown)} of {len(test.shown)} as expected"
    for series in test.series:
        promised = series.promised
        yield f"{series.title} from {text.change(1 + promised.slowdown)} on" if promised else f"{series.title}: nothing"
    if test.series:
        cases = text.counted(test.cases, "case")
        yield f"false alarms at most {text.percent(test.level)} a case, as in a session of {cases}"
    yield text.elapsed(test.seconds)
