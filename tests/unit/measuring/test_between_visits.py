"""What visits and runs of the same thing differ by."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from pytest_cnnperf.cases import Clock
from pytest_cnnperf.measuring.between_visits import (
    LEAST_OF_ONE_RUN,
    LEAST_RUN_SPREAD,
    LEAST_SPREAD,
    PRIOR_BUSY_SPREAD,
    PRIOR_RUN_SPREAD,
    PRIOR_SPREAD,
    RunToRun,
    figure_error,
    run_floor,
    run_to_run,
    seen_floor,
    visit_excess,
    visit_floor,
    visit_spread,
    within_error,
)
from pytest_cnnperf.measuring.figure import figure_of
from pytest_cnnperf.measuring.samples import Plan, Round, Samples

from .conftest import at, in_visits, noisy


def test_the_spread_between_visits_is_that_of_their_figures() -> None:
    # Logarithms ±0.01 around their mean: standard deviation 0.01 × sqrt(2).
    low, high = ([[round(1e6 * math.exp(sign * 0.01))] * 5] for sign in (-1, 1))
    assert visit_spread(in_visits(low, high)) == pytest.approx(0.01 * math.sqrt(2), rel=1e-3)
    assert visit_spread(in_visits([*low, *high])) == 0.0


def test_a_visit_gone_astray_is_not_what_the_figure_varies_by() -> None:
    astray = in_visits([[1_000_000] * 5], [[1_004_000] * 5], [[2_500_000] * 5])
    # What is left are two visits 0.4 % apart.
    assert visit_spread(astray) == pytest.approx(0.004 / math.sqrt(2), rel=0.01)


@pytest.mark.parametrize("count", [4, 8, 12])
def test_the_spread_of_normal_visits_is_theirs(count: int) -> None:
    draw = random.Random(8)
    spreads = [visit_spread(at(*(draw.gauss(0, 0.02) for _ in range(count)))) for _ in range(300)]
    assert 0.017 < sum(spreads) / 300 < 0.024


@pytest.mark.parametrize(("count", "astray"), [(8, 1), (12, 2)])
@pytest.mark.parametrize("by", [0.1, 1.0, -0.1])
def test_some_of_many_visits_gone_astray_are_not_what_the_figure_varies_by(count: int, astray: int, by: float) -> None:
    calm = [0.004 * (number % 4) for number in range(count)]
    assert visit_spread(at(*calm[astray:], *[by] * astray)) < 2 * visit_spread(at(*calm))


def test_of_few_visits_only_those_far_astray_are_left_out() -> None:
    # Five visits: one of them 10 % slower is noise of theirs, around the middle 0.1 ÷ sqrt(4).
    assert visit_spread(at(0.0, 0.0, 0.0, 0.0, 0.1)) == pytest.approx(0.1 / math.sqrt(4), rel=1e-3)
    assert visit_spread(at(0.0, 0.0, 0.0, 0.0, 0.2)) == 0.0


@pytest.mark.parametrize("count", [5, 6, 7, 8])
def test_a_visit_far_astray_is_left_out_however_many_there_are(count: int) -> None:
    calm = [0.004 * (number % 2) for number in range(count - 1)]
    assert visit_spread(at(*calm, 0.5)) < 0.006


def test_many_visits_in_two_heaps_do_not_pass_for_precision() -> None:
    # Each visit lies 5 % from the middle: a standard deviation of 5 %, of eight values 5 % × sqrt(8 / 7); normal ones
    # whose second and seventh lie 10 % apart have a little more.
    assert 0.05 * math.sqrt(8 / 7) < visit_spread(at(*[0.0] * 4, *[0.1] * 4)) < 0.065


@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("far", [0.1, 0.4, 1.0])
def test_half_of_the_visits_are_never_astray(count: int, far: float) -> None:
    halves = at(*(0.001 * number for number in range(count)), *(far + 0.001 * number for number in range(count)))
    assert visit_spread(halves) > far / 2.1


@pytest.mark.parametrize(("low", "high"), [(3, 2), (4, 2), (4, 3), (5, 3), (7, 5), (8, 4)])
def test_the_smaller_of_two_heaps_is_not_taken_for_outliers(low: int, high: int) -> None:
    assert visit_spread(at(*(0.0001 * number for number in range(low)), *[0.1] * high)) > 0.03


def test_the_error_of_a_figure_is_that_of_the_centre_of_its_visits() -> None:
    # Two visits ±1 % around their mean: standard deviation 1 % × sqrt(2), that of their mean 1 %.
    assert figure_error(at(-0.01, 0.01)) == pytest.approx(0.01, rel=1e-3)
    # Of four visits, half of which lie 1 % on either side, and 1.12 ÷ 4 of their variance.
    four = at(*[-0.01, 0.01] * 2)
    assert figure_error(four) == pytest.approx(0.01 * math.sqrt(4 / 3 * 1.12 / 4), rel=1e-3)
    assert figure_error(at(*[0.0] * 8)) == 0.0


def test_the_error_within_visits_is_that_of_all_their_samples() -> None:
    errors = [within_error(noisy(0.03, 0.0, seed=seed)) for seed in range(20)]
    # Of eight visits of ten samples each, whose centre is the figure.
    assert statistics.fmean(errors) == pytest.approx(math.sqrt(1.06 * 1.12) * 0.03 / math.sqrt(80), rel=0.1)


def test_the_error_within_visits_of_unequal_size_is_that_of_their_centre() -> None:
    draw = random.Random(11)

    def unequal() -> Samples:
        return in_visits(*([[round(1e9 * math.exp(draw.gauss(0, 0.03))) for _ in range(n)]] for n in (3, 12, 3, 12)))

    made = [unequal() for _ in range(400)]
    seen = statistics.stdev(math.log(figure_of(samples)) for samples in made)
    assert statistics.fmean(map(within_error, made)) == pytest.approx(seen, rel=0.12)


def test_visits_that_agree_better_than_their_samples_never_make_a_figure_surer_than_those_do() -> None:
    agreeing = in_visits(*([[[900_000, 1_000_000, 1_100_000]]] * 4))
    assert visit_spread(agreeing) == 0.0
    assert figure_error(agreeing) == within_error(agreeing) > 0.02


def test_what_visits_differ_by_beyond_the_noise_within_them_is_seen() -> None:
    excess = statistics.fmean(visit_excess(noisy(0.03, 0.02, seed=seed)) for seed in range(60))
    # A mean of variances that are each known from seven degrees of freedom, cut at 0.
    assert math.sqrt(excess) == pytest.approx(0.02, rel=0.2)
    explained = statistics.median(visit_excess(noisy(0.03, 0.0, seed=seed)) for seed in range(60))
    assert math.sqrt(explained) < 0.005
    assert visit_excess(noisy(0.03, 0.02, visits=1)) == 0.0


@pytest.mark.parametrize("logs", [(), (0.0,)])
def test_the_figure_of_fewer_than_two_visits_is_known_to_no_precision(logs: tuple[float, ...]) -> None:
    assert math.isinf(figure_error(at(*logs)))


def test_a_visit_gone_astray_does_not_make_the_figure_of_eight_unsure() -> None:
    calm = [-0.004, 0.004] * 4
    assert figure_error(at(*calm[1:], 0.7)) < 1.5 * figure_error(at(*calm))


def test_without_any_visits_the_floor_is_the_prior() -> None:
    assert visit_floor([]) == PRIOR_SPREAD


def test_many_cases_overcome_the_prior_in_both_directions() -> None:
    assert visit_floor([0.03**2] * 300) == pytest.approx(0.03, rel=0.01)
    assert visit_floor([0.0] * 300) == LEAST_SPREAD


def test_a_few_cases_that_jump_do_not_move_the_floor() -> None:
    assert visit_floor([*[0.01**2] * 200, *[0.5] * 20]) == pytest.approx(0.01, rel=0.01)


def test_visits_on_quiet_cores_and_beside_siblings_have_floors_of_their_own() -> None:
    draw = random.Random(8)

    def recording() -> Samples:
        rounds = []
        for number in range(8):
            quiet, busy = draw.gauss(0, 0.01), draw.gauss(0.2, 0.06)
            logs = [draw.gauss(middle, 0.005) for middle in (quiet,) * 6 + (busy,) * 6]
            ns = tuple(round(5e6 * math.exp(log)) for log in logs)
            rounds.append(Round(ns, (1_000_000,) * 12, ns, number, (), (1000,) * 6 + (1900,) * 6, 1000))
        return Samples(Clock.PROCESS_CPU, Plan(1, 1, "c"), tuple(rounds), 1)

    floor = seen_floor([recording() for _ in range(60)], runs=0.01)
    assert floor.quiet_visits == pytest.approx(0.01, rel=0.25)
    assert floor.busy_visits == pytest.approx(0.06, rel=0.25)
    assert floor.quiet_visits < floor.visits < floor.busy_visits


def test_recordings_without_probes_leave_those_floors_to_the_prior() -> None:
    floor = seen_floor([noisy(0.01, 0.05, seed=seed) for seed in range(30)], runs=0.01)
    assert floor.visits > 0.03
    assert (floor.quiet_visits, floor.busy_visits) == (PRIOR_SPREAD, PRIOR_BUSY_SPREAD)


def test_the_spread_between_runs_is_what_their_visits_do_not_explain() -> None:
    draw = random.Random(6)
    # Each run brings 2 % of its own to a case, and its visits 1 %: variances add up.
    moves = [draw.gauss(0, 0.02) - draw.gauss(0, 0.02) + draw.gauss(0, 0.01) for _ in range(2000)]
    assert run_to_run(moves, [0.01**2] * 2000).spread == pytest.approx(0.02, rel=0.06)


def test_what_all_cases_move_by_is_spread_unless_something_changed() -> None:
    calm = [0.03 + 0.001 * (-1) ** number for number in range(50)]
    assert run_to_run(calm, [0.01**2] * 50).spread == pytest.approx(0.03 / math.sqrt(2), rel=0.05)
    assert run_to_run(calm, [0.01**2] * 50, changed=True).spread == 0.0


def test_of_a_case_that_one_run_recorded_more_is_believed_between_runs() -> None:
    floor = seen_floor([], runs=0.006)
    assert (floor.between(1), floor.between(2)) == (LEAST_OF_ONE_RUN, 0.006)
    assert seen_floor([], runs=0.02).between(1) == 0.02


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
