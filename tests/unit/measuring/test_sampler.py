"""A round of samples, on scripted clocks: nothing here waits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import cycle

import pytest

from pytest_cnnperf.cases import Clock
from pytest_cnnperf.errors import WorkerFailed
from pytest_cnnperf.host.source import Timed
from pytest_cnnperf.measuring.sampler import choose_plan, measure
from pytest_cnnperf.measuring.samples import Plan, Samples
from pytest_cnnperf.settings import Timing

QUICK = Timing(max_seconds=1.0, min_samples=10, max_samples=40, threshold=0.05)


@dataclass
class Scripted:
    """A source whose calls take scripted nanoseconds, and the clock that they move."""

    workload_ns: Iterable[int]
    control_ns: int = 1_000_000
    estimated_ns: int = 10_000_000
    now_seconds: float = 100.0
    sweep_ns: int | None = None
    requests: list[dict[str, object]] = field(default_factory=list)
    estimates: int = 0

    flips = True
    is_new_process: bool = False

    def __post_init__(self) -> None:
        self._next = iter(cycle(self.workload_ns))

    def estimate(self, clock: Clock) -> tuple[int, int]:
        self.estimates += 1
        return (self.estimated_ns, self.control_ns)

    def time(self, *, samples: int, warmup: int, repeats: int, control_units: int, clock: Clock, flip: bool) -> Timed:
        self.requests.append({"samples": samples, "warmup": warmup, "repeats": repeats, "flip": flip})
        taken = tuple(next(self._next) for _ in range(samples))
        self.now_seconds += sum(taken) * repeats / 1e9 + samples * control_units * self.control_ns / 1e9
        swept = () if self.sweep_ns is None else (self.sweep_ns,) * samples
        return Timed(taken, (self.control_ns,) * samples, taken, sweep_ns=swept)

    def now(self) -> float:
        return self.now_seconds


def measured(source: Scripted, timing: Timing = QUICK, plan: Plan | None = None) -> Samples:
    return measure(
        source, timing, clock=Clock.PROCESS_CPU, plan=plan, first_call_ns=7, control="blend1", now=source.now
    )


def test_a_call_shorter_than_a_millisecond_is_repeated_until_a_sample_lasts_one() -> None:
    assert choose_plan(30_000, 1_000_000, control="c").repeats == 34  # 34 × 30 µs = 1.02 ms, 33 would be 0.99 ms
    assert choose_plan(1_000_000, 1_000_000, control="c").repeats == 1


@pytest.mark.parametrize(
    ("workload_ns", "units"),
    [
        (1_000_000, 7),  # 5 ms at least: 7 × 0.7 ms = 4.9 ms
        (20_000_000, 14),  # half of the workload: 14 × 0.7 ms = 9.8 ms
        (5_000_000_000, 142),  # at most 100 ms beside seconds: 142 × 0.7 ms = 99.4 ms
    ],
)
def test_the_control_takes_half_of_the_workload_within_limits(workload_ns: int, units: int) -> None:
    assert choose_plan(workload_ns, 700_000, control="c").control_units == units


def test_a_control_slower_than_its_share_still_runs_once() -> None:
    assert choose_plan(1_000_000, 90_000_000, control="c").control_units == 1


def test_an_estimate_of_nothing_by_a_coarse_clock_is_no_division_by_zero() -> None:
    assert choose_plan(0, 0, control="c") == Plan(repeats=1000, control_units=5000, control="c")


def test_steady_samples_stop_at_the_minimum() -> None:
    source = Scripted([10_000_000, 10_010_000])
    result = measured(source)
    assert result.count == 10
    assert result.rounds[0].workload_ns[:3] == (10_000_000, 10_010_000, 10_000_000)
    assert result.first_call_ns == 7


def test_scattered_samples_go_on_to_the_maximum() -> None:
    # 10, 12, 12 and 6, and one for an odd number of batches.
    assert measured(Scripted([1_000_000, 1_400_000], estimated_ns=1_000_000)).count == 41


def test_the_time_ends_a_round_before_the_maximum() -> None:
    # 50 ms a sample with its control of 25 ms: 1 s holds 13 of them, and noise forbids to stop earlier.
    count = measured(Scripted([40_000_000, 60_000_000], estimated_ns=50_000_000)).count
    assert 13 <= count <= 15


def test_a_slow_call_still_gets_three_samples() -> None:
    source = Scripted([2_000_000_000], estimated_ns=2_000_000_000)
    assert measured(source).count == 3
    assert [request["samples"] for request in source.requests] == [1, 1, 1]


def test_a_call_so_slow_that_three_samples_exceed_ten_times_the_limit_gets_what_there_is() -> None:
    assert measured(Scripted([6_000_000_000], estimated_ns=6_000_000_000)).count == 3


def test_a_baselines_plan_is_used_again_and_nothing_is_estimated() -> None:
    source = Scripted([10_000_000])
    plan = Plan(repeats=3, control_units=2, control="blend1")
    assert measured(source, plan=plan).plan == plan
    assert source.estimates == 0
    assert {request["repeats"] for request in source.requests} == {3}


def test_a_plan_of_another_control_is_made_anew_for_the_control_that_ran() -> None:
    plan = Plan(repeats=3, control_units=2, control="an older control")
    # A call of 10 ms needs no repeats; half of it, 5 ms, is five units of a millisecond.
    assert measured(Scripted([10_000_000]), plan=plan).plan == Plan(1, 5, "blend1")


@pytest.mark.parametrize("max_samples", [10, 20, 30, 40])
def test_every_batch_negates_the_operand_and_the_last_output_belongs_to_the_negative(max_samples: int) -> None:
    source = Scripted([10_000_000, 14_000_000])
    measured(source, Timing(max_seconds=60.0, min_samples=10, max_samples=max_samples, threshold=0.05))
    flips = [request["flip"] for request in source.requests]
    assert all(flips)
    assert len(flips) % 2 == 1


def test_batches_hold_at_most_twelve_samples_and_exceed_the_maximum_by_the_odd_one_at_most() -> None:
    source = Scripted([100_000, 140_000], control_ns=10_000, estimated_ns=100_000)
    measured(source, Timing(max_seconds=60.0, min_samples=25, max_samples=25, threshold=0.05))
    # And one for an odd number of batches.
    assert [request["samples"] for request in source.requests] == [12, 12, 1]


def test_a_round_like_earlier_ones_needs_no_sample_to_learn_how_long_it_takes() -> None:
    source = Scripted([10_000_000])
    timing = Timing(max_seconds=60.0, min_samples=10, max_samples=20, threshold=0.05)
    measure(
        source, timing, clock=Clock.PROCESS_CPU, plan=None, first_call_ns=1, control="blend1", seconds_per_sample=0.02
    )
    assert [request["samples"] for request in source.requests] == [10]


def test_a_round_that_one_request_may_hold_is_one() -> None:
    source = Scripted(workload_ns=[10_000_000])
    timing = Timing(max_seconds=60.0, min_samples=8, max_samples=12, threshold=0.05)
    made = measure(
        source, timing, clock=Clock.PROCESS_CPU, plan=None, first_call_ns=7, control="c", seconds_per_sample=0.02
    )
    assert made.count == 12
    assert [request["samples"] for request in source.requests] == [12]


def test_a_source_without_operands_needs_no_odd_number_of_batches() -> None:
    source = Scripted([10_000_000])
    source.flips = False
    measured(source, Timing(max_seconds=60.0, min_samples=10, max_samples=20, threshold=0.05))
    assert [request["samples"] for request in source.requests] == [10]


@pytest.mark.parametrize(("max_seconds", "expected"), [(60.0, [25]), (0.155, [10, 1])])
def test_a_source_without_operands_gets_its_minimum_at_once_where_the_time_is_there(
    max_seconds: float, expected: list[int]
) -> None:
    source = Scripted([10_000_000])  # 15 ms with its control
    source.flips = False
    measured(source, Timing(max_seconds=max_seconds, min_samples=25, max_samples=40, threshold=0.05))
    assert [request["samples"] for request in source.requests] == expected


@pytest.mark.parametrize(("waits_seconds", "expected"), [(0.0, [25]), (0.5, [1, 1, 1])])
def test_what_waits_shows_little_on_its_clock_and_is_asked_for_one_sample_at_first(
    waits_seconds: float, expected: list[int]
) -> None:
    class Waiting(Scripted):
        def estimate(self, clock: Clock) -> tuple[int, int]:
            self.now_seconds += 2 * waits_seconds
            return super().estimate(clock)

        def time(self, **request: object) -> Timed:  # type: ignore[override]
            self.now_seconds += request["samples"] * request["repeats"] * waits_seconds  # type: ignore[operator]
            return super().time(**request)  # type: ignore[arg-type]

    source = Waiting([2_000_000], estimated_ns=2_000_000)
    source.flips = False
    measured(source, Timing(max_seconds=1.0, min_samples=25, max_samples=25, threshold=0.05))
    assert [request["samples"] for request in source.requests] == expected


def test_a_long_call_is_warmed_up_once_and_a_short_one_before_every_batch() -> None:
    long = Scripted([300_000_000], estimated_ns=300_000_000)
    measured(long)
    assert [request["warmup"] for request in long.requests] == [1, 0, 0]
    short = Scripted([10_000_000])
    measured(short)
    assert {request["warmup"] for request in short.requests} == {1}


@pytest.mark.parametrize(
    ("estimated_ns", "seconds_per_sample", "expected"),
    # At most eight calls, at least one, and as many as a round of one second has room for.
    [(10_000_000, None, 8), (250_000_000, None, 4), (5_000_000_000, None, 1), (10_000_000, 0.25, 4)],
)
def test_the_first_case_of_a_process_is_warmed_up_until_its_pages_are_touched(
    estimated_ns: int, seconds_per_sample: float | None, expected: int
) -> None:
    source = Scripted([10_000_000], estimated_ns=estimated_ns, is_new_process=True)
    measure(
        source,
        QUICK,
        clock=Clock.PROCESS_CPU,
        plan=None if seconds_per_sample is None else Plan(1, 5, "c"),
        first_call_ns=1,
        control="c",
        seconds_per_sample=seconds_per_sample,
        now=source.now,
    )
    assert source.requests[0]["warmup"] == expected
    assert all(request["warmup"] <= 1 for request in source.requests[1:])


def test_zeros_of_a_broken_clock_end_at_the_maximum() -> None:
    source = Scripted([0], control_ns=0, estimated_ns=0)
    # And one for an odd number of batches.
    assert measured(source).workload_ns == (0,) * 41


@pytest.mark.parametrize("sweep_ns", [None, 2_000_000])
def test_the_sweep_before_each_sample_stands_beside_it_where_there_is_one(sweep_ns: int | None) -> None:
    result = measured(Scripted([10_000_000], sweep_ns=sweep_ns))
    assert result.sweep_ns == (() if sweep_ns is None else (sweep_ns,) * result.count)


def test_sweeps_that_the_clock_is_too_coarse_for_are_none() -> None:
    assert measured(Scripted([10_000_000], sweep_ns=0)).sweep_ns == ()


def test_a_source_that_answers_nothing_is_an_error_and_no_endless_loop() -> None:
    class Silent(Scripted):
        def time(self, **request: object) -> Timed:  # type: ignore[override]
            return Timed((), (), ())

    with pytest.raises(WorkerFailed, match=r"0 workload, 0 control and 0 wall samples; expected equally many"):
        measured(Silent([1]))


def test_the_looks_at_the_core_stand_beside_the_samples() -> None:
    class Probed(Scripted):
        def time(self, **request: object) -> Timed:  # type: ignore[override]
            timed = super().time(**request)  # type: ignore[arg-type]
            return replace(timed, probe_ns=(7,) * len(timed.workload_ns), quiet_ns=6)

    result = measured(Probed([10_000_000]))
    assert result.rounds[0].probe_ns == (7,) * result.count
    assert result.rounds[0].quiet_ns == 6


@pytest.mark.parametrize(("probe_ns", "quiet"), [(0, 6), (7, 0)])
def test_looks_that_the_clock_is_too_coarse_for_are_none(probe_ns: int, quiet: int) -> None:
    class Coarse(Scripted):
        def time(self, **request: object) -> Timed:  # type: ignore[override]
            timed = super().time(**request)  # type: ignore[arg-type]
            return replace(timed, probe_ns=(probe_ns,) * len(timed.workload_ns), quiet_ns=quiet)

    round_ = measured(Coarse([10_000_000])).rounds[0]
    assert (round_.probe_ns, round_.quiet_ns) == ((), 0)
