"""Which outcomes teach how far runs lie apart."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from pytest_cnnperf.cases import Algorithm, Case, DeviceKind, Pass, Problem
from pytest_cnnperf.judging.verdict import Reason, Verdict
from pytest_cnnperf.report.outcome import Outcome
from pytest_cnnperf.run.learning import LEAST_CASES, LEAST_OF_PASS, learned


def compared(count: int, *, framework: str = "torch", verdict: Verdict = Verdict.SAME) -> list[Outcome]:
    """Cases that moved by 2 % up and down by turns, of which 1 % is explained."""

    def one(number: int) -> Outcome:
        problem = Problem(1, 3, 9 + number, 9, 4, 3, 3)
        case = Case(framework, "convolution", "n", "layer", problem, Pass.FORWARD, Algorithm.GEMM)
        move = 0.02 if number % 2 else -0.02
        return Outcome(
            case.key, "node", verdict, Reason.WITHIN_THRESHOLD, baseline_ratio=math.exp(move), within_run=0.01**2
        )

    return [one(number) for number in range(count)]


def test_enough_compared_cases_of_a_framework_teach_its_spread() -> None:
    seen = learned([*compared(LEAST_CASES), *compared(LEAST_CASES, framework="numpy")])[DeviceKind.CPU]
    assert set(seen) == {"torch", "numpy", "torch forward", "numpy forward"}
    # The median absolute deviation is 2 %, 1.4826 times that the standard deviation; halved between the two runs.
    expected = math.sqrt(((1.4826 * 0.02) ** 2 - 0.01**2) / 2)
    assert seen["torch"].spread == pytest.approx(expected)
    assert seen["torch"].cases == LEAST_CASES


def test_a_move_beside_the_mean_of_several_runs_stands_for_a_larger_one() -> None:
    two = [replace(one, recorded_runs=2) for one in compared(LEAST_CASES)]
    one, other = (learned(each)[DeviceKind.CPU]["torch"].spread for each in (compared(LEAST_CASES), two))
    # Now and one run: 2 variances; now and the mean of two: one and a half.
    assert other == pytest.approx(one * math.sqrt(2 / 1.5))


def test_beside_a_change_what_all_cases_move_by_is_not_spread() -> None:
    moved = [replace(one, baseline_ratio=1.03) for one in compared(LEAST_CASES)]
    slower = replace(moved[0], verdict=Verdict.SLOWER)
    assert learned(moved)[DeviceKind.CPU]["torch"].spread == pytest.approx(math.log(1.03) / math.sqrt(2))
    assert learned([*moved, slower])[DeviceKind.CPU]["torch"].spread == 0.0


def of_pass(pass_: Pass, ratio: float, count: int) -> list[Outcome]:
    def one(outcome: Outcome) -> Outcome:
        return replace(outcome, key=replace(outcome.case, pass_=pass_).key, baseline_ratio=ratio)

    return [one(outcome) for outcome in compared(count)]


def test_a_pass_that_moves_alone_teaches_its_own_spread() -> None:
    restless, calm = of_pass(Pass.BACKWARD_FILTER, 1.06, LEAST_OF_PASS), of_pass(Pass.FORWARD, 1.0, 2 * LEAST_OF_PASS)
    seen = learned([*restless, *calm])[DeviceKind.CPU]
    assert seen["torch"].spread == seen["torch forward"].spread == 0.0
    assert seen["torch backward_filter"].spread == pytest.approx(math.log(1.06) / math.sqrt(2))


def test_fewer_cases_teach_nothing() -> None:
    assert learned(compared(LEAST_CASES - 1)) == {}
    assert set(learned([*of_pass(Pass.FORWARD, 1.0, 9), *of_pass(Pass.BACKWARD_DATA, 1.0, 11)])[DeviceKind.CPU]) == {
        "torch"
    }


def test_where_a_framework_changed_no_pass_of_it_teaches_what_its_cases_moved_by() -> None:
    moved = [*of_pass(Pass.BACKWARD_FILTER, 1.04, LEAST_OF_PASS), *of_pass(Pass.FORWARD, 1.04, LEAST_OF_PASS)]
    seen = learned([*moved, replace(moved[-1], verdict=Verdict.SLOWER)])[DeviceKind.CPU]
    assert [one.spread for one in seen.values()] == [0.0] * 3


@pytest.mark.parametrize("verdict", [Verdict.UNKNOWN, Verdict.WRONG, Verdict.SLOWER, Verdict.FASTER])
def test_what_was_not_compared_or_surely_changed_teaches_nothing(verdict: Verdict) -> None:
    assert learned(compared(LEAST_CASES, verdict=verdict)) == {}
    assert learned(replace(one, baseline_ratio=None) for one in compared(LEAST_CASES)) == {}


def test_what_moved_at_another_pace_of_the_machine_teaches_nothing() -> None:
    at = {pace: [replace(one, control_pace=pace) for one in compared(LEAST_CASES)] for pace in (1.0, 0.95, 1.05)}
    assert learned(at[1.0]) == learned(compared(LEAST_CASES))
    assert learned([*at[0.95], *at[1.05]]) == {}
