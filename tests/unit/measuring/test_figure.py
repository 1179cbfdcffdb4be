"""The centre of ratios and its standard error."""

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
from pytest_cnnperf.measuring.figure import (
    are_positive,
    centre,
    centre_error,
    centre_variance,
    figure_of,
    log_residuals,
)
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
    assert figure_of(Samples(Clock.PROCESS_CPU, Plan(1, 1, "c"), (round_,), 1)) == 2.0


def test_residuals_are_taken_within_each_round() -> None:
    assert log_residuals(samples([1000] * 5, [3000] * 5).rounds) == [0.0] * 10


def test_the_centre_of_normal_values_is_nearly_as_good_as_their_mean() -> None:
    draw = random.Random(3)
    sets = [[draw.gauss(5.0, 1.0) for _ in range(25)] for _ in range(4000)]
    # A mean has a variance of 1 / 25, a median 1.57 times that; a variance from 4000 is known to 2.2 %.
    assert statistics.pvariance(map(centre, sets), 5.0) * 25 == pytest.approx(1.06, rel=0.07)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([3.0], 3.0), ([1.0, 2.0], 1.5), ([0.0, 0.0, 0.0, 9.0], 0.0), ([1.0, 1.0, 7.0], 1.0), ([1.0, 2.0, 3.0], 2.0)],
)
def test_the_centre_of_few_values_or_of_ties_is_their_median(values: list[float], expected: float) -> None:
    assert centre(values) == pytest.approx(expected)


@pytest.mark.parametrize("far", [1.0, 1000.0])
def test_one_value_in_ten_pulls_the_centre_the_same_however_far_it_is(far: float) -> None:
    draw = random.Random(4)
    values = [draw.gauss(0, 0.01) for _ in range(36)]
    assert abs(centre([*values, *[far] * 4]) - centre(values)) < 0.003


def test_the_standard_error_of_many_normal_samples_is_that_of_theory() -> None:
    # Hardly more than that of a mean, 0.02 / 20 for 400 samples of 2 %.
    draw = random.Random(1)
    errors = [centre_error([draw.gauss(0, 0.02) for _ in range(400)]) for _ in range(40)]
    assert sum(errors) / 40 == pytest.approx(1.03 * 0.02 / 20, rel=0.05)


@pytest.mark.parametrize("count", [6, 10, 30])
def test_the_standard_error_is_what_centres_differ_by(count: int) -> None:
    draw = random.Random(5)
    sets = [[draw.gauss(0, 1.0) * (3 if draw.random() < 0.1 else 1) for _ in range(count)] for _ in range(2000)]
    centres = [centre(values) for values in sets]
    errors = [centre_error([value - middle for value in values]) for values, middle in zip(sets, centres, strict=True)]
    seen = math.sqrt(statistics.pvariance(centres, 0.0))
    # Of six values the scale itself is badly known; more make it better.
    assert math.sqrt(statistics.fmean(error**2 for error in errors)) == pytest.approx(seen, rel=0.15)


def test_ties_at_the_middle_do_not_pass_for_precision() -> None:
    # More than half of 20 values tie, which makes the median absolute deviation 0; the others lie 10 % away.
    tied = [-0.1] * 4 + [0.0] * 12 + [0.1] * 4
    assert centre_error(tied) > 0.01


def test_outliers_do_not_widen_the_standard_error() -> None:
    draw = random.Random(2)
    values = [draw.gauss(0, 0.02) for _ in range(40)]
    assert centre_error([2.3, 2.3, *values[2:]]) < 1.3 * centre_error(values)


@pytest.mark.parametrize("values", [[0], [-1], [math.nan], [math.inf]])
def test_only_finite_numbers_above_zero_count(values: list[float]) -> None:
    assert not are_positive(values)


def test_a_single_sample_is_known_to_no_precision() -> None:
    assert math.isinf(centre_error([0.0]))


def test_a_visit_gone_astray_does_not_move_the_figure_of_three() -> None:
    astray = in_visits([[1_000_000] * 5], [[2_000_000] * 10], [[1_002_000] * 5])
    # It pulls as if it were 1.345 standard deviations away, and those of three are 0.3 % here.
    assert figure_of(astray) == pytest.approx(1002.0, rel=0.003)


def test_a_visit_counts_once_however_many_samples_it_has() -> None:
    one, many = [[1_000_000] * 5], [[1_020_000] * 5] * 7
    assert figure_of(in_visits(one, many)) == pytest.approx(1000 * math.sqrt(1.02))


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


def test_the_variance_of_a_centre_is_that_of_theory() -> None:
    draw = random.Random(9)

    def simulated(count: int) -> float:
        centres = [centre([draw.gauss(0, 1) for _ in range(count)]) for _ in range(8000)]
        return statistics.pvariance(centres, 0.0)

    # A variance from 8000 values is known to sqrt(2 / 8000) = 1.6 %; that of many is taken for a little too large.
    for count in (1, 2, 3, 4, 6, 9, 12):
        assert 0.95 * simulated(count) < centre_variance(count) < 1.12 * simulated(count)


def test_the_error_of_a_figure_is_that_of_the_centre_of_its_visits() -> None:
    # Two visits ±1 % around their mean: standard deviation 1 % × sqrt(2), that of their mean 1 %.
    assert figure_error(at(-0.01, 0.01)) == pytest.approx(0.01, rel=1e-3)
    # Of four visits, half of which lie 1 % on either side, and 1.12 ÷ 4 of their variance.
    four = at(*[-0.01, 0.01] * 2)
    assert figure_error(four) == pytest.approx(0.01 * math.sqrt(4 / 3 * 1.12 / 4), rel=1e-3)
    assert figure_error(at(*[0.0] * 8)) == 0.0


def noisy(noise: float, between: float, *, visits: int = 8, count: int = 10, seed: int = 10) -> Samples:
    """Visits that differ by `between`, and samples within them by `noise`."""
    draw = random.Random(seed)
    middles = [draw.gauss(0, between) for _ in range(visits)]
    return in_visits(
        *([[round(1e9 * math.exp(draw.gauss(middle, noise))) for _ in range(count)]] for middle in middles)
    )


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
