"""A word about a GPU's clocks beside a verdict."""

from __future__ import annotations

from pytest_cnnperf.judging.clocks import clock_word
from pytest_cnnperf.measuring.gpu.conditions import Conditions, Span


def at(mhz: float, **reasons: int) -> Conditions:
    return Conditions(batches=4, reasons=reasons, sm_mhz=Span(mhz - 15, mhz, mhz + 15))


def test_a_clock_that_differs_by_more_than_three_percent_is_told() -> None:
    # 1755 / 1980 = 0.886
    assert "1755 MHz, -11.4% against the baseline's 1980 MHz" in clock_word(at(1755), at(1980))
    assert "+12.8%" in clock_word(at(1980), at(1755))


def test_a_power_cap_of_now_is_told_with_it() -> None:
    assert "its power cap held it down" in clock_word(at(1755, power_cap=2), at(1980))
    assert "power cap" not in clock_word(at(1755), at(1980, power_cap=2))


def test_a_clock_within_three_percent_is_not_worth_a_word() -> None:
    assert clock_word(at(1980 * 0.975), at(1980)) == ""


def test_where_a_clock_is_not_known_nothing_is_said() -> None:
    silent = Conditions(batches=4)
    assert clock_word(None, at(1980)) == clock_word(at(1980), None) == ""
    assert clock_word(silent, at(1980)) == clock_word(at(1980), silent) == ""
