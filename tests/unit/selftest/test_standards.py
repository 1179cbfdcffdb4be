"""What chance explains, against numbers that can be checked by hand, and what fails a self-test."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from pytest_cnnperf.judging.verdict import Reason, Verdict
from pytest_cnnperf.measuring.between_visits import Floor
from pytest_cnnperf.measuring.machine import Machine
from pytest_cnnperf.report.outcome import Outcome
from pytest_cnnperf.selftest.faults import FAULTS
from pytest_cnnperf.selftest.injecting import CASE, Shown
from pytest_cnnperf.selftest.rates import Rate, Tally
from pytest_cnnperf.selftest.result import SelfTest, Series
from pytest_cnnperf.selftest.standards import allowed_alarms, is_promised, least_found, most_by_chance

STALE = next(fault for fault in FAULTS if fault.name == "stale output")


def tally(resolution: float = 0.02, **verdicts: int) -> Tally:
    return Tally({Verdict(name): count for name, count in verdicts.items()}, 1.0, resolution)


def rate(slowdown: float = 0.1, *, unchanged: Tally | None = None, slowed: Tally | None = None) -> Rate:
    return Rate(slowdown, slowdown / 2, unchanged or tally(SAME=20), slowed or tally(SLOWER=20))


def selftest(*found: Rate, shown: tuple[Shown, ...] = ()) -> SelfTest:
    series = Series("Made up", "made-up-key", 5, Floor(), found)
    machine = Machine("Made CPU", 2, 2**30, (), "Linux")
    return SelfTest(machine, 1, 0.01, shown, (series,) if found else (), 10.0)


def came_as(verdict: Verdict, reason: Reason, detail: str = "") -> Shown:
    return Shown(STALE, Outcome(CASE.key, "selftest", verdict, reason, detail))


def test_two_alarms_of_twenty_are_chance_at_one_percent_each_and_three_are_not():
    # More than one: 1 - 0.99**20 - 20 * 0.01 * 0.99**19 = 1.7 %; more than two: 0.1 %.
    more_than_one = 1 - 0.99**20 - 20 * 0.01 * 0.99**19
    assert more_than_one == pytest.approx(0.0169, abs=1e-4)
    assert most_by_chance(20, 0.01, beyond=0.01) == 2
    assert most_by_chance(20, 0.01, beyond=0.02) == 1


@pytest.mark.parametrize("count", [1, 7, 50])
@pytest.mark.parametrize("probability", [0.0001, 0.05, 0.6])
def test_what_chance_explains_is_the_first_number_whose_tail_is_small_enough(count, probability):
    def exceeding(number: int) -> float:
        return 1 - sum(
            math.comb(count, each) * probability**each * (1 - probability) ** (count - each)
            for each in range(number + 1)
        )

    most = most_by_chance(count, probability, beyond=0.001)
    assert exceeding(most) <= 0.001
    assert most == 0 or exceeding(most - 1) > 0.001


def test_nothing_compared_allows_no_alarm_and_asks_for_no_detection():
    empty = rate(unchanged=tally(), slowed=tally())
    assert allowed_alarms(empty, level=0.01, checks=1) == 0
    assert least_found(empty, checks=1) == 0


def test_sixteen_of_twenty_may_be_nineteen_in_twenty_and_fifteen_may_not():
    # Of 20 at 95 %, more than 3 are missed in 1.6 % and more than 4 in 0.26 %.
    assert least_found(rate(), checks=1) == 16


def test_a_slowdown_is_promised_from_one_and_a_half_resolutions_on():
    assert is_promised(rate(0.05, slowed=tally(resolution=0.033, SLOWER=1)))
    assert not is_promised(rate(0.05, slowed=tally(resolution=0.034, SLOWER=1)))
    assert not is_promised(rate(0.05, slowed=Tally({Verdict.UNKNOWN: 1}, None, None)))


def test_all_found_and_no_alarm_passes():
    test = selftest(rate(0.1), rate(0.2), shown=(came_as(Verdict.WRONG, Reason.RESULT_STALE),))
    assert test.failures == ()
    assert test.checks == 4


def test_more_alarms_than_chance_explains_fail_and_lead_to_the_doctor():
    (failure,) = selftest(rate(0.1, unchanged=tally(SAME=15, SLOWER=3, FASTER=2))).failures
    assert "5 false alarms in 20 comparisons at a threshold of 5 %" in failure.words
    assert failure.command == "cnnperf doctor"


def test_one_alarm_of_twenty_at_one_percent_is_chance():
    assert selftest(rate(0.1, unchanged=tally(SAME=19, SLOWER=1))).failures == ()


def test_a_promised_slowdown_that_is_missed_too_often_fails():
    (failure,) = selftest(rate(0.1, slowed=tally(SLOWER=10, SAME=10))).failures
    assert "+10.0 % is promised and was found in 10 of 20 comparisons" in failure.words
    assert failure.command.startswith("cnnperf selftest --only rates --seconds")


def test_what_is_not_promised_need_not_be_found():
    small = rate(0.02, slowed=tally(resolution=0.03, UNDECIDED=20))
    assert selftest(small, rate(0.1)).failures == ()


def test_a_larger_slowdown_than_a_promised_one_must_be_found_whatever_the_judge_says_of_it():
    missed = rate(0.2, slowed=tally(resolution=0.5, SAME=20))
    (failure,) = selftest(rate(0.1), missed).failures
    assert "+20.0 % is promised" in failure.words


def test_a_machine_on_which_nothing_is_promised_fails():
    (failure,) = selftest(rate(0.2, slowed=tally(resolution=0.4, UNDECIDED=20))).failures
    assert "even +20.0 % is not promised (the judge can show 40 % here" in failure.words


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [(Verdict.SAME, Reason.WITHIN_THRESHOLD), (Verdict.WRONG, Reason.RESULT_NOT_EXACT)],
)
def test_a_fault_that_comes_as_anything_else_fails(verdict, reason):
    (failure,) = selftest(shown=(came_as(verdict, reason),)).failures
    assert f"stale output came as {verdict} {reason}, expected WRONG result_stale" in failure.words
    assert failure.command == "cnnperf selftest --only faults --json selftest.json"


def test_a_word_that_must_be_there_is_missed():
    named = replace(STALE, says="the control")
    right = came_as(Verdict.WRONG, Reason.RESULT_STALE, "the control took longer").outcome
    assert named.is_caught(right)
    assert not named.is_caught(replace(right, detail="something"))
