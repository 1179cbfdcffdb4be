"""When a round has enough samples."""

from __future__ import annotations

import math

import pytest

from pytest_cnnperf.measuring.samples import Round
from pytest_cnnperf.measuring.stopping import Stopping
from pytest_cnnperf.settings import Timing

TIMING = Timing(max_seconds=2.0, min_samples=4, max_samples=8, threshold=0.05)


def stopping(workload_ns: list[int], elapsed_seconds: float = 0.1) -> Stopping:
    criterion = Stopping(TIMING)
    criterion.add(
        Round(tuple(workload_ns), (1000,) * len(workload_ns), tuple(workload_ns)), elapsed_seconds=elapsed_seconds
    )
    return criterion


def test_nothing_is_never_enough() -> None:
    assert not Stopping(TIMING).is_finished()
    assert math.isinf(Stopping(TIMING).half_width)


def test_a_narrow_interval_is_enough_only_from_the_minimum_on() -> None:
    assert not stopping([5000] * 3).is_finished()
    assert stopping([5000] * 4).is_finished()


def test_the_interval_must_be_narrower_than_a_fifth_of_the_threshold() -> None:
    # Four samples, each d from their centre: standard error d ÷ sqrt(3), half width 1.96 times that: d = 0.84 % gives
    # 0.95 % < 1 %, d = 0.94 % gives 1.07 % > 1 %.
    half_width = stopping([10_000, 10_000, 10_170, 10_170]).half_width
    assert half_width == pytest.approx(1.96 * math.log(1.017) / 2 / math.sqrt(3), rel=1e-3)
    assert stopping([10_000, 10_000, 10_170, 10_170]).is_finished()
    assert not stopping([10_000, 10_000, 10_190, 10_190]).is_finished()


def test_the_maximum_ends_it_however_wide_the_interval() -> None:
    assert not stopping([1000, 2000] * 3).is_finished()
    assert stopping([1000, 2000] * 4).is_finished()


@pytest.mark.parametrize(
    ("count", "elapsed_seconds", "finished"),
    [(2, 2.0, False), (3, 1.9, False), (3, 2.0, True), (2, 19.9, False), (2, 20.0, True), (1, 20.0, True)],
)
def test_the_time_ends_it_from_three_samples_on_and_ten_times_the_time_ends_it_anyway(
    count: int, elapsed_seconds: float, finished: bool
) -> None:
    assert stopping([1000, 2000, 3000][:count], elapsed_seconds).is_finished() is finished


def test_a_sample_of_zero_never_looks_precise() -> None:
    assert math.isinf(stopping([0] * 5).half_width)


def test_the_sweeps_of_all_batches_stand_in_the_round() -> None:
    criterion = Stopping(TIMING)
    for sweep_ns in ((7, 8), (9,)):
        times = (5000,) * len(sweep_ns)
        criterion.add(Round(times, times, times, sweep_ns=sweep_ns), elapsed_seconds=0.1)
    assert criterion.round == Round((5000,) * 3, (5000,) * 3, (5000,) * 3, sweep_ns=(7, 8, 9))
    assert stopping([5000] * 4).round.sweep_ns == ()


def test_initialize_forgets() -> None:
    criterion = Stopping(TIMING)
    criterion.add(Round((5000,), (1000,), (5000,), sweep_ns=(7,)), elapsed_seconds=0.1)
    criterion.initialize()
    assert criterion.count == 0
    assert criterion.round == Round((), (), ())
    assert criterion.elapsed_seconds == 0.0
