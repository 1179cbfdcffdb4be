"""Many cases that move together are one event: the machine's, a framework's, or everything's."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from ..cases import DeviceKind
from ..cases.words import Word
from .judge import CONTROL_MOVED
from .student import reach

# Fewer cases than this are no crowd.
LEAST_CASES = 5
# A run tells of an event that is none with this probability; it is divided among all that could move.
FALSE_ALARM = 0.01
# Frameworks that move together move by alike amounts: the least of them by at least this part of the most.
ALIKE = 1 / 3
# The median of normal values varies by so much more than their mean.
_MEDIAN_COST = math.sqrt(math.pi / 2)


class Subject(Word):
    """Who moved."""

    MACHINE = "machine"
    FRAMEWORK = "framework"
    EVERYTHING = "everything"


class Direction(Word):
    """Where to."""

    SLOWER = "slower"
    FASTER = "faster"


@dataclass(frozen=True)
class Move:
    """How far one compared case moved. Units: `ratio` and `control_pace` are now ÷ baseline; above 1 is slower."""

    key: str
    framework: str
    device_kind: DeviceKind
    ratio: float
    control_pace: float | None


@dataclass(frozen=True)
class Event:
    """One thing that moved many cases.

    `keys` are the cases that moved with it, `of` the number that could have; `alone` says that no other framework had
    cases enough to stay where it was. Units: `ratio` is the median now ÷ baseline (of the control's own time for the
    machine), which lies between `low` and `high` at the level of the run's events.
    """

    subject: Subject
    framework: str | None
    device_kind: DeviceKind
    direction: Direction
    ratio: float
    low: float
    high: float
    keys: tuple[str, ...]
    of: int
    alone: bool = False

    @property
    def title(self) -> str:
        """Who moved where to: ``machine slower``, ``everything faster``, or a framework's name; a GPU is said."""
        where = "" if self.device_kind is DeviceKind.CPU else f" on {self.device_kind}"
        return f"{self.framework or self.subject}{where} {self.direction}"

    @property
    def advice(self) -> str:
        """What it means, and what to do."""
        if self.subject is Subject.MACHINE:
            return (
                "the control itself took another time, and the ratios have allowed for it; absolute times are not the "
                "baseline's. What could have changed (clock rates, neighbours, limits): cnnperf doctor"
            )
        if self.subject is Subject.EVERYTHING:
            return (
                "probably the machine and not the frameworks: something that the control does not follow, such as "
                "memory. See cnnperf doctor, and run again when the machine is quiet"
            )
        if self.alone:
            return (
                "look for one cause, not for many; no other framework had cases enough beside it, so it may be the "
                "machine as well: compare another one in the same run (--cnnperf-frameworks)"
            )
        return "look for one cause, not for many; the other frameworks did not move with it"


@dataclass(frozen=True)
class _Crowd:
    """A group of moves on a logarithmic scale, with the interval of its median."""

    moves: tuple[Move, ...]
    median: float
    low: float
    high: float

    def beyond(self, log_least: float) -> bool:
        """Whether the median lies beyond this, and beyond its own uncertainty."""
        return abs(self.median) >= log_least and self.low * self.high > 0

    @property
    def direction(self) -> Direction:
        return Direction.SLOWER if self.median > 0 else Direction.FASTER


def events(moves: Iterable[Move], *, threshold: float, false_alarm: float = FALSE_ALARM) -> tuple[Event, ...]:
    """What moved together, the machine first.

    A machine event is a control whose median pace over the cases changed by `CONTROL_MOVED`; a framework's is a median
    ratio beyond half the threshold; in both the interval of the median must exclude 1. Where all frameworks moved in
    one direction by alike amounts, that is one event of everything instead. Units: `threshold` is a fraction.
    """
    moves = sorted(moves, key=lambda move: (move.device_kind, move.framework, move.key))
    by_device = [(kind, tuple(group)) for kind, group in groupby(moves, key=lambda move: move.device_kind)]
    frameworks = sum(len(_by_framework(group)) for _, group in by_device)
    level = false_alarm / max(1, frameworks + len(by_device))
    found: list[Event] = []
    for kind, group in by_device:
        found += _of_machine(kind, group, level=level)
        found += _of_frameworks(kind, group, least=math.log1p(threshold / 2), most=math.log1p(threshold), level=level)
    return tuple(found)


def _by_framework(moves: Iterable[Move]) -> list[tuple[Move, ...]]:
    groups = (tuple(group) for _, group in groupby(moves, key=lambda move: move.framework))
    return [group for group in groups if len(group) >= LEAST_CASES]


def _of_machine(kind: DeviceKind, moves: Sequence[Move], *, level: float) -> Iterator[Event]:
    paced = tuple(move for move in moves if move.control_pace is not None)
    if len(paced) < LEAST_CASES:
        return
    least = math.log(CONTROL_MOVED)
    crowd = _crowd(paced, _log_pace, level=level)
    if crowd.beyond(least):
        yield _event(Subject.MACHINE, crowd, kind, _moved_with(crowd, _log_pace, least=least, most=math.inf))


def _of_frameworks(
    kind: DeviceKind, moves: Sequence[Move], *, least: float, most: float, level: float
) -> Iterator[Event]:
    crowds = [_crowd(group, _log_ratio, level=level) for group in _by_framework(moves)]
    moved = [crowd for crowd in crowds if crowd.beyond(least)]
    if len(moved) == len(crowds) > 1 and _alike(moved):
        everything = _crowd(moves, _log_ratio, level=level)
        yield _event(Subject.EVERYTHING, everything, kind, _moved_with(everything, _log_ratio, least=least, most=most))
        return
    for crowd in moved:
        keys = _moved_with(crowd, _log_ratio, least=least, most=most)
        yield _event(Subject.FRAMEWORK, crowd, kind, keys, alone=len(crowds) == 1)


def _alike(crowds: Sequence[_Crowd]) -> bool:
    medians = sorted(abs(crowd.median) for crowd in crowds)
    return len({crowd.direction for crowd in crowds}) == 1 and medians[0] >= ALIKE * medians[-1]


def _event(subject: Subject, crowd: _Crowd, kind: DeviceKind, keys: tuple[str, ...], *, alone: bool = False) -> Event:
    return Event(
        subject=subject,
        framework=crowd.moves[0].framework if subject is Subject.FRAMEWORK else None,
        device_kind=kind,
        direction=crowd.direction,
        ratio=math.exp(crowd.median),
        low=math.exp(crowd.low),
        high=math.exp(crowd.high),
        keys=keys,
        of=len(crowd.moves),
        alone=alone,
    )


def _moved_with(crowd: _Crowd, log_of: Callable[[Move], float], *, least: float, most: float) -> tuple[str, ...]:
    """The cases beyond `least` on the crowd's side, but those that went farther than it by more than `most`."""
    sign = 1 if crowd.median > 0 else -1
    farthest = max(sign * crowd.low, sign * crowd.high) + most
    return tuple(move.key for move in crowd.moves if least <= sign * log_of(move) <= farthest)


def _log_ratio(move: Move) -> float:
    return math.log(move.ratio)


def _log_pace(move: Move) -> float:
    assert move.control_pace is not None
    return math.log(move.control_pace)


def _crowd(moves: Sequence[Move], log_of: Callable[[Move], float], *, level: float) -> _Crowd:
    logs = [log_of(move) for move in moves]
    return _Crowd(tuple(moves), statistics.median(logs), *median_interval(logs, level=level))


def median_interval(values: Sequence[float], *, level: float) -> tuple[float, float]:
    """Bounds that miss the median of what these values were drawn from with probability `level`.

    They are two of the values, by the sign test, which asks nothing of the distribution. Too few for that are taken
    for normal ones: Student's t, with the ordinary standard deviation, which an outlier widens.
    """
    ordered, count = sorted(values), len(values)
    rank = _sign_test_rank(count, level)
    if rank:
        return ordered[rank - 1], ordered[-rank]
    median = statistics.median(ordered)
    half = reach(level, count - 1) * _MEDIAN_COST * statistics.stdev(ordered) / math.sqrt(count)
    return median - half, median + half


def _sign_test_rank(count: int, level: float) -> int:
    """The largest rank from both ends whose values still miss the median with at most `level`; 0 when none does.

    Source: the number of values below the median is binomial with one half.
    """
    rank, beyond = 0, 2 * 0.5**count
    while beyond <= level:
        rank += 1
        beyond += 2 * math.comb(count, rank) * 0.5**count
    return rank
