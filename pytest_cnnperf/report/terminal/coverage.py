"""The coverage matrix: what ran, what fell back, what failed, and why the rest does not exist."""

from __future__ import annotations

import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from ...cases import Algorithm
from ...judging.verdict import Reason
from .. import text
from ..outcome import Hole, Outcome
from ..report import Report, failed, fell_back
from .line import PLAIN, QUIET, RED, YELLOW, Line, line
from .table import Cell, Column, fit

_MOST_NOTES = 12
_NONE = "–"
Place = tuple[str, str]  # framework, algorithm


def render(report: Report, width: int) -> Iterator[Line]:
    """The matrix, rows the algorithms and columns the frameworks, with its notes."""
    ran, holes = _ran_and_holes(report)
    places = [*ran, *((hole.framework, hole.algorithm) for hole in holes)]
    if not places:
        return
    notes = _numbered(holes)
    numbers: dict[Place, set[int]] = defaultdict(set)
    for hole in holes:
        numbers[hole.framework, hole.algorithm].add(notes[hole.reason])
    frameworks = sorted({framework for framework, _ in places})
    algorithms = sorted({algorithm for _, algorithm in places}, key=_rank)
    rows = [
        [Cell(name), *(_cell(ran.get((each, name), ()), sorted(numbers[each, name])) for each in frameworks)]
        for name in algorithms
    ]
    grid = fit([Column(), *(Column(name, gap=3, least=10) for name in frameworks)], rows, width)
    yield grid.heading("coverage", over=1)
    yield from map(grid.row, rows)
    yield from _notes(holes, notes, width)


def _ran_and_holes(report: Report) -> tuple[dict[Place, list[Outcome]], list[Hole]]:
    """Outcomes by place; a case that its framework refused when asked is a hole like one that was never collected."""
    ran: dict[Place, list[Outcome]] = defaultdict(list)
    holes = list(report.holes)
    for outcome in report.outcomes:
        case = outcome.case
        algorithm = case.algorithm.value if case.algorithm else "callable"
        if outcome.reason is Reason.NOT_OFFERED:
            holes.append(Hole(case.framework, algorithm, outcome.detail or "the framework refused it"))
        else:
            ran[case.framework, algorithm].append(outcome)
    return ran, holes


def _rank(algorithm: str) -> tuple[int, str]:
    """Algorithms stand in the order of their definition, anything else behind them."""
    order = [each.value for each in Algorithm]
    return (order.index(algorithm) if algorithm in order else len(order), algorithm)


def _weights(holes: Sequence[Hole]) -> Counter[str]:
    weights: Counter[str] = Counter()
    for hole in holes:
        weights[hole.reason] += hole.count
    return weights


def _numbered(holes: Sequence[Hole]) -> dict[str, int]:
    """A number for each reason, the most frequent first; the rarest share the last number."""
    weights = _weights(holes)
    ordered = sorted(weights, key=lambda reason: (-weights[reason], reason))
    return {reason: min(number, _MOST_NOTES) for number, reason in enumerate(ordered, start=1)}


def _cell(outcomes: Sequence[Outcome], numbers: Sequence[int]) -> Cell:
    back, broken = sum(map(fell_back, outcomes)), sum(map(failed, outcomes))
    counts = {"ran": len(outcomes) - back - broken, "fell back": back, "failed": broken}
    words = ", ".join(f"{count} {word}" for word, count in counts.items() if count) or _NONE
    marks = f" [{','.join(map(str, numbers))}]" if numbers else ""
    return Cell(words + marks, RED if broken else YELLOW if back else PLAIN if outcomes else QUIET)


def _notes(holes: Sequence[Hole], notes: Mapping[str, int], width: int) -> Iterator[Line]:
    """What each number means; under the last number only how much more there is."""
    weights = _weights(holes)
    reasons: dict[int, list[str]] = defaultdict(list)
    for reason, number in notes.items():
        reasons[number].append(reason)
    for number, texts in reasons.items():
        words = " ".join(texts[0].split()) if len(texts) == 1 else f"{len(texts)} rarer reasons (see --cnnperf-json)"
        label = f"  [{number}]".ljust(7)
        body = f"{text.counted(sum(weights[each] for each in texts), 'case')}: {words}"
        for index, part in enumerate(textwrap.wrap(body, max(20, width - len(label)))):
            yield line((" " * len(label) if index else label) + part, QUIET)
