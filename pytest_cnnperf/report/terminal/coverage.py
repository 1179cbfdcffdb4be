"""The coverage matrix: what ran, what fell back, what failed, and why the rest does not exist."""

from __future__ import annotations

import textwrap
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from string import ascii_lowercase

from ...cases import Algorithm, Pass
from .. import text
from ..outcome import Hole, Outcome
from ..report import HOLES, Report, failed, fell_back
from .line import PLAIN, QUIET, RED, YELLOW, Line, line
from .table import Cell, Column, Grid, fit

_MOST_NOTES = 40
_NONE = "–"
_EACH = "each pass"
Place = tuple[str, str, str]  # framework, algorithm, pass (empty for what has none)


def render(report: Report, width: int) -> Iterator[Line]:
    """The matrix, rows the algorithms and passes, columns the frameworks, with its notes."""
    ran, holes = _ran_and_holes(report)
    places = {*ran, *((hole.framework, hole.algorithm, hole.pass_) for hole in holes)}
    if not places:
        return
    notes = _lettered(holes)
    marks: dict[Place, set[str]] = defaultdict(set)
    for hole in holes:
        marks[hole.framework, hole.algorithm, hole.pass_].add(notes[hole.reason])
    frameworks = sorted({framework for framework, _, _ in places})

    def grid_of(*, terse: bool) -> tuple[Grid, list[list[Cell]]]:
        def cell(place: Place) -> Cell:
            return _cell(ran.get(place, ()), sorted(marks[place], key=_shorter_first), terse=terse)

        rows = _rows(places, frameworks, cell)
        columns = [Column(), Column(gap=1), *(Column(name, gap=1 if terse else 2) for name in frameworks)]
        return fit(columns, rows, width), rows

    grid, rows = grid_of(terse=False)
    if grid.width > width:
        grid, rows = grid_of(terse=True)
    yield grid.heading("coverage", over=2)
    yield from map(grid.row, rows)
    yield from _notes(holes, notes, width)


def _rows(places: Collection[Place], frameworks: Sequence[str], cell: Callable[[Place], Cell]) -> list[list[Cell]]:
    """One row for each algorithm and pass; the passes of an algorithm that all say the same share one."""
    rows = []
    for algorithm in sorted({algorithm for _, algorithm, _ in places}, key=_rank):
        passes = sorted({pass_ for _, name, pass_ in places if name == algorithm}, key=_order)
        cells = {pass_: [cell((each, algorithm, pass_)) for each in frameworks] for pass_ in passes}
        alike = len(passes) > 1 and all(row == cells[passes[0]] for row in cells.values())
        for pass_ in passes[:1] if alike else passes:
            name = Cell(algorithm if pass_ == passes[0] else "")
            rows.append([name, Cell(_EACH if alike else pass_.replace("_", " "), QUIET), *cells[pass_]])
    return rows


def _ran_and_holes(report: Report) -> tuple[dict[Place, list[Outcome]], list[Hole]]:
    """Outcomes by place; a case that nobody can run is a hole like one that was never collected."""
    ran: dict[Place, list[Outcome]] = defaultdict(list)
    holes = list(report.holes)
    for outcome in report.outcomes:
        case = outcome.case
        algorithm = case.algorithm.value if case.algorithm else "callable"
        pass_ = case.pass_.value if case.pass_ else ""
        if outcome.reason in HOLES:
            holes.append(Hole(case.framework, algorithm, outcome.detail or "the framework refused it", pass_=pass_))
        else:
            ran[case.framework, algorithm, pass_].append(outcome)
    return ran, holes


def _rank(algorithm: str) -> tuple[int, str]:
    """Algorithms stand in the order of their definition, anything else behind them."""
    order = [each.value for each in Algorithm]
    return (order.index(algorithm) if algorithm in order else len(order), algorithm)


def _order(pass_: str) -> int:
    """Passes stand as they follow each other in training."""
    order = [each.value for each in Pass]
    return order.index(pass_) if pass_ in order else -1


def _weights(holes: Sequence[Hole]) -> Counter[str]:
    weights: Counter[str] = Counter()
    for hole in holes:
        weights[hole.reason] += hole.count
    return weights


def _lettered(holes: Sequence[Hole]) -> dict[str, str]:
    """A letter for each reason, the most frequent first; the rarest share the last letter."""
    weights = _weights(holes)
    ordered = sorted(weights, key=lambda reason: (-weights[reason], reason))
    names = [*ascii_lowercase, *(f"{first}{second}" for first in ascii_lowercase for second in ascii_lowercase)]
    return {reason: names[min(index, _MOST_NOTES - 1)] for index, reason in enumerate(ordered)}


def _shorter_first(mark: str) -> tuple[int, str]:
    """As the notes stand: z before aa."""
    return (len(mark), mark)


def _cell(outcomes: Sequence[Outcome], marks: Sequence[str], *, terse: bool) -> Cell:
    """``4 ran b``: four cases ran, and note b says why others did not; only ``4 b`` where room is scarce."""
    back, broken = sum(map(fell_back, outcomes)), sum(map(failed, outcomes))
    counts = {"" if terse else " ran": len(outcomes) - back - broken, " fell back": back, " failed": broken}
    words = ", ".join(f"{count}{word}" for word, count in counts.items() if count) or _NONE
    return Cell(" ".join((words, *marks)), RED if broken else YELLOW if back else PLAIN if outcomes else QUIET)


def _notes(holes: Sequence[Hole], notes: Mapping[str, str], width: int) -> Iterator[Line]:
    """What each letter means; under the last letter only how much more there is."""
    weights = _weights(holes)
    reasons: dict[str, list[str]] = defaultdict(list)
    for reason, letter in notes.items():
        reasons[letter].append(reason)
    for letter, texts in reasons.items():
        words = " ".join(texts[0].split()) if len(texts) == 1 else f"{len(texts)} rarer reasons (see --cnnperf-json)"
        label = f"  {letter}".ljust(5)
        body = f"{text.counted(sum(weights[each] for each in texts), 'case')}: {words}"
        for index, part in enumerate(textwrap.wrap(body, max(20, width - len(label)))):
            yield line((" " * len(label) if index else label) + part, QUIET)
