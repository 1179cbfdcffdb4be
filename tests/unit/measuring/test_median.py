"""The median of ratios and its standard error."""

from __future__ import annotations

import math
import random

import pytest

from pytest_cnnperf.cases import Clock
from pytest_cnnperf.measuring.between_rounds import (
    LEAST_SPREAD,
    PRIOR_SPREAD,
    round_medians,
    round_spread,
    run_to_run_floor,
)
from pytest_cnnperf.measuring.median import are_positive, log_residuals, median_ratio, median_standard_error
from pytest_cnnperf.measuring.samples import Plan, Round, Samples


def samples(*rounds: list[int]) -> Samples:
    made = tuple(Round(tuple(ns), (1000,) * len(ns), tuple(ns)) for ns in rounds)
    return Samples(Clock.PROCESS_CPU, Plan(1, 1, "c"), made, 1)


def test_the_figure_pairs_each_sample_with_its_own_control() -> None:
    # A machine that halves its pace in the middle moves both by 2, and the ratio not at all.
    round_ = Round((2000, 2000, 4000, 4000), (1000, 1000, 2000, 2000), (0, 0, 0, 0))
    assert median_ratio(Samples(Clock.PROCESS_CPU, Plan(1, 1, "c"), (round_,), 1)) == 2.0


def test_residuals_are_taken_within_each_round() -> None:
    assert log_residuals(samples([1000] * 5, [3000] * 5).rounds) == [0.0] * 10


def test_the_standard_error_of_many_normal_samples_is_that_of_theory() -> None:
    # sqrt(pi/2) sigma / sqrt(n) = 1.2533 × 0.02 / 20 for 400 samples of 2 %.
    draw = random.Random(1)
    errors = [median_standard_error([draw.gauss(0, 0.02) for _ in range(400)]) for _ in range(40)]
    assert sum(errors) / 40 == pytest.approx(math.sqrt(math.pi / 2) * 0.02 / 20, rel=0.15)


def test_the_standard_error_sees_a_gap_at_the_middle_that_the_deviations_miss() -> None:
    # 21 values in two heaps: the median may be in either, though the median absolute deviation is that of one heap.
    heaps = [-0.001] * 11 + [0.1] * 10
    assert median_standard_error(heaps) > 0.02


def test_ties_at_the_middle_do_not_pass_for_precision() -> None:
    # Half of 20 values tie, which makes the distance of the order statistics 0; the other half lie 10 % away.
    tied = [-0.1] * 5 + [0.0] * 10 + [0.1] * 5
    assert median_standard_error(tied) > 0.01


def test_outliers_do_not_widen_the_standard_error() -> None:
    draw = random.Random(2)
    values = [draw.gauss(0, 0.02) for _ in range(40)]
    assert median_standard_error([2.3, 2.3, *values[2:]]) < 1.3 * median_standard_error(values)


@pytest.mark.parametrize("values", [[0], [-1], [math.nan], [math.inf]])
def test_only_finite_numbers_above_zero_count(values: list[float]) -> None:
    assert not are_positive(values)


def test_a_single_sample_is_known_to_no_precision() -> None:
    assert math.isinf(median_standard_error([0.0]))


def test_one_round_gone_astray_moves_neither_the_figure_nor_the_spread_much() -> None:
    steady = [[1_000_000 + 1000 * step] * 5 for step in range(5)]
    sound, astray = samples(*steady), samples(*steady, [2_000_000] * 5)
    assert median_ratio(astray) == pytest.approx(median_ratio(sound), rel=0.001)
    assert round_spread(astray) < 0.005


def test_the_spread_between_rounds_is_that_of_their_medians() -> None:
    # Logarithms ±0.01 around their mean: standard deviation 0.01 × sqrt(2).
    two = samples([round(1e6 * math.exp(0.01))] * 5, [round(1e6 * math.exp(-0.01))] * 5)
    assert round_spread(two) == pytest.approx(0.01 * math.sqrt(2), rel=1e-3)
    assert round_spread(samples([1000] * 5)) == 0.0


def test_noise_within_rounds_is_not_mistaken_for_spread_between_them() -> None:
    draw = random.Random(3)
    noisy = [
        samples(*[[int(1e6 * math.exp(draw.gauss(0, 0.05))) for _ in range(10)] for _ in range(2)]) for _ in range(30)
    ]
    naive = [abs(math.log(first / second)) / math.sqrt(2) for first, second in map(round_medians, noisy)]
    assert sum(map(round_spread, noisy)) < 0.5 * sum(naive)


def test_without_any_rounds_the_floor_is_the_prior() -> None:
    assert run_to_run_floor([]) == PRIOR_SPREAD
    assert run_to_run_floor([(1.0,), ()]) == PRIOR_SPREAD


def test_many_cases_overcome_the_prior_in_both_directions() -> None:
    draw = random.Random(4)

    def cases(spread: float) -> list[tuple[float, float]]:
        return [(math.exp(draw.gauss(0, spread)), math.exp(draw.gauss(0, spread))) for _ in range(300)]

    assert run_to_run_floor(cases(0.03)) == pytest.approx(0.03, rel=0.15)
    assert run_to_run_floor(cases(0.0001)) == LEAST_SPREAD


def test_a_few_cases_that_jump_do_not_move_the_floor() -> None:
    draw = random.Random(5)
    calm = [(math.exp(draw.gauss(0, 0.01)), math.exp(draw.gauss(0, 0.01))) for _ in range(200)]
    jumping = [(1.0, 2.0)] * 5
    assert run_to_run_floor(calm + jumping) < 1.2 * run_to_run_floor(calm)
