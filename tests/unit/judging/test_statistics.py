"""The figure, its interval, and the level of a session."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from pytest_cnnperf.cases import Clock
from pytest_cnnperf.judging.sides import Side
from pytest_cnnperf.judging.statistics import flaw_of, session_level, summarize
from pytest_cnnperf.judging.student import reach
from pytest_cnnperf.judging.verdict import Reason
from pytest_cnnperf.measuring.samples import Plan, Round, Samples

Draw = Callable[..., Samples]


@pytest.mark.parametrize(
    ("level", "freedom", "expected"),
    [
        # Two-sided quantiles of Student's t from any printed table, e.g. Abramowitz and Stegun, table 26.10.
        (0.05, 1, 12.706),
        (0.05, 2, 4.303),
        (0.05, 9, 2.262),
        (0.05, 60, 2.000),
        (0.01, 30, 2.750),
        (0.001, 5, 6.869),
        (0.0001, 10, 6.211),
        (0.05, 5000, 1.960),
        # For one degree in closed form: 1 / tan(pi level / 2).
        (1e-7, 1, 1 / math.tan(math.pi * 1e-7 / 2)),
    ],
)
def test_reach_is_the_quantile_of_the_tables(level: float, freedom: float, expected: float) -> None:
    assert reach(level, freedom) == pytest.approx(expected, rel=1e-3)


def test_the_interval_covers_the_truth_as_often_as_it_says(draw: Draw) -> None:
    covered = 0
    for _ in range(600):
        summary = summarize(draw(noise=0.05, count=15), level=0.05)
        covered += summary.low <= 5.0 <= summary.high
    # 95 % of 600 is 570 with a standard deviation of 5.3; it may be careful, but not by more than a few percent.
    assert 554 <= covered <= 598


def test_a_summary_tells_what_was_measured(draw: Draw) -> None:
    samples = draw(noise=0.02, count=30, visits=2)
    summary = summarize(samples, level=0.05)
    assert summary.ratio == pytest.approx(5.0, rel=0.01)
    assert summary.median_ns == pytest.approx(5_000_000, rel=0.01)
    assert summary.control_median_ns == 1_000_000


def test_a_narrower_level_widens_the_interval(draw: Draw) -> None:
    samples = draw(noise=0.02)
    ordinary, strict = (summarize(samples, level=level) for level in (0.05, session_level(140)))
    assert strict.low < ordinary.low < ordinary.ratio < ordinary.high < strict.high


def test_visits_that_disagree_widen_the_interval() -> None:
    def in_visits(*levels: int) -> Samples:
        rounds = tuple(
            Round((level, level + 1, level + 2), (1000,) * 3, (0,) * 3, visit) for visit, level in enumerate(levels)
        )
        return Samples(Clock.WALL, Plan(1, 1, "c"), rounds, 1)

    sides = [in_visits(*levels) for levels in ((10_000, 10_000), (10_000, 11_000))]
    assert Side.of(sides[0]).apart.excess == 0.0
    # Variance of two logarithms: half the square of their distance. Within visits there is next to no noise.
    assert Side.of(sides[1]).apart.excess == pytest.approx(math.log(1.1) ** 2 / 2, rel=0.01)
    agreeing, apart = (summarize(side, level=0.05) for side in sides)
    assert apart.high - apart.low > 20 * (agreeing.high - agreeing.low)


def test_outliers_of_ten_times_in_a_twentieth_of_the_samples_do_not_move_the_figure(draw: Draw) -> None:
    summary = summarize(draw(noise=0.02, count=40, outliers=0.05), level=0.05)
    assert summary.ratio == pytest.approx(5.0, rel=0.02)
    assert summary.high / summary.low < 1.06


@pytest.mark.parametrize(
    ("workload_ns", "control_ns", "reason"),
    [
        ((), (), Reason.TOO_FEW_SAMPLES),
        ((5, 5), (1, 1), Reason.TOO_FEW_SAMPLES),
        ((5, 0, 5), (1, 1, 1), Reason.NOT_A_NUMBER),
        ((5, 5, 5), (1, 0, 1), Reason.NOT_A_NUMBER),
        ((5, math.nan, 5), (1, 1, 1), Reason.NOT_A_NUMBER),
        ((5, math.inf, 5), (1, 1, 1), Reason.NOT_A_NUMBER),
        ((5, -5, 5), (1, 1, 1), Reason.NOT_A_NUMBER),
    ],
)
def test_samples_without_a_figure_are_named_and_never_summarized(
    workload_ns: tuple[int, ...], control_ns: tuple[int, ...], reason: Reason
) -> None:
    round_ = Round(workload_ns, control_ns, workload_ns)
    samples = Samples(Clock.PROCESS_CPU, Plan(1, 1, "c"), (round_,), 1)
    flaw = flaw_of(samples)
    assert flaw is not None
    assert flaw[0] is reason
    with pytest.raises(ValueError, match=str(reason)):
        summarize(samples, level=0.05)


def test_the_level_is_divided_among_the_compared_cases() -> None:
    assert session_level(140) == pytest.approx(0.01 / 140)
    assert session_level(0) == session_level(1) == 0.01
