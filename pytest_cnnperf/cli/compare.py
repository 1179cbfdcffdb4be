"""Two result files of one machine, case by case: control-normalised time after ÷ before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ..errors import CnnperfError
from ..judging.events import Event, Move, events
from ..judging.verdict import Verdict
from ..report import text
from ..report.outcome import Outcome
from ..report.report import Report
from ..report.terminal.events import heading
from ..report.terminal.line import BOLD, PLAIN, QUIET, Line, Markup, Span, line
from ..report.terminal.phrases import LOOKS, group_name, in_order, way
from ..report.terminal.table import Cell, Column, fit

_HARDWARE = ("cpu_model", "cores", "gpus")
_MOST_KEYS = 10


class OtherMachineError(CnnperfError):
    """Two results that do not belong to one machine."""


@dataclass(frozen=True)
class Change:
    """One case in both files, None when a file has no number for it.

    Units: `ratio` is after ÷ before (above 1 is slower), `control_pace` the control's own time after ÷ before.
    """

    after: Outcome
    verdict: Verdict
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    control_pace: float | None = None


@dataclass(frozen=True)
class Comparison:
    """All cases of two files."""

    changes: tuple[Change, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    threshold: float

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """What moved many cases together."""
        moves = (_move(change) for change in self.changes)
        return events((move for move in moves if move is not None), threshold=self.threshold)

    @cached_property
    def counts(self) -> Counter[Verdict]:
        """How many cases have each verdict."""
        return Counter(change.verdict for change in self.changes)

    @property
    def has_regressed(self) -> bool:
        """Whether something is slower beyond the threshold, or wrong."""
        return bool(self.counts[Verdict.SLOWER] or self.counts[Verdict.WRONG])


def refuse_other_machine(before: Report, after: Report) -> None:
    """Nothing, when both reports come from one kind of machine.

    Raises: OtherMachineError that names what differs.
    """
    differing = [
        f"{name} {before.machine.get(name)!r} before and {after.machine.get(name)!r} after"
        for name in _HARDWARE
        if before.machine.get(name) != after.machine.get(name)
    ]
    if differing:
        raise OtherMachineError(
            f"these results come from different machines ({'; '.join(differing)}), so a ratio would say nothing about "
            "a framework; compare them nevertheless with: --force"
        )


def comparison(before: Report, after: Report, *, threshold: float) -> Comparison:
    """Match the cases by their keys. Units: threshold is a fraction."""
    old = {outcome.key: outcome for outcome in before.outcomes}
    new = {outcome.key: outcome for outcome in after.outcomes}
    changes = [_change(old[key], new[key], threshold=threshold) for key in new if key in old]
    changes.sort(key=_place)
    return Comparison(
        changes=tuple(changes),
        only_before=tuple(sorted(old.keys() - new.keys())),
        only_after=tuple(sorted(new.keys() - old.keys())),
        threshold=threshold,
    )


def render(found: Comparison, *, width: int) -> Iterator[Line]:
    """What moved many cases, a row for each case, what stands in one file only, and the sum."""
    for event in found.events:
        yield from heading(event, width)
        yield line("")
    if found.changes:
        rows = [_row(change) for change in found.changes]
        grid = fit(_COLUMNS, rows, width)
        yield grid.heading()
        yield from map(grid.row, rows)
        yield line("")
    yield from _only("before", found.only_before)
    yield from _only("after", found.only_after)
    spans = [Span(f"{text.counted(len(found.changes), 'case')} in both", BOLD)]
    for verdict in Verdict:
        if found.counts[verdict]:
            spans += [Span(", "), Span(f"{found.counts[verdict]} {verdict}", LOOKS[verdict])]
    yield Line((*spans, Span(f"; threshold {text.exactly(found.threshold)}", QUIET)))


def _move(change: Change) -> Move | None:
    """How far a case moved; None where a file has no number for it."""
    if not text.exists(change.ratio) or not change.ratio:
        return None
    case = change.after.case
    return Move(case.key, case.framework, case.device_kind, change.ratio, change.control_pace)


def _change(before: Outcome, after: Outcome, *, threshold: float) -> Change:
    """Slower (faster) when the point lies beyond the threshold and the whole interval on that side of no change."""
    if after.verdict is Verdict.WRONG or after.correct is False:
        return Change(after, Verdict.WRONG)
    if not before.ratio or not after.ratio:
        return Change(after, Verdict.UNKNOWN)
    ratio, pace = after.ratio / before.ratio, _pace(before, after)
    if not (before.ratio_low and before.ratio_high and after.ratio_low and after.ratio_high):
        return Change(after, Verdict.UNDECIDED, ratio, control_pace=pace)
    low, high = after.ratio_low / before.ratio_high, after.ratio_high / before.ratio_low
    slow, fast = ratio >= 1 + threshold, ratio <= 1 / (1 + threshold)
    if slow or fast:
        certain = low > 1 if slow else high < 1
        verdict = (Verdict.SLOWER if slow else Verdict.FASTER) if certain else Verdict.UNDECIDED
    else:
        inside = low >= 1 / (1 + threshold) and high <= 1 + threshold
        verdict = Verdict.SAME if inside else Verdict.UNDECIDED
    return Change(after, verdict, ratio, low, high, pace)


def _pace(before: Outcome, after: Outcome) -> float | None:
    if not before.control_median_ns or not after.control_median_ns:
        return None
    return after.control_median_ns / before.control_median_ns


_COLUMNS = (
    Column("framework", gap=0),
    Column("case", least=20),
    Column("way", least=8),
    Column("layout", optional=2),
    Column("batch", right=True),
    Column("threads", right=True, optional=3),
    Column("change", right=True),
    Column("interval", optional=1),
    Column("verdict"),
)


def _row(change: Change) -> list[Cell]:
    case = change.after.case
    look: Markup = PLAIN if change.verdict is Verdict.SAME else LOOKS[change.verdict]
    interval = f"{text.change(change.low)} to {text.change(change.high)}" if text.exists(change.low) else ""
    return [
        Cell(case.framework),
        Cell(f"{case.network} {group_name(case)}"),
        Cell(way(case)),
        Cell(case.layout.value),
        Cell(str(case.batch or "")),
        Cell(str(case.threads)),
        Cell(text.change(change.ratio), look),
        Cell(interval, QUIET),
        Cell(change.verdict.value, look),
    ]


def _place(change: Change) -> tuple[object, ...]:
    case = change.after.case
    return (case.framework, case.network, case.batch or 0, in_order(case), case.key)


def _only(where: str, keys: tuple[str, ...]) -> Iterator[Line]:
    if not keys:
        return
    yield line(f"only {where}: {text.counted(len(keys), 'case')}", BOLD)
    for key in keys[:_MOST_KEYS]:
        yield line(f"  {key}", QUIET)
    if len(keys) > _MOST_KEYS:
        yield line(f"  … and {len(keys) - _MOST_KEYS} more", QUIET)
    yield line("")
