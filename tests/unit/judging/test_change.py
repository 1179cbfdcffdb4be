"""A change, its error, and what several changes of one thing say together."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from pytest_cnnperf.judging.change import Change, Side, change_between, combined
from pytest_cnnperf.measuring.samples import Samples

from .conftest import Draw


def change(log_ratio: float, error: float, *, between: float = 0.0) -> Change:
    """With this error within visits, and between them."""
    parts = [(error**2, 30.0), (between**2, 30.0)]
    return Change.of(log_ratio, parts, runs=0.0, within_visits=error**2)


def test_a_side_tells_its_figure_and_what_its_visits_differ_by(draw: Draw) -> None:
    side = Side.of(draw(noise=0.02, count=30, visits=2))
    assert side.log == pytest.approx(math.log(5.0), abs=0.01)
    variance, freedom = side.within
    assert math.sqrt(variance) == pytest.approx(0.02 / math.sqrt(60), rel=0.3)
    assert (freedom, side.visits) == (58.0, 2)
    apart = Side.of(draw(noise=0.0001, visits=8, between=0.05))
    assert math.sqrt(apart.excess) == pytest.approx(0.05, rel=0.5)


def test_noise_that_is_known_from_elsewhere_takes_the_place_of_its_own(draw: Draw) -> None:
    samples = draw(noise=0.02, count=4, visits=2)
    variance, freedom = Side.of(samples, of_pair=(0.1**2, 99.0)).within
    assert math.sqrt(variance) == pytest.approx(0.1 / math.sqrt(8), rel=0.05)
    assert freedom == 99.0


def test_what_runs_differ_by_is_no_part_of_one_run() -> None:
    calm, restless = (Change.of(0.1, [(0.02**2, 30.0)], runs=runs) for runs in (0.0, 0.03))
    assert calm.within_run == restless.within_run == pytest.approx(0.02**2)
    assert restless.standard_error == pytest.approx(math.sqrt(0.02**2 + 2 * 0.03**2))
    assert (calm.freedom, restless.freedom) == (
        pytest.approx(30.0),
        pytest.approx(0.0022**2 / (0.0004**2 / 30 + 0.0018**2 / 60)),
    )


def test_of_two_changes_the_better_known_one_counts_more() -> None:
    both = combined([change(0.00, 0.01), change(0.02, 0.03)], runs=0.0, doubt=0.0)
    assert both.log_ratio == pytest.approx(0.02 / 10)
    assert both.standard_error == pytest.approx(0.01 * math.sqrt(0.9))
    doubtful = combined([change(0.0, 0.01), change(0.02, 0.03)], runs=0.01, doubt=0.02)
    assert doubtful.standard_error == pytest.approx(math.sqrt(0.9 * 0.01**2 + 2 * 0.01**2 + 0.02**2))
    assert doubtful.within_run == pytest.approx(0.9 * 0.01**2 + 0.02**2)


def test_what_the_same_visits_differ_by_is_not_lowered_by_looking_at_them_twice() -> None:
    noisy = combined([change(0.1, 0.03), change(0.1, 0.03)], runs=0.0, doubt=0.0)
    moving = combined([change(0.1, 0.0, between=0.03), change(0.1, 0.0, between=0.03)], runs=0.0, doubt=0.0)
    assert noisy.standard_error == pytest.approx(0.03 / math.sqrt(2))
    assert moving.standard_error == pytest.approx(0.03)


def test_changes_that_contradict_each_other_are_known_less_well() -> None:
    agreeing = combined([change(0.1, 0.02), change(0.1, 0.02)], runs=0.0, doubt=0.0)
    contrary = combined([change(0.0, 0.02), change(0.3, 0.02)], runs=0.0, doubt=0.0)
    assert agreeing.standard_error == pytest.approx(0.02 / math.sqrt(2))
    assert contrary.log_ratio == pytest.approx(0.15)
    # Their mean has half of their distance for an error.
    assert contrary.standard_error == pytest.approx(0.15, rel=0.01)


def test_the_error_of_two_changes_together_is_what_they_scatter_by() -> None:
    chance = random.Random(5)
    means = [
        combined([change(chance.gauss(0, 0.01), 0.01), change(chance.gauss(0, 0.03), 0.03)], runs=0.0, doubt=0.0)
        for _ in range(2000)
    ]
    assert statistics.pstdev(each.log_ratio for each in means) == pytest.approx(0.01 * math.sqrt(0.9), rel=0.05)


def test_a_floor_between_visits_is_lowered_by_visits_of_either_side(draw: Draw) -> None:
    def error(visits: int) -> float:
        sides: list[Samples] = [draw(noise=0.0001, visits=visits) for _ in range(2)]
        return change_between(*map(Side.of, sides), visits=0.03).standard_error

    assert error(1) == pytest.approx(0.03 * math.sqrt(2), rel=0.01)
    assert error(12) < error(4) < error(1)
