"""A change, its error, and what several changes of one thing say together."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from pytest_cnnperf.judging.change import Change, of_both, over_runs


def change(log_ratio: float, error: float, *, between: float = 0.0, recorded: float = 0.0) -> Change:
    """With this error within visits, and between them, of which the recording has so much."""
    parts = [(error**2, 30.0), (between**2, 30.0)]
    return Change.of(log_ratio, parts, within_visits=error**2, of_recording=recorded**2)


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
