"""Numbers as text."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cnnperf.report import text


@pytest.mark.parametrize(
    ("ns", "spread", "expected"),
    [
        (1_234_567, None, "1.23 ms"),
        (1_234_567, 0.004, "1.23 ms"),  # ±0.0049 ms would allow a fourth digit; three are the most that is shown
        (1_234_567, 0.02, "1.23 ms"),  # ±0.025 ms: the second decimal is the first uncertain one
        (1_234_567, 0.2, "1.2 ms"),  # ±0.25 ms: the first decimal is
        (9_800_000, 0.6, "10 ms"),  # ±5.9 ms: not even the whole number is certain
        (999_700, None, "1.00 ms"),  # rounding may change the unit
        (953_000, None, "953 µs"),
        (87, None, "87 ns"),
        (61.4e9, None, "61.4 s"),
        (0, None, "0 ns"),
        (None, None, ""),
        (math.nan, None, ""),
    ],
)
def test_a_duration_has_a_unit_and_no_more_digits_than_its_spread_supports(ns, spread, expected):
    assert text.duration(ns, spread) == expected


@given(st.integers(1, 10**15))
def test_a_printed_duration_is_within_half_a_percent_of_the_true_one(ns):
    number, unit = text.duration(ns).split()
    scale = {"ns": 1, "µs": 1e3, "ms": 1e6, "s": 1e9}[unit]
    # Three digits: the worst case is 1.00 against 1.005.
    assert float(number) * scale == pytest.approx(ns, rel=0.005)


def test_a_rate_is_work_over_time():
    # 447 897 600 x 2 FLOP (AlexNet conv2, batch 1) in 5 ms: 179.159 GFLOP/s.
    assert text.rate(2 * 447_897_600, 5e6) == "179 GFLOP/s"
    assert text.rate(None, 5e6) == ""
    assert text.rate(1, 0) == ""


def test_sizes_count_in_powers_of_1024():
    assert text.size(1_610_612_736) == "1.50 GiB"
    assert text.size(512) == "512 B"


@pytest.mark.parametrize(
    ("ratio", "spread", "expected"),
    [
        (1.203, 0.004, "+20.3 %"),
        (1.203, 0.03, "+20 %"),
        (0.87, None, "-13.0 %"),
        (0.9999, None, "+0.0 %"),
        (0.9999, 0.02, "+0 %"),
        (3.5, None, "+250 %"),
        (12.2, None, "×12"),
        (None, None, ""),
        (math.inf, None, ""),
    ],
)
def test_a_change_is_signed_and_loses_its_decimal_in_noise(ratio, spread, expected):
    assert text.change(ratio, spread) == expected


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [(0.0213, "0.021"), (0.00002, "<.001"), (0, "0"), (0.5, "0.50"), (731.4, "731"), (1e9, ">9999"), (None, "")],
)
def test_an_error_is_a_fraction_of_its_bound(fraction, expected):
    assert text.fraction_of_bound(fraction) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(3.21, "3.2 s"), (45.4, "45 s"), (252.4, "4 min 12 s"), (300, "5 min"), (3900, "1 h 5 min")],
)
def test_waiting_is_told_in_the_units_that_people_use(seconds, expected):
    assert text.elapsed(seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.2, "5 s"), (17, "20 s"), (58, "1 min"), (131, "2 min"), (4190, "1 h 10 min"), (7170, "2 h 0 min")],
)
def test_a_guessed_time_is_as_coarse_as_a_guess_is(seconds, expected):
    assert text.about(seconds) == expected


@pytest.mark.parametrize(
    ("fraction", "expected"), [(0.62, "62 %"), (0.0412, "4.1 %"), (1.2, "120 %"), (0.999, "100 %")]
)
def test_a_percentage_has_two_digits_until_it_needs_three(fraction, expected):
    assert text.percent(fraction) == expected


def test_a_chosen_fraction_is_printed_as_it_was_chosen():
    assert (text.exactly(0.05), text.exactly(0.025)) == ("5 %", "2.5 %")
