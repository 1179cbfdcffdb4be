"""A change, its error, and what several changes of one thing say together."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from pytest_cnnperf.judging.change import Apart, Change, Side, change_between, of_both, over_runs
from pytest_cnnperf.measuring.samples import Samples

from .conftest import Draw


def change(log_ratio: float, error: float, *, between: float = 0.0, recorded: float = 0.0) -> Change:
    """With this error within visits, and between them, of which the recording has so much."""
    parts = [(error**2, 30.0), (between**2, 30.0)]
    return Change.of(log_ratio, parts, within_visits=error**2, of_recording=recorded**2)


def test_a_side_tells_its_figure_and_what_its_visits_differ_by(draw: Draw) -> None:
    side = Side.of(draw(noise=0.02, count=30, visits=2))
    assert side.log == pytest.approx(math.log(5.0), abs=0.01)
    variance, freedom = side.within
    assert math.sqrt(variance) == pytest.approx(0.02 / math.sqrt(60), rel=0.3)
    assert (freedom, side.apart.visits) == (58.0, 2)
    apart = Side.of(draw(noise=0.0001, visits=8, between=0.05))
    assert math.sqrt(apart.apart.excess) == pytest.approx(0.05, rel=0.5)


def test_noise_that_is_known_from_elsewhere_takes_the_place_of_its_own(draw: Draw) -> None:
    samples = draw(noise=0.02, count=4, visits=2)
    variance, freedom = Side.of(samples, of_pair=(0.1**2, 99.0)).within
    assert math.sqrt(variance) == pytest.approx(0.1 / math.sqrt(8), rel=0.05)
    assert freedom == 99.0


def test_what_runs_differ_by_is_no_part_of_one_run() -> None:
    calm, restless = (over_runs([change(0.1, 0.02)], spread=spread) for spread in (0.0, 0.03))
    assert calm.within_run == restless.within_run == pytest.approx(0.02**2)
    assert restless.standard_error == pytest.approx(math.sqrt(0.02**2 + 2 * 0.03**2))
    assert (calm.freedom, restless.freedom) == (
        pytest.approx(30.0),
        pytest.approx(0.0022**2 / (0.0004**2 / 30 + 0.0018**2 / 60)),
    )


def test_runs_that_agree_leave_less_doubt_than_one_of_them() -> None:
    one, three = (over_runs([change(0.1, 0.01)] * runs, spread=0.02) for runs in (1, 3))
    assert three.log_ratio == pytest.approx(0.1)
    assert one.standard_error == pytest.approx(math.sqrt(0.01**2 + 2 * 0.02**2))
    # What is measured now is in all of them: its error is not lowered.
    assert three.standard_error == pytest.approx(math.sqrt(0.01**2 + (1 + 1 / 3) * 0.02**2))


def test_runs_of_a_case_that_lie_farther_apart_than_most_are_its_own_spread() -> None:
    steady = over_runs([change(0.01, 0.01), change(-0.01, 0.01)], spread=0.02)
    restless = over_runs([change(0.25, 0.01), change(0.0, 0.01)], spread=0.02)
    assert restless.log_ratio == pytest.approx(0.125)
    # Of a variance of 0.25² / 2, a seventh; one and a half times, since there are two of them.
    excess = (0.25**2 / 2 - 0.02**2) / 7
    assert restless.standard_error**2 == pytest.approx(0.01**2 + 1.5 * (0.02**2 + excess))
    # It is known from two runs only, so much more is asked of a change.
    assert restless.reach(1e-4) > 0.5 > 4 * steady.reach(1e-4)


def test_a_run_of_which_hardly_anything_is_known_hardly_counts() -> None:
    known, vague = change(0.1, 0.0), change(-5.0, 1e9)
    both = over_runs([known, vague], spread=0.0)
    assert both.log_ratio == pytest.approx(0.1)
    assert math.isfinite(both.standard_error)


@pytest.mark.parametrize("recorded", [(0.0, 0.0, 0.0), (0.01, 0.01, 0.01), (0.005, 0.03, 0.03)])
def test_the_error_of_runs_together_is_what_they_scatter_by(recorded: tuple[float, ...]) -> None:
    """Now with 1 % of its own noise, each recording with that of its own, and 2 % between runs."""
    chance = random.Random(7)

    def once() -> Change:
        now = chance.gauss(0, 0.02) + chance.gauss(0, 0.01)
        runs = [
            change(now - chance.gauss(0, 0.02) - chance.gauss(0, noise), math.hypot(0.01, noise), recorded=noise)
            for noise in recorded
        ]
        return over_runs(runs, spread=0.02)

    found = [once() for _ in range(3000)]
    scatter = statistics.pstdev(each.log_ratio for each in found)
    # Runs that happen to lie far apart are taken for restless, and calm ones for no calmer than most.
    error = math.sqrt(statistics.fmean(each.standard_error**2 for each in found))
    assert scatter <= error <= 1.15 * scatter


def test_of_two_changes_the_better_known_one_counts_more() -> None:
    both = of_both(change(0.00, 0.01), change(0.02, 0.03))
    assert both.log_ratio == pytest.approx(0.02 / 10)
    assert both.standard_error == pytest.approx(0.01 * math.sqrt(0.9))


def test_what_the_same_visits_differ_by_is_not_lowered_by_looking_at_them_twice() -> None:
    noisy = of_both(change(0.1, 0.03), change(0.1, 0.03))
    moving = of_both(change(0.1, 0.0, between=0.03), change(0.1, 0.0, between=0.03))
    assert noisy.standard_error == pytest.approx(0.03 / math.sqrt(2))
    assert moving.standard_error == pytest.approx(0.03)


@pytest.mark.parametrize("within", [(0.0, 0.0), (0.01, 0.03), (0.03, 0.01)])
@pytest.mark.parametrize("between", [(0.02, 0.045), (0.045, 0.02), (0.03, 0.03)])
def test_a_second_change_never_leaves_more_doubt_than_the_better_one_alone(
    within: tuple[float, float], between: tuple[float, float]
) -> None:
    parts = [change(0.1, error, between=spread) for error, spread in zip(within, between, strict=True)]
    best = min(each.standard_error for each in parts)
    assert of_both(*parts).standard_error <= best * (1 + 1e-9)


def test_changes_that_contradict_each_other_are_known_less_well() -> None:
    agreeing = of_both(change(0.1, 0.02), change(0.1, 0.02))
    contrary = of_both(change(0.0, 0.02), change(0.3, 0.02))
    assert agreeing.standard_error == pytest.approx(0.02 / math.sqrt(2))
    assert contrary.log_ratio == pytest.approx(0.15)
    # Their mean has half of their distance for an error.
    assert contrary.standard_error == pytest.approx(0.15, rel=0.01)


def test_the_error_of_two_changes_together_is_what_they_scatter_by() -> None:
    chance = random.Random(5)
    means = [of_both(change(chance.gauss(0, 0.01), 0.01), change(chance.gauss(0, 0.03), 0.03)) for _ in range(2000)]
    assert statistics.pstdev(each.log_ratio for each in means) == pytest.approx(0.01 * math.sqrt(0.9), rel=0.05)


def test_a_floor_between_visits_is_lowered_by_visits_of_either_side(draw: Draw) -> None:
    def error(visits: int) -> float:
        sides: list[Samples] = [draw(noise=0.0001, visits=visits) for _ in range(2)]
        return change_between(*map(Side.of, sides), visits=0.03).standard_error

    assert error(1) == pytest.approx(0.03 * math.sqrt(2), rel=0.01)
    assert error(12) < error(4) < error(1)


def side(*, visits: int, moments: int, excess: float) -> Side:
    """A side whose visits have next to no noise within them; excess as a standard deviation."""
    return Side(0.0, (1e-12, 99.0), Apart(visits, moments, excess**2))


def test_what_calm_visits_differ_by_is_lowered_by_visits_of_one_moment() -> None:
    before = side(visits=12, moments=12, excess=0.005)
    errors = [
        change_between(side(visits=12, moments=moments, excess=0.005), before, visits=0.005).standard_error
        for moments in (1, 2, 12)
    ]
    assert errors == pytest.approx([0.005 * math.sqrt(2 * 1.12 / 12)] * 3, rel=0.1)


def test_what_restless_visits_differ_by_beyond_the_floor_is_lowered_by_other_moments_only() -> None:
    before = side(visits=12, moments=12, excess=0.04)
    errors = [
        change_between(side(visits=12, moments=moments, excess=0.04), before, visits=0.005).standard_error
        for moments in (1, 2, 12)
    ]
    # Of 0.04² the floor, which weighs as much as seven visits, leaves 11 / 17 at one moment of now and twelve before;
    # 13 / 18 at two, between which half of the visits make it 0.042²; and 22 / 28 at twelve of either.
    assert errors[0] == pytest.approx(0.04 * math.sqrt(11 / 17), rel=0.1)
    assert errors[1] == pytest.approx(0.04 * math.sqrt(13 / 18 / 2), rel=0.15)
    assert errors[2] == pytest.approx(0.04 * math.sqrt(22 / 28 * 2 * 1.12 / 12), rel=0.05)


def test_what_is_known_of_few_moments_is_known_badly() -> None:
    before = side(visits=4, moments=1, excess=0.04)
    at_one, at_four = (
        change_between(side(visits=4, moments=moments, excess=0.04), before, visits=0.005) for moments in (1, 4)
    )
    assert at_one.freedom < at_four.freedom


def test_a_case_that_was_restless_in_another_run_is_none_the_calmer_for_this_one() -> None:
    calm = side(visits=6, moments=6, excess=0.0)
    alone = change_between(calm, calm, visits=0.005).standard_error
    known = change_between(calm, calm, visits=0.005, others=[Apart(12, 12, 0.04**2)]).standard_error
    # 11 of 27 degrees of freedom are of the other's visits.
    assert known == pytest.approx(0.04 * math.sqrt(11 / 27 * 2 * 1.12 / 6), rel=0.05)
    assert alone < known / 3


@pytest.mark.parametrize(("moments", "recorded"), [(1, 12), (2, 12), (4, 12), (12, 12), (2, 6), (4, 4), (12, 2)])
def test_the_error_of_visits_at_some_moments_is_what_they_scatter_by(moments: int, recorded: int) -> None:
    """Twelve visits of now at so many moments, twelve of a recording at others: 3 % a moment, 0.5 % a visit."""
    chance = random.Random(11)

    def logs(at: int) -> list[float]:
        states = [chance.gauss(0, 0.03) for _ in range(at)]
        return [states[visit * at // 12] + chance.gauss(0, 0.005) for visit in range(12)]

    def one(at: int) -> Side:
        seen = logs(at)
        return Side(statistics.fmean(seen), (1e-12, 99.0), Apart(12, at, statistics.variance(seen)))

    found = [change_between(one(moments), one(recorded), visits=0.005) for _ in range(2000)]
    scatter = statistics.pstdev(each.log_ratio for each in found)
    error = math.sqrt(statistics.fmean(each.standard_error**2 for each in found))
    # Drawn to the floor, which is what most cases show and weighs as much as seven moments: it is too small by the root
    # of the share that this leaves to the case. What visits of one moment differ by makes it a little too large.
    of_case = (moments + recorded - 2) / (6 + moments + recorded - 2)
    assert 0.9 < error / (scatter * math.sqrt(of_case)) < 1.15
