"""The figure of a case: visits' centres, and their centre."""

from __future__ import annotations

import math

import pytest

from pytest_cnnperf.cases import Clock
from pytest_cnnperf.measuring.figure import figure_of, noise_error
from pytest_cnnperf.measuring.robust import centre_error
from pytest_cnnperf.measuring.samples import Plan, Round, Samples

from .conftest import in_visits

NOISY = [1000, 1030, 990, 1010, 1000, 970]


def test_the_figure_pairs_each_sample_with_its_own_control() -> None:
    # A machine that halves its pace in the middle moves both by 2, and the ratio not at all.
    round_ = Round((2000, 2000, 4000, 4000), (1000, 1000, 2000, 2000), (0, 0, 0, 0))
    assert figure_of(Samples(Clock.PROCESS_CPU, Plan(1, 1, "c"), (round_,), 1)) == 2.0


def test_what_rounds_differ_by_is_no_noise_within_them() -> None:
    assert noise_error(in_visits([[1000] * 5, [3000] * 5]).rounds) == 0.0


@pytest.mark.parametrize("rounds", [[NOISY], [NOISY, NOISY[::-1]], [[], NOISY], [[]], [[1000]]])
def test_the_noise_within_rounds_is_that_of_their_residuals(rounds: list[list[int]]) -> None:
    made = in_visits(rounds).rounds
    assert noise_error(made) == pytest.approx(centre_error([each for round_ in made for each in round_.residuals]))


def test_a_changed_round_has_a_centre_of_its_own() -> None:
    (round_,) = in_visits([NOISY]).rounds
    assert round_.centre == pytest.approx(0.0, abs=0.02)
    assert round_.picked([1]).centre == pytest.approx(math.log(1.03))
    assert round_.followed_by(round_).residuals == pytest.approx(round_.residuals * 2)


def test_a_visit_gone_astray_does_not_move_the_figure_of_three() -> None:
    astray = in_visits([[1_000_000] * 5], [[2_000_000] * 10], [[1_002_000] * 5])
    # It pulls as if it were 1.345 standard deviations away, and those of three are 0.3 % here.
    assert figure_of(astray) == pytest.approx(1002.0, rel=0.003)


def test_a_visit_counts_once_however_many_samples_it_has() -> None:
    one, many = [[1_000_000] * 5], [[1_020_000] * 5] * 7
    assert figure_of(in_visits(one, many)) == pytest.approx(1000 * math.sqrt(1.02))
