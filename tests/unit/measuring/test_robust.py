"""The centre of values and its standard error."""

from __future__ import annotations

import math
import random
import statistics

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pytest_cnnperf.measuring.robust import (
    HUBER,
    are_positive,
    centre,
    centre_error,
    centre_variance,
    mad_sigma,
    weighted_centre,
    weighted_variance,
)


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


def fixed_point(values: list[float], sigma: float) -> float:
    """Huber's centre as he found it: again and again by the mean of what the values pull."""
    middle, most = statistics.median(values), HUBER * sigma
    for _ in range(1000):
        step = sum(max(-most, min(most, value - middle)) for value in values) / len(values)
        middle += step
        if abs(step) < 1e-7 * sigma:
            break
    return middle


@settings(deadline=None)
@given(st.lists(st.floats(-10.0, 10.0).map(lambda value: round(value, 6)), min_size=3, max_size=40))
def test_newtons_steps_lead_where_those_of_huber_lead(values: list[float]) -> None:
    sigma = mad_sigma([value - statistics.median(values) for value in values])
    expected = fixed_point(values, sigma)
    # Where all pulls are bounded a whole stretch is in balance, and any of it is a centre.
    assume(sum(abs(value - expected) < HUBER * sigma for value in values) > 1)
    assert abs(centre(values) - expected) <= 2e-4 * sigma


@given(st.lists(st.integers(-1000, 1000).map(float), min_size=3, max_size=40))
def test_the_pulls_at_the_centre_are_in_balance(values: list[float]) -> None:
    middle = statistics.median(values)
    most = HUBER * mad_sigma([value - middle for value in values])
    pulls = [max(-most, min(most, value - centre(values))) for value in values]
    assert abs(math.fsum(pulls)) <= 1e-3 * most * len(values)


def test_outliers_do_not_widen_the_standard_error() -> None:
    draw = random.Random(2)
    values = [draw.gauss(0, 0.02) for _ in range(40)]
    assert centre_error([2.3, 2.3, *values[2:]]) < 1.3 * centre_error(values)


@pytest.mark.parametrize("values", [[0], [-1], [math.nan], [math.inf]])
def test_only_finite_numbers_above_zero_count(values: list[float]) -> None:
    assert not are_positive(values)


def test_a_single_sample_is_known_to_no_precision() -> None:
    assert math.isinf(centre_error([0.0]))


def test_the_variance_of_a_centre_is_that_of_theory() -> None:
    draw = random.Random(9)

    def simulated(count: int) -> float:
        centres = [centre([draw.gauss(0, 1) for _ in range(count)]) for _ in range(8000)]
        return statistics.pvariance(centres, 0.0)

    # A variance from 8000 values is known to sqrt(2 / 8000) = 1.6 %; that of many is taken for a little too large.
    for count in (1, 2, 3, 4, 6, 9, 12):
        assert 0.95 * simulated(count) < centre_variance(count) < 1.12 * simulated(count)


@given(st.lists(st.tuples(st.integers(-1000, 1000), st.integers(1, 4)), min_size=3, max_size=12))
def test_a_value_that_counts_thrice_is_as_good_as_three_values(counted: list[tuple[int, int]]) -> None:
    values, counts = zip(*counted, strict=True)
    repeated = [float(value) for value, count in counted for _ in range(count)]
    weighted = weighted_centre(values, [count / len(repeated) for count in counts])
    assert weighted == pytest.approx(centre(repeated), abs=1e-3 * max(1.0, mad_sigma(repeated)))


def test_of_values_that_count_alike_the_weighted_centre_is_the_centre() -> None:
    values = [0.3, 0.1, 0.2, 5.0, 0.15]
    assert weighted_centre(values, [0.2] * 5) == centre(values)


def test_values_of_which_one_counts_for_half_lie_between_it_and_the_others() -> None:
    # Half of the weight is at 6 and half at 2: the mean, however many values make up either half.
    assert weighted_centre([6.0, 2.0, 2.0, 2.0, 2.0], [0.5, *[0.125] * 4]) == pytest.approx(4.0)
    assert weighted_centre([6.0, 2.0], [0.5, 0.5]) == 4.0


def test_the_variance_of_a_weighted_centre_is_that_of_as_many_equal_weights() -> None:
    assert weighted_variance([1 / 7] * 7) == pytest.approx(centre_variance(7))
    draw = random.Random(21)
    weights = [0.05] * 4 + [0.1] * 4 + [0.2] * 2
    centres = [weighted_centre([draw.gauss(0, 1) for _ in weights], weights) for _ in range(4000)]
    # Known to 2.2 %.
    assert weighted_variance(weights) == pytest.approx(statistics.pvariance(centres, 0.0), rel=0.1)
