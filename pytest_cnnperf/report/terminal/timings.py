"""The tables of timings: one per workload, network and batch; in it one group per layer and pass, fastest first."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from ...cases import Case
from ...judging.verdict import Verdict
from .. import text
from ..outcome import Outcome
from ..report import Report, fell_back, spread
from . import phrases
from .line import BOLD, CYAN, PLAIN, QUIET, YELLOW, Line, Markup, Span, line
from .table import Cell, Column, fit

FASTEST = "›"
_TITLE = {**BOLD, **CYAN}
CellOf = Callable[["Entry"], Cell]


@dataclass(frozen=True)
class Entry:
    """An outcome with what its row needs to know of its surroundings.

    Units: best_ns nanoseconds, peak FLOP/s, copy_share a fraction of what a GPU's copies reach.
    """

    outcome: Outcome
    case: Case
    best_ns: int | None
    peak: float | None
    copy_share: float | None

    @property
    def is_best(self) -> bool:
        """Whether nothing in its group is faster."""
        return self.best_ns is not None and self.outcome.median_ns == self.best_ns and may_win(self.outcome)


@dataclass(frozen=True)
class Group:
    """One layer and pass, all ways to compute it; fastest first, what has no time last."""

    case: Case
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Section:
    """One table: what all its groups have in common."""

    setting: tuple[str, ...]
    groups: tuple[Group, ...]

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Entries of all groups."""
        return tuple(entry for group in self.groups for entry in group.entries)

    @property
    def peak(self) -> float | None:
        """What the share of the peak refers to."""
        return next((entry.peak for entry in self.entries if entry.peak), None)


def may_win(outcome: Outcome) -> bool:
    """Whether a time counts in the race: a wrong result or another algorithm than asked for does not."""
    return outcome.median_ns is not None and outcome.verdict is not Verdict.WRONG and not fell_back(outcome)


def sections(report: Report) -> tuple[Section, ...]:
    """The tables of a report, in a stable order that does not depend on the order of execution."""
    cases = [(outcome.case, outcome) for outcome in report.outcomes]
    cases.sort(key=lambda pair: (phrases.setting(pair[0])[0], pair[0].batch or 0, phrases.setting(pair[0])))
    return tuple(
        Section(setting, tuple(_groups(list(members), report)))
        for setting, members in groupby(cases, key=lambda pair: phrases.setting(pair[0]))
    )


def render(section: Section, width: int) -> Iterator[Line]:
    """The table of one section."""
    common = _common(section)
    columns = [(column, cell) for column, cell in _COLUMNS if cell not in common]
    rows = [[[cell(entry) for _, cell in columns] for entry in group.entries] for group in section.groups]
    grid = fit([column for column, _ in columns], [row for group in rows for row in group], width)
    untitled = sum(not column.title for column in grid.columns)
    grid = grid.with_room(untitled, max(map(_room, section.groups)), width=width)
    yield from _title(section, tuple(filter(None, common.values())), width)
    layer = None
    for group, cells in zip(section.groups, rows, strict=True):
        # The passes of a layer have its shape in common: it stands beside the first.
        here = (group.case.layer, group.case.problem)
        shape = phrases.shape(group.case.problem) if here != layer else ""
        layer = here
        yield line("")
        yield grid.heading(phrases.group_name(group.case), aside=shape, over=untitled)
        yield from map(grid.row, cells)


def _title(section: Section, common: tuple[str, ...], width: int) -> Iterator[Line]:
    """What the table is about, with what all its rows have in common, and a rule to the right edge."""
    peak = (f"peak {text.rate(section.peak, 1e9)}",) if section.peak else ()
    conditions = phrases.conditions(entry.outcome for entry in section.entries)
    words = " · ".join((*section.setting, *common, *peak, *conditions))
    *first, last = textwrap.wrap(words, width) or [""]
    yield from (line(part, _TITLE) for part in first)
    yield Line((Span(last, _TITLE), Span(" " + "─" * (width - len(last) - 1) if len(last) < width - 1 else "", QUIET)))


def _groups(members: list[tuple[Case, Outcome]], report: Report) -> Iterator[Group]:
    members.sort(key=lambda pair: phrases.in_order(pair[0]))
    for _, group in groupby(members, key=lambda pair: phrases.in_order(pair[0])):
        pairs = sorted(group, key=lambda pair: (pair[1].median_ns is None, pair[1].median_ns or 0, pair[0].key))
        racers = [outcome.median_ns for _, outcome in pairs if may_win(outcome) and outcome.median_ns is not None]
        # Ways to compute one thing compete; callables of a file have nothing in common.
        best = min(racers) if len(racers) > 1 and pairs[0][0].problem else None
        yield Group(pairs[0][0], tuple(_entry(case, outcome, best, report) for case, outcome in pairs))


def _entry(case: Case, outcome: Outcome, best_ns: int | None, report: Report) -> Entry:
    return Entry(outcome, case, best_ns, report.peak_of(case), report.copy_share_of(outcome))


def _common(section: Section) -> dict[CellOf, str]:
    """Columns that would say the same in every row, and what they would say."""
    layouts = {entry.case.layout for entry in section.entries}
    judged = {(entry.outcome.verdict, phrases.note(entry.outcome)) for entry in section.entries}
    common: dict[CellOf, str] = {_layout: next(iter(layouts)).value} if len(layouts) == 1 else {}
    if len(judged) == 1 and next(iter(judged))[0] is Verdict.UNKNOWN:
        common |= {_verdict: "", _note: next(iter(judged))[1]}
    return common


def _room(group: Group) -> int:
    """What the name of a group and the shape of its problem take, and two spaces after each."""
    return len(phrases.group_name(group.case)) + len(phrases.shape(group.case.problem)) + 4


def _name(entry: Entry) -> Markup:
    if entry.outcome.verdict in (Verdict.SLOWER, Verdict.UNDECIDED, Verdict.FASTER):
        return phrases.LOOKS[entry.outcome.verdict]
    return BOLD if entry.is_best else PLAIN


def _mark(entry: Entry) -> Cell:
    return Cell(FASTEST if entry.is_best else " ", _TITLE)


def _framework(entry: Entry) -> Cell:
    return Cell(entry.case.framework, _name(entry))


def _way(entry: Entry) -> Cell:
    return Cell(phrases.way(entry.case), YELLOW if fell_back(entry.outcome) else _name(entry))


def _layout(entry: Entry) -> Cell:
    return Cell(entry.case.layout.value)


def _ran(entry: Entry) -> Cell:
    resolved = entry.outcome.resolved
    return Cell("" if resolved == "unknown" else resolved, YELLOW if fell_back(entry.outcome) else QUIET)


def _time(entry: Entry) -> Cell:
    return Cell(text.duration(entry.outcome.median_ns, spread(entry.outcome)), _name(entry))


def _spread(entry: Entry) -> Cell:
    noise = spread(entry.outcome)
    return Cell(f"±{text.percent(noise, 1)}" if text.exists(noise) else "", QUIET)


def _times_best(entry: Entry) -> Cell:
    if not entry.best_ns or entry.outcome.median_ns is None:
        return Cell()
    times = entry.outcome.median_ns / entry.best_ns
    return Cell(f"{times:.1f}" if times < 9.95 else f"{times:.0f}")


def _rate(entry: Entry) -> Cell:
    outcome = entry.outcome
    if not outcome.flops or not outcome.median_ns:
        return Cell()
    speed = outcome.flops / outcome.median_ns
    return Cell(text.significant(speed, text.supported_digits(speed, spread(outcome))))


def _share(entry: Entry) -> Cell:
    outcome = entry.outcome
    if not outcome.flops or not outcome.median_ns or not entry.peak:
        return Cell()
    return Cell(f"{outcome.flops / outcome.median_ns * 1e9 / entry.peak:.0%}".replace("%", " %"))


def _copy_share(entry: Entry) -> Cell:
    return Cell("" if entry.copy_share is None else f"{entry.copy_share:.0%}".replace("%", " %"))


def _error(entry: Entry) -> Cell:
    return Cell(text.fraction_of_bound(entry.outcome.error_fraction))


def _verdict(entry: Entry) -> Cell:
    return Cell(entry.outcome.verdict.value, phrases.look(entry.outcome))


def _note(entry: Entry) -> Cell:
    verdict = entry.outcome.verdict
    look = YELLOW if fell_back(entry.outcome) else QUIET if verdict is Verdict.WRONG else phrases.look(entry.outcome)
    return Cell(phrases.note(entry.outcome), look)


def _detectable(entry: Entry) -> Cell:
    return Cell(text.percent(entry.outcome.resolution, 1), QUIET)


# The first columns have no titles: the name of the group stands above them.
_COLUMNS: tuple[tuple[Column, CellOf], ...] = (
    (Column(gap=0), _mark),
    (Column(gap=1), _framework),
    (Column(gap=1, least=13), _way),
    (Column(gap=1), _layout),
    (Column(least=14, optional=3), _ran),
    (Column("time", right=True, gap=1), _time),
    (Column("±", right=True, gap=1), _spread),
    (Column("×best", right=True, optional=2), _times_best),
    (Column("GFLOP/s", right=True, optional=1), _rate),
    (Column("peak", right=True, gap=1), _share),
    (Column("copy", right=True, gap=1, optional=1), _copy_share),
    (Column("error", right=True, gap=1), _error),
    (Column("verdict", gap=1), _verdict),
    (Column("change", gap=1, least=7), _note),
    (Column("sees", right=True, gap=1), _detectable),
)


def fastest(entries: Iterable[Entry]) -> Entry | None:
    """The winner among these, or None when nothing may win."""
    racers = [entry for entry in entries if may_win(entry.outcome)]
    return min(racers, key=lambda entry: entry.outcome.median_ns or 0, default=None)
