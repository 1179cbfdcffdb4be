"""What a comparison teaches of the machine's noise is kept by a run that may store, and by no other."""

from __future__ import annotations

import json


def spread_files(suite):
    return sorted((suite.pytester.path / "baselines").glob("*/spread.json"))


def test_a_run_that_may_record_keeps_what_its_comparison_shows(suite):
    # Two layers, three passes, four algorithms: enough to learn from.
    many = (
        "--cnnperf-algorithms=direct,gemm,implicit_gemm,fft",
        "--cnnperf-passes=forward,backward_data,backward_filter",
    )
    record = (*many, "--cnnperf-compare", "--cnnperf-missing=record")
    suite.run(*record)
    # Nothing was compared yet.
    assert spread_files(suite) == []
    result = suite.run(*record)
    result.stdout.fnmatch_lines(["written: spread between runs (fake *%) in baselines/*spread.json"])
    (file,) = spread_files(suite)
    (run,) = json.loads(file.read_text())["runs"]["fake"]
    assert run["cases"] >= 20
    # Scripted noise is the same in every run, but for its seed: nothing is left that visits do not explain.
    assert run["spread"] < 0.01
    before = file.read_text()
    assert "spread between runs" not in suite.run(*many, "--cnnperf-compare").stdout.str()
    assert file.read_text() == before
    # A run that is recorded beside the first compares with it, too.
    suite.run(*many, "--cnnperf-compare", "--cnnperf-update-add").assert_outcomes(passed=run["cases"])
    assert [one["cases"] for one in json.loads(file.read_text())["runs"]["fake"]] == [run["cases"]] * 2


def test_few_cases_teach_nothing(suite):
    for _ in range(2):
        suite.run("--cnnperf-compare", "--cnnperf-missing=record").assert_outcomes(passed=2)
    assert spread_files(suite) == []
