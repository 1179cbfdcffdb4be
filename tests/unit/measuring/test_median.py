"""The median of ratios and its standard error."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from pytest_cnnperf.cases import Clock
from pytest_cnnperf.measuring.between_visits import (
    LEAST_RUN_SPREAD,
    LEAST_SPREAD,
    MANY_VISITS,
    PRIOR_RUN_SPREAD,
    PRIOR_SPREAD,
    RunToRun,
    figure_error,
    median_variance,
    run_floor,
    run_to_run,
    visit_floor,
    visit_spread,
)
from pytest_cnnperf.measuring.median import are_positive, log_residuals, median_ratio, median_standard_error
from pytest_cnnperf.measuring.samples import Plan, Round, Samples


def samples(*rounds: list[int]) -> Samples:
    made = tuple(Round(tuple(ns), (1000,) * len(ns), tuple(ns)) for ns in rounds)
    return Samples(Clock.PROCESS_CPU, Plan(1, 1, "c"), made, 1)


def in_visits(*visits: list[list[int]]) -> Samples:
    made = tuple(
        Round(tuple(ns), (1000,) * len(ns), tuple(ns), number) for number, rounds in enumerate(visits) for ns in rounds
    )
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


def test_a_round_gone_astray_does_not_move_the_figure_of_its_visit() -> None:
    steady = [[1_000_000] * 5, [1_001_000] * 5]
    assert median_ratio(samples(*steady, [2_000_000] * 5)) == pytest.approx(median_ratio(samples(*steady)), rel=0.002)


def test_a_visit_gone_astray_does_not_move_the_figure_of_three() -> None:
    astray = in_visits([[1_000_000] * 5], [[2_000_000] * 5, [2_000_000] * 5], [[1_002_000] * 5])
    assert median_ratio(astray) == pytest.approx(1002.0)


def test_a_visit_counts_once_however_many_rounds_it_has() -> None:
    one, many = [[1_000_000] * 5], [[1_020_000] * 5] * 7
    assert median_ratio(in_visits(one, many)) == pytest.approx(1000 * math.sqrt(1.02))


def test_the_spread_between_visits_is_that_of_their_figures() -> None:
    # Logarithms ±0.01 around their mean: standard deviation 0.01 × sqrt(2).
    low, high = ([[round(1e6 * math.exp(sign * 0.01))] * 5] for sign in (-1, 1))
    assert visit_spread(in_visits(low, high)) == pytest.approx(0.01 * math.sqrt(2), rel=1e-3)
    assert visit_spread(in_visits([*low, *high])) == 0.0


def test_a_visit_gone_astray_is_not_what_the_figure_varies_by() -> None:
    astray = in_visits([[1_000_000] * 5], [[1_004_000] * 5], [[2_500_000] * 5])
    # What is left are two visits 0.4 % apart.
    assert visit_spread(astray) == pytest.approx(0.004 / math.sqrt(2), rel=0.01)


def at(*logs: float) -> Samples:
    """A visit at each of these logarithms of its figure, without noise within."""
    return in_visits(*([[round(1e9 * math.exp(log))] * 5] for log in logs))


@pytest.mark.parametrize("count", [MANY_VISITS, 10, 12])
def test_of_many_visits_the_spread_is_what_the_error_of_their_median_says(count: int) -> None:
    draw = random.Random(8)
    spreads = [visit_spread(at(*(draw.gauss(0, 0.02) for _ in range(count)))) for _ in range(300)]
    # Of normal visits of 2 % it is 2 %, or a little more, since it is the larger of two estimates.
    assert 0.018 < sum(spreads) / 300 < 0.026


@pytest.mark.parametrize(("count", "astray"), [(8, 1), (12, 2)])
@pytest.mark.parametrize("by", [0.1, 1.0, -0.1])
def test_some_of_many_visits_gone_astray_are_not_what_the_figure_varies_by(count: int, astray: int, by: float) -> None:
    calm = [0.004 * (number % 4) for number in range(count)]
    assert visit_spread(at(*calm[astray:], *[by] * astray)) < 2 * visit_spread(at(*calm))


def test_of_few_visits_only_those_far_astray_are_left_out() -> None:
    # Five visits: one of them 10 % slower is noise of theirs, 0.1 ÷ sqrt(5).
    assert visit_spread(at(0.0, 0.0, 0.0, 0.0, 0.1)) == pytest.approx(0.1 / math.sqrt(5), rel=1e-3)
    assert visit_spread(at(0.0, 0.0, 0.0, 0.0, 0.2)) == 0.0


@pytest.mark.parametrize("count", [5, 6, 7, 8])
def test_a_visit_far_astray_is_left_out_however_many_there_are(count: int) -> None:
    calm = [0.004 * (number % 2) for number in range(count - 1)]
    assert visit_spread(at(*calm, 0.5)) < 0.006


def test_many_visits_in_two_heaps_do_not_pass_for_precision() -> None:
    heaps = at(*[0.0] * 4, *[0.1] * 4)
    # The order statistics that enclose the median of eight are the second and the seventh; but each visit lies 5 % from
    # it, which says more: 1.4826 × 5 %.
    assert visit_spread(heaps) == pytest.approx(1.4826 * 0.05, rel=0.01)


def test_the_variance_of_a_median_is_that_of_theory() -> None:
    draw = random.Random(9)

    def simulated(count: int) -> float:
        medians = [statistics.median(draw.gauss(0, 1) for _ in range(count)) for _ in range(20_000)]
        return statistics.pvariance(medians, 0.0)

    # A variance from 20 000 values is known to sqrt(2 / 20 000) = 1 %.
    for count in range(1, 13):
        assert median_variance(count) == pytest.approx(simulated(count), rel=0.04)
    # That of infinitely many, a little too much.
    assert 0.97 * simulated(16) < median_variance(16) < 1.2 * simulated(16)


def test_the_error_of_a_figure_is_that_of_the_median_of_its_visits() -> None:
    # Two visits ±1 % around their mean: standard deviation 1 % × sqrt(2), that of their mean 1 %.
    assert figure_error(at(-0.01, 0.01)) == pytest.approx(0.01, rel=1e-3)
    # Of eight visits, half of which lie 1 % on either side: 1.4826 × 1 %, and 1.35 ÷ 8 of that variance.
    eight = at(*[-0.01, 0.01] * 4)
    assert figure_error(eight) == pytest.approx(1.4826 * 0.01 * math.sqrt(1.35 / 8), rel=1e-3)
    assert figure_error(at(*[0.0] * 8)) == 0.0


@pytest.mark.parametrize("logs", [(), (0.0,)])
def test_the_figure_of_fewer_than_two_visits_is_known_to_no_precision(logs: tuple[float, ...]) -> None:
    assert math.isinf(figure_error(at(*logs)))


def test_a_visit_gone_astray_does_not_make_the_figure_of_eight_unsure() -> None:
    calm = [-0.004, 0.004] * 4
    assert figure_error(at(*calm[1:], 0.7)) < 1.5 * figure_error(at(*calm))


def test_without_any_visits_the_floor_is_the_prior() -> None:
    assert visit_floor([]) == PRIOR_SPREAD
    assert visit_floor([(0.0,), ()]) == PRIOR_SPREAD


def logs(spread: float, *, cases: int, seed: int) -> list[tuple[float, ...]]:
    draw = random.Random(seed)
    return [tuple(draw.gauss(0, spread) for _ in range(3)) for _ in range(cases)]


def test_many_cases_overcome_the_prior_in_both_directions() -> None:
    assert visit_floor(logs(0.03, cases=300, seed=4)) == pytest.approx(0.03, rel=0.15)
    assert visit_floor(logs(0.0001, cases=300, seed=4)) == LEAST_SPREAD


def test_a_few_cases_that_jump_do_not_move_the_floor() -> None:
    calm = logs(0.01, cases=200, seed=5)
    assert visit_floor([*calm, *[(0.0, 0.0, 0.7)] * 5]) < 1.2 * visit_floor(calm)


def test_the_spread_between_runs_is_what_their_visits_do_not_explain() -> None:
    draw = random.Random(6)
    # Each run brings 2 % of its own to a case, and its visits 1 %: variances add up, and a common shift does not count.
    moves = [0.1 + draw.gauss(0, 0.02) - draw.gauss(0, 0.02) + draw.gauss(0, 0.01) for _ in range(2000)]
    assert run_to_run(moves, [0.01**2] * 2000).spread == pytest.approx(0.02, rel=0.06)


def test_cases_that_changed_are_not_taken_for_noise_between_runs() -> None:
    draw = random.Random(7)
    calm = [draw.gauss(0, 0.015) for _ in range(90)]
    explained = [0.01**2] * 100
    assert run_to_run([*calm, *[0.5] * 10], explained).spread < 1.5 * run_to_run(calm, explained[:90]).spread


def test_a_run_calmer_than_its_visits_shows_no_spread_of_its_own() -> None:
    assert run_to_run([0.0, 0.001, -0.001, 0.0], [0.01**2] * 4).spread == 0.0


def test_the_floor_between_runs_begins_with_the_prior_and_ends_with_what_was_seen() -> None:
    assert run_floor([]) == PRIOR_RUN_SPREAD
    assert run_floor([RunToRun(2000, 0.03)]) == pytest.approx(0.03, rel=0.02)
    assert run_floor([RunToRun(2000, 0.0)]) == LEAST_RUN_SPREAD
