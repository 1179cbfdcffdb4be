"""The life of a baseline: nothing, recorded, same, slower, accepted."""

from __future__ import annotations

import json

import pytest

OFTEN = """
from pytest_cnnperf.plugin.recording import Recorder

Recorder.every_seconds = 0.0
"""
SLOW_LAYER_B = {"match": "h9w9", "workload_ns": 2_400_000}


def recorded(suite):
    suite.run("--cnnperf-compare", "--cnnperf-missing=record").assert_outcomes(passed=2)
    assert len(suite.baseline_files) == 1
    return suite.baseline_files[0]


def test_without_compare_nothing_is_judged_and_nothing_is_written(suite):
    outcomes = suite.outcomes()
    assert [outcome["verdict"] for outcome in outcomes] == ["UNKNOWN", "UNKNOWN"]
    assert {outcome["reason"] for outcome in outcomes} == {"not_compared"}
    assert suite.baseline_files == []


def test_a_missing_baseline_warns_by_default_and_is_not_written(suite):
    result = suite.run("--cnnperf-compare")
    result.assert_outcomes(passed=2, warnings=2)
    result.stdout.fnmatch_lines(["*no_baseline*"])
    assert suite.baseline_files == []


def test_a_missing_baseline_fails_when_asked_to(suite):
    result = suite.run("--cnnperf-compare", "--cnnperf-missing=fail")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*--cnnperf-missing=record*"])


def test_a_second_run_of_the_same_speed_is_all_same(suite):
    recorded(suite)
    outcomes = suite.outcomes("--cnnperf-compare")
    assert [outcome["verdict"] for outcome in outcomes] == ["SAME", "SAME"]
    assert all(abs(outcome["baseline_ratio"] - 1) < 0.01 for outcome in outcomes)


def test_a_slower_case_fails_its_own_test_only(suite):
    recorded(suite)
    suite.play(SLOW_LAYER_B)
    result = suite.run("--cnnperf-compare")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*SLOWER (ratio_above_threshold): fake-convolution-tiny-b-*", "*+20.*%*"])


def test_a_machine_of_another_pace_is_not_a_slower_framework(suite):
    recorded(suite)
    suite.play(workload_ns=3_000_000, control_ns=1_500_000)
    assert [outcome["verdict"] for outcome in suite.outcomes("--cnnperf-compare")] == ["SAME", "SAME"]


def test_a_faster_case_passes_and_says_so(suite):
    recorded(suite)
    suite.play(workload_ns=1_500_000)
    outcomes = suite.outcomes("--cnnperf-compare")
    assert [outcome["verdict"] for outcome in outcomes] == ["FASTER", "FASTER"]


def test_update_accepts_the_new_speed(suite):
    recorded(suite)
    suite.play(SLOW_LAYER_B)
    suite.run("--cnnperf-update").assert_outcomes(passed=2)
    suite.run("--cnnperf-compare").assert_outcomes(passed=2)


def test_update_new_leaves_what_is_stored(suite):
    file = recorded(suite)
    before = file.read_text()
    suite.play(SLOW_LAYER_B)
    suite.run("--cnnperf-update-new").assert_outcomes(passed=2)
    assert file.read_text() == before
    suite.run("--cnnperf-update-new", "--cnnperf-passes=forward,backward_data").assert_outcomes(passed=4)
    after = file.read_text()
    assert after.count("backward_data") == 2
    suite.run("--cnnperf-compare").assert_outcomes(passed=1, failed=1)


@pytest.mark.parametrize("edit", ["truncate", "empty", "foreign", "edited"])
def test_a_broken_baseline_file_fails_with_its_name_and_is_kept(suite, edit):
    file = recorded(suite)
    text = file.read_text()
    broken = {
        "truncate": text[: len(text) // 2],
        "empty": "",
        "foreign": text.replace('"schema": 1', '"schema": 99'),
        "edited": text.replace('"median_ns": ', '"median_ns": 9'),
    }[edit]
    assert broken != text
    file.write_text(broken)
    earlier = suite.pytester.path / "out.json"
    earlier.write_text("what an earlier run has left")
    result = suite.run("--cnnperf-compare", "--cnnperf-update", "--cnnperf-json=out.json")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines([f"*BaselineError: *{file.name}*"])
    result.stdout.no_fnmatch_line("*During handling of the above exception*")
    result.stdout.no_fnmatch_line("*nothing ran*")
    assert file.read_text() == broken
    assert json.loads(earlier.read_text())["outcomes"] == []


def test_a_directory_that_cannot_be_written_fails_before_anything_is_measured(suite):
    lock_folder = suite.pytester.path / "baselines" / ".cnnperf"
    lock_folder.parent.mkdir()
    lock_folder.write_text("a file in the way of the lock")
    result = suite.run("--cnnperf-update")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*BaselineError: *baselines*cannot be written*"])
    assert suite.baseline_files == []


@pytest.fixture
def shrunk(suite):
    """A suite whose stored layer b no case asks for any more."""
    recorded(suite)
    source = (suite.pytester.path / "test_suite.py").read_text()
    suite.pytester.makepyfile(test_suite=source.replace('Layer("b"', 'Layer("c"'))
    return suite


def test_what_no_case_asked_for_is_told_and_removed_only_when_asked(shrunk):
    told = shrunk.run_whole("--cnnperf-compare")
    told.stdout.fnmatch_lines(["unused: 1 stored case*"])
    shrunk.run_whole("--cnnperf-update").stdout.no_fnmatch_line("*entries removed that*")
    assert "tiny-b-" in shrunk.baseline_files[0].read_text()
    shrunk.run_whole("--cnnperf-compare", "--cnnperf-prune").stdout.fnmatch_lines(["*1 entries removed*"])
    assert "tiny-b-" not in shrunk.baseline_files[0].read_text()
    assert "tiny-a-" in shrunk.baseline_files[0].read_text()


@pytest.mark.parametrize(
    "narrowing",
    [
        ("-k", "tiny-a"),
        ("test_suite.py",),
        ("--cnnperf-algorithms=gemm",),
        ("--cnnperf-passes=forward",),
        ("--cnnperf-threads=2",),
        ("--cnnperf-batches=1",),
        ("--cnnperf-preset=nightly",),
    ],
)
def test_a_narrowed_run_removes_nothing(shrunk, narrowing):
    before = shrunk.baseline_files[0].read_text()
    shrunk.run_whole("--cnnperf-check-only", "--cnnperf-compare", "--cnnperf-prune", *narrowing)
    assert shrunk.baseline_files[0].read_text() == before


def test_a_run_that_stops_early_removes_nothing(shrunk):
    before = shrunk.baseline_files[0].read_text()
    shrunk.play({"match": "h6w6", "fault": "wrong_value"})
    shrunk.run_whole("-x", "--cnnperf-compare", "--cnnperf-prune").assert_outcomes(failed=1)
    assert shrunk.baseline_files[0].read_text() == before


def test_a_first_comparison_passes_where_warnings_are_errors(suite):
    suite.run("--cnnperf-compare", "-W", "error").assert_outcomes(passed=2, warnings=2)


def test_an_expected_failure_stays_one(suite):
    recorded(suite)
    suite.play(SLOW_LAYER_B)
    source = (suite.pytester.path / "test_suite.py").read_text()
    suite.pytester.makepyfile(test_suite=source.replace("@pytest.mark.cnn", "@pytest.mark.xfail\n@pytest.mark.cnn"))
    suite.run("--cnnperf-compare", "-ra").assert_outcomes(xpassed=1, xfailed=1)


def test_update_add_keeps_both_runs_and_takes_what_they_differ_by_for_noise(suite):
    file = recorded(suite)
    suite.play(SLOW_LAYER_B)
    suite.run("--cnnperf-update-add").assert_outcomes(passed=2)
    entries = json.loads(file.read_text())["entries"]
    assert [{round_.get("run", 0) for round_ in entry["rounds"]} for entry in entries.values()] == [{0, 1}] * 2
    # +20 % was seen of the unchanged case, and is no alarm now; layer a is as steady as ever.
    verdicts = {outcome["layer"]: outcome["verdict"] for outcome in suite.outcomes("--cnnperf-compare")}
    assert verdicts == {"a": "SAME", "b": "UNDECIDED"}
    suite.run("--cnnperf-update").assert_outcomes(passed=2)
    assert '"run"' not in file.read_text()


@pytest.mark.parametrize("processes", ["0", "2"])
def test_a_change_that_is_told_is_not_added_as_noise(suite, processes):
    file = recorded(suite)
    suite.play(SLOW_LAYER_B)
    result = suite.run("--cnnperf-compare", "--cnnperf-update-add", "-n", processes)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*1 case is SLOWER or FASTER and was not added*--cnnperf-update accepts*"])
    entries = json.loads(file.read_text())["entries"]
    runs = {key.split("-")[3]: {each.get("run", 0) for each in entry["rounds"]} for key, entry in entries.items()}
    assert runs == {"a": {0, 1}, "b": {0}}


def test_a_run_that_writes_now_and_then_is_added_once(suite):
    file = recorded(suite)
    suite.pytester.makeconftest(OFTEN)
    suite.run("--cnnperf-update-add", "--cnnperf-missing=record").assert_outcomes(passed=2)
    entries = json.loads(file.read_text())["entries"].values()
    assert [max(each.get("run", 0) for each in entry["rounds"]) for entry in entries] == [1, 1]


def test_a_case_of_two_tests_is_one_run(suite):
    file = recorded(suite)
    suite.pytester.makeconftest(OFTEN)
    source = (suite.pytester.path / "test_suite.py").read_text()
    suite.pytester.makepyfile(test_suite=source, test_twice=source)
    suite.run("--cnnperf-update-add").assert_outcomes(passed=4)
    entries = json.loads(file.read_text())["entries"].values()
    assert [max(each.get("run", 0) for each in entry["rounds"]) for entry in entries] == [1, 1]


def test_update_add_leaves_alone_what_was_recorded_with_other_versions(suite):
    file = recorded(suite)
    before = file.read_text()
    suite.play(version="2.0")
    result = suite.run("--cnnperf-update-add")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["written: 2 not added*other versions*--cnnperf-update *"])
    assert file.read_text() == before
