"""What a worker can do wrong, and what the user is told."""

from __future__ import annotations

import json

import pytest

LAYER_B = "h9w9"


@pytest.mark.parametrize(
    ("fault", "at", "reason"),
    [
        ("nan", "prepare", "result_not_finite"),
        ("wrong_shape", "prepare", "result_wrong_shape"),
        ("wrong_value", "prepare", "result_not_exact"),
        ("nan", "time", "result_not_finite"),
        ("wrong_value", "time", "result_outside_bound"),
        ("stale", "time", "result_stale"),
    ],
)
def test_a_wrong_result_is_wrong_and_never_becomes_a_baseline(suite, fault, at, reason):
    suite.play({"match": LAYER_B, "fault": fault, "at": at})
    by_layer = {outcome["layer"]: outcome for outcome in suite.outcomes("--cnnperf-update")}
    assert (by_layer["b"]["verdict"], by_layer["b"]["reason"]) == ("WRONG", reason)
    assert by_layer["a"]["correct"] is True
    (file,) = suite.baseline_files
    assert "tiny-a-" in file.read_text()
    assert "tiny-b-" not in file.read_text()


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("crash", "*ended by SIGABRT*"),
        ("exit", "*exit status*"),
        ("garbage_on_wire", "*no frame of the wire*"),
        ("raise", "*was refused*"),
        ("out_of_memory", "*out of memory*"),
    ],
)
@pytest.mark.parametrize("at", ["prepare", "time"])
def test_a_broken_worker_fails_its_own_test_and_the_next_gets_a_fresh_one(suite, fault, at, says):
    suite.play({"match": "h6w6", "fault": fault, "at": at})
    result = suite.run()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines([says])


def test_a_hanging_worker_is_ended_at_its_deadline(suite):
    suite.play({"match": "h6w6", "fault": "hang"})
    result = suite.run("--cnnperf-deadline=1")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*no answer within 1*s*"])


def test_garbage_on_stdout_harms_nothing(suite):
    suite.play(fault="garbage_on_stdout", at="prepare")
    suite.run().assert_outcomes(passed=2)


def test_a_silent_fallback_is_a_skip_with_its_reason_and_is_not_recorded(suite):
    suite.play({"match": LAYER_B, "resolved": {"algorithm": "direct", "name": "another kernel"}})
    result = suite.run("--cnnperf-update")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*asked gemm, got direct (another kernel)*"])
    (file,) = suite.baseline_files
    assert "tiny-b-" not in file.read_text()


def test_what_the_worker_does_not_offer_is_a_skip(suite):
    suite.play({"match": LAYER_B, "fault": "not_offered"})
    suite.run().assert_outcomes(passed=1, skipped=1)


NAMED = """
from dataclasses import replace
from pytest_cnnperf.cases import Algorithm, Case, Pass, Problem

CASE = Case("{framework}", "convolution", "tiny", "a", Problem(4, 2, 6, 6, 3, 3, 3), Pass.FORWARD, Algorithm.GEMM)

def test_named(cnnperf):
    cnnperf.check(replace(CASE, {option}))
"""
NOWHERE = """
from dataclasses import replace
from pytest_cnnperf.frameworks import fake

def pytest_cnnperf_frameworks():
    return [replace(fake.SPEC, name="nowhere", title="Nowhere", modules=("no_such_module",), install="pip install it")]
"""


@pytest.mark.parametrize(
    ("framework", "option", "reason", "says"),
    [
        (
            "nowhere",
            "",
            "not_installed",
            "Nowhere is not installed here (no module no_such_module); next: pip install it",
        ),
        (
            "fake",
            "options=(('tf32', 'on'),)",
            "not_offered",
            " offers no gemm tf32=on forward of float32 in nchw on cpu",
        ),
    ],
)
def test_a_case_that_a_test_names_itself_and_nobody_can_run_is_a_skip_and_a_hole(
    suite, framework, option, reason, says
):
    suite.pytester.makeconftest(NOWHERE)
    suite.pytester.makepyfile(test_named=NAMED.format(framework=framework, option=option))
    result = suite.run("test_named.py", "--cnnperf-json=out.json")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["coverage*", "*gemm*forward*a*", "*a *1 case: *"])
    (outcome,) = json.loads((suite.pytester.path / "out.json").read_text())["outcomes"]
    assert (outcome["verdict"], outcome["reason"]) == ("UNKNOWN", reason)
    assert outcome["detail"].endswith(says)


def test_a_named_case_of_a_framework_that_is_gone_makes_none_of_its_stored_cases_unused(suite):
    both = "--cnnperf-frameworks=fake,nowhere"
    suite.pytester.makeconftest(NOWHERE.replace('("no_such_module",)', "()"))
    suite.pytester.makepyfile(test_named=NAMED.format(framework="nowhere", option=""))
    assert suite.run_whole(both, "--cnnperf-update").ret == pytest.ExitCode.OK
    suite.pytester.makeconftest(NOWHERE)
    result = suite.run_whole(both, "--cnnperf-compare")
    result.stdout.fnmatch_lines(["UNKNOWN because: 1 not installed"])
    result.stdout.no_fnmatch_line("unused: *")


def test_check_only_times_nothing(suite):
    outcomes = suite.outcomes("--cnnperf-check-only", "--cnnperf-compare")
    assert [outcome["reason"] for outcome in outcomes] == ["check_only", "check_only"]
    assert [outcome["samples"] for outcome in outcomes] == [0, 0]
    assert all(outcome["correct"] for outcome in outcomes)


def test_a_framework_that_dies_at_start_is_told_with_its_stderr(suite):
    suite.play(fault="crash", at="hello")
    result = suite.run()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*worker fake, request 'hello' failed*"])
