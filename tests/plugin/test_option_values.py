"""What is typed for an option, which source of it wins, and what marks refuse."""

from __future__ import annotations

import json

import pytest


def usage_error(suite, *arguments):
    result = suite.run(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
    return result.stderr


@pytest.mark.parametrize("value", ["²", "--5", "1.5", "two"])
def test_what_is_no_count_is_a_usage_error(suite, value):
    usage_error(suite, f"--cnnperf-batches=1,{value}").fnmatch_lines(
        [f"*--cnnperf-batches: a batch must be an integer of at least 1, got '{value}'*"]
    )


@pytest.mark.parametrize("option", ["threads", "batches", "device-counts", "frameworks", "algorithms", "passes"])
def test_a_list_of_nothing_is_a_usage_error(suite, option):
    usage_error(suite, f"--cnnperf-{option}=,").fnmatch_lines(
        [f"*--cnnperf-{option}: a list must name at least one thing, got ','*"]
    )


def test_what_is_named_twice_runs_once(suite):
    twice = ("--cnnperf-batches=2,1,02", "--cnnperf-threads=1,1", "--cnnperf-frameworks=fake,fake")
    outcomes = suite.outcomes(*twice, "--cnnperf-algorithms=gemm,gemm", "--cnnperf-passes=forward,forward")
    assert sorted((outcome["layer"], outcome["batch"]) for outcome in outcomes) == [
        (layer, batch) for layer in "ab" for batch in (1, 2)
    ]
    assert len({outcome["key"] for outcome in outcomes}) == 4


def test_both_updates_at_once_exclude_each_other(suite):
    usage_error(suite, "--cnnperf-update-new", "--cnnperf-update").fnmatch_lines(
        ["*--cnnperf-update and --cnnperf-update-new exclude each other*"]
    )
    suite.pytester.makeini("[pytest]\ncnnperf_update = true\ncnnperf_update_new = true\n")
    usage_error(suite).fnmatch_lines(["*cnnperf_update and cnnperf_update_new exclude each other*"])


def test_adding_runs_to_what_is_left_out_is_refused(suite):
    usage_error(suite, "--cnnperf-update-add", "--cnnperf-only-missing").fnmatch_lines(
        ["*--cnnperf-only-missing leaves those out*"]
    )


@pytest.mark.parametrize("text", ["-1", "soon", "nan", "4000"])
def test_a_change_lasts_for_a_number_of_seconds(suite, text):
    usage_error(suite, f"--cnnperf-lasting={text}").fnmatch_lines([f"*seconds from 0 to 3600, got '{text}'*"])


@pytest.mark.parametrize(
    ("ini", "flag", "is_rewritten"),
    [("update_new", "--cnnperf-update", True), ("update", "--cnnperf-update-new", False)],
)
def test_an_update_of_the_command_line_wins_over_one_of_the_ini(suite, ini, flag, is_rewritten):
    suite.run("--cnnperf-update")
    (file,) = suite.baseline_files
    before = file.read_text()
    suite.pytester.makeini(f"[pytest]\ncnnperf_{ini} = true\n")
    suite.play(workload_ns=3_000_000)
    suite.run(flag)
    assert (file.read_text() != before) == is_rewritten


def test_a_flag_that_is_off_excludes_nothing(suite):
    suite.pytester.makeini("[pytest]\ncnnperf_update = true\ncnnperf_update_new = false\n")
    suite.run()
    assert len(suite.baseline_files) == 1


def test_a_flag_of_the_ini_is_unset_by_an_override(suite):
    suite.pytester.makeini("[pytest]\ncnnperf_check_only = true\n")
    assert {outcome["reason"] for outcome in suite.outcomes()} == {"check_only"}
    unset = suite.outcomes("-o", "cnnperf_check_only=false")
    assert {outcome["reason"] for outcome in unset} == {"not_compared"}


def test_paths_of_the_command_line_start_where_pytest_was_started(suite, monkeypatch):
    root = suite.pytester.path
    (root / "below").mkdir()
    monkeypatch.chdir(root / "below")
    rootdir = (f"--rootdir={root}", "-c", str(root / "tox.ini"), str(root / "test_suite.py"))
    suite.run(*rootdir, "--cnnperf-update", "--cnnperf-baselines=own", "--cnnperf-json=out.json")
    assert list((root / "below" / "own").glob("*/*.json"))
    assert json.loads((root / "below" / "out.json").read_text())["outcomes"]
    suite.run(*rootdir, "--cnnperf-update")
    assert len(suite.baseline_files) == 1


def test_paths_of_the_ini_start_at_the_rootdir(suite, monkeypatch):
    root = suite.pytester.path
    suite.pytester.makeini("[pytest]\ncnnperf_baselines = own\ncnnperf_json = out.json\n")
    (root / "below").mkdir()
    monkeypatch.chdir(root / "below")
    suite.run(f"--rootdir={root}", "-c", str(root / "tox.ini"), str(root / "test_suite.py"), "--cnnperf-update")
    assert list((root / "own").glob("*/*.json"))
    assert json.loads((root / "out.json").read_text())["outcomes"]


@pytest.mark.parametrize(
    ("keyword", "says"),
    [
        ("min_samples=2.5", "*min_samples=2.5*must be an integer above 0*"),
        ("min_samples=True", "*min_samples=True*must be an integer above 0*"),
        ("threshold=True", "*threshold=True*must be a number above 0*"),
        ("max_seconds=True", "*max_seconds=True*must be a number above 0*"),
    ],
)
def test_a_keyword_of_another_type_is_a_collection_error(suite, keyword, says):
    suite.pytester.makepyfile(
        test_marked=f"import pytest\n\n@pytest.mark.cnnperf({keyword})\ndef test_marked(cnnperf): pass\n"
    )
    result = suite.run("test_marked.py")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([says])


def test_a_mark_of_a_parameter_that_cannot_be_used_ends_the_run_before_any_test(suite):
    suite.pytester.makepyfile(
        test_marked="import pytest\n\n"
        "@pytest.mark.parametrize('n', [1, pytest.param(2, marks=pytest.mark.cnnperf(treshold=5))])\n"
        "def test_marked(cnnperf, n): pass\n"
    )
    result = suite.run("test_marked.py")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *takes the keywords*; got treshold in test_marked.py::test_marked?2?"])


def test_a_table_without_the_argument_case_is_a_collection_error(suite):
    source = (suite.pytester.path / "test_suite.py").read_text()
    suite.pytester.makepyfile(test_suite=source.replace("(cnnperf, case)", "(cnnperf)"))
    result = suite.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*argument case; add it to the arguments of *::test_tiny*"])


def test_a_test_beside_tables_of_one_module_mark_needs_no_case(suite):
    source = (suite.pytester.path / "test_suite.py").read_text()
    mark = "@pytest.mark.cnnperf_convolutions(TINY)\n"
    moved = source.replace(mark, "pytestmark = pytest.mark.cnnperf_convolutions(TINY)\n\n")
    suite.pytester.makepyfile(test_suite=moved + "\ndef test_beside(): pass\n")
    suite.run().assert_outcomes(passed=3)
