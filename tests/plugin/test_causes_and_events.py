"""What a run says of a slowdown: its cause, and what moved many cases together."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ElementTree

import pytest

AUTO = "--cnnperf-algorithms=auto"
OTHER = {"algorithm": "gemm", "name": "fake other"}
SLOW_CHOICE = {"match": "forward/auto", "workload_ns": 2_400_000, "resolved": OTHER}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Where the baseline lies that the tests of this module begin with, once the first of them has recorded it."""
    return tmp_path_factory.mktemp("kept") / "baselines"


@pytest.fixture
def recorded(suite, kept):
    """The suite with a baseline of the framework's own choice, which is direct."""
    own = suite.pytester.path / "baselines"
    if kept.exists():
        shutil.copytree(kept, own)
    else:
        suite.run(AUTO, "--cnnperf-update").assert_outcomes(passed=2)
        shutil.copytree(own, kept)
    (file,) = suite.baseline_files
    assert file.read_text().count('"resolved_algorithm": "direct"') == 2
    return suite


def causes(suite, *arguments):
    """Cause and detail of every outcome."""
    found = suite.outcomes(AUTO, "--cnnperf-compare", *arguments)
    assert {outcome["verdict"] for outcome in found} == {"SLOWER"}
    return {(outcome["cause"], outcome["cause_detail"]) for outcome in found}


def test_a_kernel_that_is_slower_without_any_change_is_called_so(recorded):
    recorded.play(workload_ns=2_400_000)
    ((cause, detail),) = causes(recorded)
    assert cause == "kernel_slower"
    assert detail.startswith(
        "direct (fake auto) as before, with the same versions and accuracy; the control takes 1.00"
    )


def test_a_changed_choice_is_told_and_the_old_one_forced(recorded):
    recorded.play(SLOW_CHOICE)
    for cause, detail in causes(recorded):
        assert cause == "algorithm_changed"
        assert detail.startswith("direct (fake auto) → gemm (fake other); forced direct: ")
        assert detail.endswith(" %, so it is the choice")


def test_a_forced_algorithm_that_is_slower_too_clears_the_choice(recorded):
    recorded.play(SLOW_CHOICE, {"match": "forward/direct", "workload_ns": 2_500_000})
    for cause, detail in causes(recorded):
        assert cause == "kernel_slower"
        assert " % too, so the choice alone does not explain it" in detail


WHAT_HAPPENS = {
    "forward/direct/nchw/n4c2h6": ({"fault": "raise"}, "forcing direct failed: "),
    "forward/direct/nchw/n4c2h9": ({"fault": "not_offered"}, "forcing direct failed: "),
    "backward_data/direct/nchw/n4c2h6": ({"fault": "crash", "at": "time"}, "forcing direct failed: "),
    "backward_data/direct/nchw/n4c2h9": (
        {"fault": "wrong_value"},
        "forced direct gives a wrong result (result_outside",
    ),
    "backward_filter/direct/nchw/n4c2h6": ({"resolved": OTHER}, "forced direct ran gemm (fake other)"),
}


def test_whatever_happens_to_the_forced_run_is_told_and_changes_nothing(suite):
    passes = (AUTO, "--cnnperf-passes=forward,backward_data,backward_filter")
    suite.run(*passes, "--cnnperf-update").assert_outcomes(passed=6)
    rules = [{"match": match, **rule} for match, (rule, _) in WHAT_HAPPENS.items()]
    suite.play({"match": "/auto/", "workload_ns": 2_400_000, "resolved": OTHER}, *rules)
    found = {
        f"{outcome['pass']}/direct/nchw/{outcome['key'].split('-')[4]}": outcome
        for outcome in suite.outcomes(*passes, "--cnnperf-compare")
    }
    assert {(outcome["verdict"], outcome["cause"]) for outcome in found.values()} == {("SLOWER", "algorithm_changed")}
    for match, (_, words) in WHAT_HAPPENS.items():
        (detail,) = (outcome["cause_detail"] for text, outcome in found.items() if text.startswith(match))
        assert f"; {words}" in detail
        assert "\n" not in detail


def test_a_baseline_from_before_the_word_was_stored_is_read_and_forces_nothing(recorded):
    (file,) = recorded.baseline_files
    lines = [line for line in file.read_text().splitlines(keepends=True) if '"resolved_algorithm"' not in line]
    file.write_text("".join(lines))
    recorded.play(SLOW_CHOICE)
    ((cause, detail),) = causes(recorded)
    assert cause == "algorithm_changed"
    assert detail == (
        "fake auto → gemm (fake other); the baseline does not know which algorithm that was, so none was forced"
    )


def test_a_case_that_asks_for_its_algorithm_is_not_forced(suite):
    suite.run("--cnnperf-update").assert_outcomes(passed=2)
    suite.play(workload_ns=2_400_000, resolved={"name": "fake other gemm"})
    details = {outcome["cause_detail"] for outcome in suite.outcomes("--cnnperf-compare")}
    assert details == {"gemm (fake gemm) → gemm (fake other gemm)"}


def test_another_version_is_told_in_the_failure_of_the_test_and_in_junit(recorded):
    recorded.play(workload_ns=2_400_000, version="2")
    result = recorded.run(AUTO, "--cnnperf-compare", "--junitxml=junit.xml")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["Cause: versions_changed: fake 1 → 2"])
    tree = ElementTree.parse(recorded.pytester.path / "junit.xml")
    values = [found.get("value") for found in tree.iterfind(".//property[@name='cause']")]
    assert values == ["versions_changed", "versions_changed"]


def test_only_a_slower_case_has_a_cause(recorded):
    recorded.play(workload_ns=1_500_000, version="2")
    found = recorded.outcomes(AUTO, "--cnnperf-compare")
    assert {(outcome["verdict"], outcome["cause"], outcome["cause_detail"]) for outcome in found} == {
        ("FASTER", None, "")
    }


@pytest.fixture
def many(suite):
    """The suite with a baseline of enough cases for an event: three passes of two layers."""
    passes = ("--cnnperf-passes=forward,backward_data,backward_filter",)
    suite.run(*passes, "--cnnperf-update").assert_outcomes(passed=6)

    def compare(*arguments):
        return suite.run(*passes, "--cnnperf-compare", "--cnnperf-json=out.json", *arguments)

    return compare


def test_all_cases_of_a_framework_moving_together_are_told_once(suite, many):
    suite.play(workload_ns=2_400_000, version="2")
    result = many()
    result.assert_outcomes(failed=6)
    result.stdout.fnmatch_lines(
        ["EVENT  fake slower: +20.* %*, 6 of 6 cases", "*6 SLOWER: versions changed: fake 1 → 2", "*+20.* %*gemm*"]
    )
    result.stdout.no_fnmatch_line("SLOWER  *")
    (event,) = json.loads((suite.pytester.path / "out.json").read_text())["events"]
    assert (event["title"], event["cases"], event["of"], event["alone"]) == ("fake slower", 6, 6, True)


@pytest.mark.parametrize("processes", ["0", "2"])
def test_a_machine_of_another_pace_is_an_event_and_no_case_is_slower(suite, many, processes):
    suite.play(workload_ns=2_600_000, control_ns=1_300_000)
    result = many("-n", processes)
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(["EVENT  machine slower: control +30.* %*, 6 of 6 cases"])


def test_the_same_speed_is_no_event(suite, many):
    result = many()
    result.assert_outcomes(passed=6)
    result.stdout.no_fnmatch_line("EVENT*")
