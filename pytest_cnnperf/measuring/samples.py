"""Raw samples: the truth from which every statistic is derived."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

from ..cases import Clock
from .gpu.conditions import Conditions
from .gpu.state import GpuState
from .robust import are_positive, centre, centre_error

# Visits that began within so many seconds met the same moment. Of 32 recordings whose visits differed by more than 2 %,
# those of a case that followed each other, 20 to 50 s apart, were alike by 0.3 (correlation), and so were those two
# apart; three and more apart, by nothing.
MOMENT_SECONDS = 60


@dataclass(frozen=True)
class Round:
    """Pairs (workload, control) of one freshly prepared handle, taken back to back.

    `visit` numbers the visits of a case in a run: rounds of one visit share its minute and its processes. `run` numbers
    the runs that a recording comes from.
    Units: `at_seconds` is how long after the first visit of its run this one began, None of the first, and where nobody
    knows; nanoseconds per workload call and per control unit, on `clock`; `wall_ns` is the elapsed time of the same
    workload calls, `sweep_ns` the time of the sweep through the caches before each, `probe_ns` that of the probe of the
    core beside each (the longest of three), and `quiet_ns` what a probe takes on a quiet core.
    Shapes: all tuples have equal length, but `sweep_ns` is empty where nothing is swept, and `probe_ns` where the core
    is not looked at.
    What is derived from the pairs is computed once: `logs`, the logarithms of workload ÷ control, their `centre`, how
    far that may be off by their noise, and what each is off it.
    """

    workload_ns: tuple[int, ...]
    control_ns: tuple[int, ...]
    wall_ns: tuple[int, ...]
    visit: int = 0
    sweep_ns: tuple[int, ...] = ()
    probe_ns: tuple[int, ...] = ()
    quiet_ns: int = 0
    run: int = 0
    at_seconds: int | None = None

    @cached_property
    def is_usable(self) -> bool:
        """Whether a figure can be computed from this round."""
        return bool(self.workload_ns) and are_positive(self.workload_ns) and are_positive(self.control_ns)

    @cached_property
    def logs(self) -> tuple[float, ...]:
        """Logarithms of workload ÷ control, pair by pair."""
        pairs = zip(self.workload_ns, self.control_ns, strict=True)
        return tuple([math.log(workload / control) for workload, control in pairs])

    @cached_property
    def centre(self) -> float:
        """The centre of the logarithms."""
        return centre(self.logs)

    @cached_property
    def residuals(self) -> tuple[float, ...]:
        """The logarithms less their centre: the noise within the round."""
        middle = self.centre if self.logs else 0.0
        return tuple([log - middle for log in self.logs])

    @cached_property
    def centre_error(self) -> float:
        """Standard error of the centre by the noise within the round."""
        return centre_error(self.residuals)

    @property
    def is_swept(self) -> bool:
        """Whether every sample has a sweep that took some time."""
        return _stands_beside(self.sweep_ns, self.workload_ns)

    @property
    def is_probed(self) -> bool:
        """Whether every sample has a probe that took some time."""
        return _stands_beside(self.probe_ns, self.workload_ns)

    def followed_by(self, other: Round) -> Round:
        """These samples and then the other's, which were taken under the same handle."""
        return replace(
            self,
            workload_ns=self.workload_ns + other.workload_ns,
            control_ns=self.control_ns + other.control_ns,
            wall_ns=self.wall_ns + other.wall_ns,
            sweep_ns=self.sweep_ns + other.sweep_ns,
            probe_ns=self.probe_ns + other.probe_ns,
            quiet_ns=other.quiet_ns,
        )

    def picked(self, indices: Sequence[int]) -> Round:
        """The samples of these indices alone."""

        def of(values: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(values[index] for index in indices) if values else ()

        return replace(
            self,
            workload_ns=of(self.workload_ns),
            control_ns=of(self.control_ns),
            wall_ns=of(self.wall_ns),
            sweep_ns=of(self.sweep_ns),
            probe_ns=of(self.probe_ns),
        )


def _stands_beside(times_ns: tuple[int, ...], workload_ns: tuple[int, ...]) -> bool:
    return len(times_ns) == len(workload_ns) and min(times_ns, default=0) > 0


@dataclass(frozen=True)
class Plan:
    """How a sample is built: `repeats` workload calls beside `control_units` of the control.

    Stored with a baseline and used again, since a ratio depends on it.
    """

    repeats: int
    control_units: int
    control: str


@dataclass(frozen=True)
class Samples:
    """All timed pairs of a case.

    On GPUs `states` are a look at each batch of these samples; `throttled` samples were taken besides and discarded,
    `throttled_by` what NVML's bits of the reasons say.
    Units: first_call_ns is the wall time of the very first call (compilation, autotuning, allocation).
    """

    clock: Clock
    plan: Plan
    rounds: tuple[Round, ...]
    first_call_ns: int
    states: tuple[GpuState, ...] = ()
    throttled: int = 0
    throttled_by: int = 0

    @property
    def conditions(self) -> Conditions | None:
        """The clocks, heat and power of the GPUs; None for samples of a CPU."""
        return Conditions.of(self.states, throttled_samples=self.throttled, throttled_by=self.throttled_by)

    @property
    def count(self) -> int:
        """Number of pairs in all rounds."""
        return len(self.workload_ns)

    @property
    def are_swept(self) -> bool:
        """Whether every sample has a sweep."""
        return all(round_.is_swept for round_ in self.rounds if round_.workload_ns)

    @property
    def are_probed(self) -> bool:
        """Whether every sample has a probe."""
        return all(round_.is_probed for round_ in self.rounds if round_.workload_ns)

    @property
    def freedom(self) -> int:
        """Degrees of freedom of what is estimated from the samples within rounds; 1 at least."""
        return max(1, self.count - sum(1 for round_ in self.rounds if round_.workload_ns))

    @cached_property
    def workload_ns(self) -> tuple[int, ...]:
        """Workload samples of all rounds."""
        return _in_a_row([round_.workload_ns for round_ in self.rounds])

    @cached_property
    def control_ns(self) -> tuple[int, ...]:
        """Control samples of all rounds."""
        return _in_a_row([round_.control_ns for round_ in self.rounds])

    @property
    def sweep_ns(self) -> tuple[int, ...]:
        """Sweeps of all rounds."""
        return _in_a_row([round_.sweep_ns for round_ in self.rounds])

    @cached_property
    def visits(self) -> tuple[tuple[Round, ...], ...]:
        """The rounds by visit, in the order of runs and visits; a visit without any sample is none."""
        if len(self.rounds) == 1:
            return (self.rounds,) if self.rounds[0].workload_ns else ()
        by_visit: dict[tuple[int, int], list[Round]] = {}
        for round_ in self.rounds:
            by_visit.setdefault((round_.run, round_.visit), []).append(round_)
        filled = (number for number in sorted(by_visit) if any(each.workload_ns for each in by_visit[number]))
        return tuple(tuple(by_visit[number]) for number in filled)

    @cached_property
    def moments(self) -> tuple[int, ...]:
        """Of each visit the number of its moment: what lasts for a minute or two is in all visits of that time.

        A visit of which nobody knows when it was is a moment of its own.
        """
        numbers, began = list[int](), dict[int, int]()
        for round_, *_ in self.visits:
            at = round_.at_seconds
            is_new = at is None or round_.run not in began or at - began[round_.run] >= MOMENT_SECONDS
            if is_new:
                began[round_.run] = at or 0
            numbers.append((numbers[-1] if numbers else -1) + is_new)
        return tuple(numbers)

    @property
    def moment_count(self) -> int:
        """How many moments the visits met."""
        return self.moments[-1] + 1 if self.moments else 0

    @cached_property
    def runs(self) -> tuple[Samples, ...]:
        """The samples of each run, in the order of the runs' numbers."""
        numbers = sorted({round_.run for round_ in self.rounds})
        if len(numbers) < 2:
            return (self,)
        return tuple(
            replace(self, rounds=tuple(round_ for round_ in self.rounds if round_.run == number)) for number in numbers
        )

    def with_first_call(self, first_call_ns: int) -> Samples:
        """The same samples behind a first call of this time."""
        return self if first_call_ns == self.first_call_ns else replace(self, first_call_ns=first_call_ns)

    def of_visit(self, number: int, *, at_seconds: int | None = None) -> Samples:
        """The same samples, all of the visit of this number, which began so long after the first."""
        if all((round_.visit, round_.at_seconds) == (number, at_seconds) for round_ in self.rounds):
            return self
        rounds = (replace(round_, visit=number, at_seconds=at_seconds) for round_ in self.rounds)
        return replace(self, rounds=tuple(rounds))

    def joined(self, other: Samples) -> Samples:
        """These rounds followed by the other's; the first call stays this one's.

        Raises: ValueError when clock or plan differ.
        """
        if (self.clock, self.plan) != (other.clock, other.plan):
            raise ValueError(f"samples of {self.clock}, {self.plan} cannot be joined with {other.clock}, {other.plan}")
        return replace(
            self,
            rounds=self.rounds + other.rounds,
            states=self.states + other.states,
            throttled=self.throttled + other.throttled,
            throttled_by=self.throttled_by | other.throttled_by,
        )

    @property
    def seconds_per_sample(self) -> float | None:
        """What a pair took on its clock, at the middle; eviction and warm-up not counted. None without samples."""
        if not self.count:
            return None
        workload_ns = self.plan.repeats * statistics.median(self.workload_ns)
        return (workload_ns + self.plan.control_units * statistics.median(self.control_ns)) / 1e9


def _in_a_row(parts: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    return parts[0] if len(parts) == 1 else tuple(chain.from_iterable(parts))


def joined(parts: Sequence[Samples]) -> Samples:
    """All rounds of these samples, of which there is at least one."""
    first, *others = parts
    for samples in others:
        first = first.joined(samples)
    return first


def in_visits(visits: Sequence[Samples], began: Sequence[float]) -> tuple[Samples, ...]:
    """These samples as the visits of one run, numbered, which began at these seconds of one clock."""
    return tuple(
        visit.of_visit(number, at_seconds=round(at - began[0]) if number else None)
        for number, (visit, at) in enumerate(zip(visits, began, strict=True))
    )


def unprobed(samples: Samples) -> Samples:
    """The same samples, as if nobody had looked at the core."""
    return replace(samples, rounds=tuple(replace(each, probe_ns=(), quiet_ns=0) for each in samples.rounds))


def unswept(samples: Samples) -> Samples:
    """The same samples, as if no sweep had gone before them."""
    return replace(samples, rounds=tuple(replace(each, sweep_ns=()) for each in samples.rounds))
