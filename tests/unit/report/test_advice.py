"""The next command to type."""

from __future__ import annotations

import shlex

import pytest

from pytest_cnnperf.cases import Case
from pytest_cnnperf.judging.verdict import Reason, Verdict
from pytest_cnnperf.report.advice import advice, next_commands

SLOWER = {"verdict": Verdict.SLOWER, "reason": Reason.RATIO_ABOVE_THRESHOLD, "baseline_ratio": 1.2}
UNKNOWN = {"verdict": Verdict.UNKNOWN, "baseline_ratio": None}


def test_nothing_is_advised_when_all_is_well(report, outcome):
    assert next_commands(report(outcome())) == ()


def test_a_run_of_nothing_says_how_to_see_its_cases_unless_its_tests_have_failed(report):
    assert next_commands(report()) == ("pytest perftests --cnnperf-compare --collect-only -q",)
    assert next_commands(report(failed_tests=2)) == ()


def test_a_run_without_comparison_advises_one(report, outcome):
    found = report(outcome(**UNKNOWN, reason=Reason.NOT_COMPARED), compared=False, command="pytest perftests -q")
    assert next_commands(found) == ("pytest perftests -q --cnnperf-compare",)


@pytest.mark.parametrize("reason", [Reason.NO_BASELINE, Reason.FOREIGN_BASELINE, Reason.OTHER_METHOD])
def test_a_missing_baseline_advises_to_record_it(report, outcome, reason):
    assert next_commands(report(outcome(**UNKNOWN, reason=reason))) == (
        "pytest perftests --cnnperf-compare --cnnperf-missing=record",
    )


def test_what_was_just_recorded_needs_no_advice(report, outcome):
    found = report(outcome(**UNKNOWN, reason=Reason.NO_BASELINE), written=("1 new baseline entry in …",))
    assert next_commands(found) == ()


def test_a_slower_case_is_measured_again_and_then_perhaps_accepted(report, outcome):
    assert next_commands(report(outcome(**SLOWER))) == (
        "pytest perftests --cnnperf-compare -k 'torch-convolution-alexnet-conv2-n1c and -forward-direct-float32-nchw-'",
        "pytest perftests --cnnperf-update -k 'torch-convolution-alexnet-conv2-n1c and -forward-direct-float32-nchw-'",
    )


@pytest.mark.parametrize(
    "own", ["-k 'torch and not fft' --cnnperf-json out.json", "--cnnperf-json=out.json --junitxml=x.xml"]
)
def test_an_advised_selection_replaces_that_of_the_run_and_leaves_its_files_alone(report, outcome, own):
    again = next_commands(report(outcome(**SLOWER), command=f"pytest {own} perftests --cnnperf-compare"))[0]
    assert again.startswith("pytest perftests --cnnperf-compare -k 'torch-convolution-")
    many = report(*[outcome(**SLOWER)] * 3, command=f"pytest {own} perftests --cnnperf-compare")
    assert next_commands(many)[0] == "pytest perftests --cnnperf-compare --last-failed"


@pytest.mark.parametrize(
    ("command", "compared", "more"),
    [
        ("pytest perftests --cnnperf-update-new", False, " --cnnperf-only-missing"),
        # Cases that the baseline has are among the unfinished ones.
        ("pytest perftests --cnnperf-update-new --cnnperf-compare", True, ""),
        ("pytest perftests --cnnperf-compare --cnnperf-missing=record", True, ""),
        ("pytest perftests --cnnperf-compare", True, ""),
        # Nothing tells which of the stored cases were recorded anew.
        ("pytest perftests --cnnperf-update", False, ""),
    ],
)
def test_a_run_that_was_cut_off_goes_on(report, command, compared, more):
    assert next_commands(report(unfinished=2, command=command, compared=compared)) == (command + more,)


def test_a_stale_case_is_timed_again_since_nothing_else_shows_it(report, outcome):
    stale = outcome(verdict=Verdict.WRONG, reason=Reason.RESULT_STALE, baseline_ratio=None)
    (again,) = next_commands(report(stale))
    assert again.startswith("pytest perftests --cnnperf-compare -k ")


def test_the_advised_selection_matches_its_case_and_not_its_neighbours(report, outcome, case):
    again = next_commands(report(outcome(**SLOWER)))[0]
    pieces = shlex.split(again)[-1].split(" and ")
    assert all(piece in outcome().nodeid for piece in pieces)
    for other in (case(algorithm="gemm"), case(pass_="backward_data"), case("tensorflow"), case(layout="nhwc")):
        assert not all(piece in other.key for piece in pieces)


def test_many_slower_cases_are_found_again_by_pytest_itself(report, outcome, case):
    slower = [outcome(case(layer=layer), **SLOWER) for layer in ("conv1", "conv2", "conv3")]
    again, accept = next_commands(report(*slower))
    assert again == "pytest perftests --cnnperf-compare --last-failed"
    assert accept == "pytest perftests --cnnperf-update --last-failed"


def test_an_undecided_case_gets_more_time(report, outcome):
    undecided = outcome(verdict=Verdict.UNDECIDED, reason=Reason.INTERVAL_TOO_WIDE)
    (command,) = next_commands(report(undecided))
    assert command.endswith("--cnnperf-preset=nightly")
    assert "conv2" in command


@pytest.mark.parametrize("reason", [Reason.GPU_BUSY, Reason.THROTTLED, Reason.GPU_UNREADABLE])
def test_a_gpu_that_is_not_fit_to_be_timed_is_looked_at_and_gets_no_more_time(report, outcome, reason):
    (found,) = advice(report(outcome(verdict=Verdict.UNDECIDED, reason=reason)))
    assert found.command.startswith("nvidia-smi")
    assert "1 case undecided" in found.why


def test_a_wrong_case_is_checked_again_without_timing(report, outcome):
    wrong = outcome(verdict=Verdict.WRONG, reason=Reason.RESULT_OUTSIDE_BOUND, correct=False)
    (first, *_) = next_commands(report(wrong))
    assert "--cnnperf-check-only" in first
    assert "--cnnperf-compare" not in first


def test_options_with_values_survive(report, outcome):
    found = report(outcome(**SLOWER), command="pytest 'my tests' -n 2 --cnnperf-threshold 3 --cnnperf-compare")
    for command in next_commands(found):
        assert command.startswith("pytest 'my tests' -n 2 --cnnperf-threshold 3 ")


def test_a_test_without_its_key_in_its_name_is_selected_by_its_name(report, outcome):
    case = Case("inprocess", "callable", "custom", "tests/test_a.py::test_b", None, None, None)
    (again, _) = next_commands(report(outcome(case, nodeid="tests/test_a.py::test_b[a=1]", **SLOWER)))
    assert again == "pytest perftests --cnnperf-compare -k 'test_b[a and 1]'"


def test_unused_entries_are_removed_by_pruning(report, outcome):
    (found,) = advice(report(outcome(), unused=("a", "b")))
    assert found.why == "remove 2 unused baseline entries in a complete run"
    assert found.command == "pytest perftests --cnnperf-compare --cnnperf-prune"


def test_an_empty_run_advises_to_look_at_what_there_is(report):
    assert next_commands(report()) == ("pytest perftests --cnnperf-compare --collect-only -q",)
