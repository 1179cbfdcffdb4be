"""The `cnnperf` command."""

from __future__ import annotations

import json as standard_json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_cnnperf.cases import Algorithm, Case, Pass, Problem
from pytest_cnnperf.cli.main import main
from pytest_cnnperf.judging.verdict import Reason, Verdict
from pytest_cnnperf.measuring.machine import detect
from pytest_cnnperf.report import json
from pytest_cnnperf.report.outcome import Outcome
from pytest_cnnperf.report.report import Report

CONV3 = Problem(1, 256, 13, 13, 384, 3, 3, pad=1)  # AlexNet
MACHINE = {
    "cpu_model": "AMD EPYC family 26 model 2",
    "cores": 2,
    "gpus": [],
    "memory_bytes": 1 << 34,
    "system": "Linux",
}


def outcome(algorithm="direct", ratio=1.0, *, noise=0.004, **changes):
    """A case whose time is `ratio` times its control's, known to ± `noise`."""
    case = Case("torch", "convolution", "alexnet", "conv3", CONV3, Pass.FORWARD, Algorithm(algorithm))
    usual = {
        "key": case.key,
        "nodeid": f"perftests/test_convolutions.py::test_convolution[{case.key}]",
        "verdict": Verdict.UNKNOWN,
        "reason": Reason.NOT_COMPARED,
        "correct": True,
        "median_ns": round(ratio * 1e6),
        "ratio": ratio,
        "ratio_low": ratio * (1 - noise),
        "ratio_high": ratio * (1 + noise),
        "flops": 2 * CONV3.macs,
    }
    return Outcome(**{**usual, **changes})


@pytest.fixture
def result(tmp_path):
    """Write a result file with these outcomes; give its name."""

    def written(name, *outcomes, **changes):
        report = Report(MACHINE, 1e11, outcomes, (), 3.0, 0.05)
        json.write(replace(report, **changes), tmp_path / name)
        return str(tmp_path / name)

    return written


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")


def test_show_prints_the_report_of_an_earlier_run(result, capsys):
    assert main(["show", result("a.json", outcome("direct"), outcome("gemm", 2.0))]) == 0
    printed = capsys.readouterr().out
    assert "alexnet convolution · batch 1 · float32" in printed
    assert "2 cases: 2 UNKNOWN" in printed
    assert "\x1b[" not in printed  # no colours into a pipe


def test_show_brief_leaves_the_tables_out(result, capsys):
    assert main(["show", "--brief", result("a.json", outcome())]) == 0
    assert "alexnet" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot read"),
        ("", "is not a JSON file"),
        ('{"benchmarks": []}', "is not a result file"),
        ('{"schema": 9}', "has schema 9, this version reads schema 1"),
        ('{"schema": 1, "machine": {}}', "is damaged: 'outcomes' is missing"),
    ],
)
@pytest.mark.parametrize("command", [["show"], ["compare", "GOOD"]])
def test_a_broken_result_file_is_a_sentence_and_exit_code_2(result, tmp_path, capsys, command, content, message):
    path = tmp_path / "broken.json"
    if content is not None:
        path.write_text(content)
    good = result("good.json", outcome())
    assert main([good if word == "GOOD" else word for word in command] + [str(path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("cnnperf: ")
    assert message in captured.err
    assert "broken.json" in captured.err
    assert "Traceback" not in captured.err


@pytest.mark.parametrize(
    ("ratio", "noise", "verdict", "code"),
    [
        (1.00, 0.004, "SAME", 0),
        (1.20, 0.004, "SLOWER", 1),
        (0.80, 0.004, "FASTER", 0),
        (1.07, 0.20, "UNDECIDED", 0),  # the interval reaches no change: 1.07 x 0.8 / 1.2 is below 1
        (1.04, 0.004, "SAME", 0),  # changed, but less than the threshold, whole interval: 1.04 x 1.004 / 0.996 = 1.048
        (1.045, 0.004, "UNDECIDED", 0),  # 1.045 x 1.004 / 0.996 = 1.053 is beyond 5 %
    ],
)
def test_compare_judges_by_the_threshold_and_the_intervals(result, capsys, ratio, noise, verdict, code):
    before = result("before.json", outcome(ratio=1.0, noise=noise))
    after = result("after.json", outcome(ratio=ratio, noise=noise))
    assert main(["compare", before, after]) == code
    printed = capsys.readouterr().out
    assert f"1 case in both, 1 {verdict}; threshold 5 %" in printed


def test_compare_uses_control_normalised_times(result, capsys):
    # The machine was twice as slow, and so was the control: nothing happened to the framework.
    before, after = result("b.json", outcome()), result("a.json", outcome(median_ns=2_000_000))
    assert main(["compare", before, after]) == 0
    assert "1 SAME" in capsys.readouterr().out


def test_compare_takes_its_threshold_from_the_command_line(result):
    before, after = result("b.json", outcome()), result("a.json", outcome(ratio=1.2))
    assert main(["compare", before, after, "--threshold", "25"]) == 0
    assert main(["compare", before, after, "--threshold", "15"]) == 1


@pytest.mark.parametrize("threshold", ["0", "-5", "much", "nan"])
def test_a_threshold_that_is_none_is_a_usage_error(result, capsys, threshold):
    before = result("b.json", outcome())
    with pytest.raises(SystemExit) as caught:
        main(["compare", before, before, f"--threshold={threshold}"])
    assert caught.value.code == 2
    assert "--threshold" in capsys.readouterr().err


def test_compare_names_the_cases_of_one_file_only(result, capsys):
    before = result("b.json", outcome("direct"), outcome("gemm"))
    after = result("a.json", outcome("direct"), outcome("fft"))
    assert main(["compare", before, after]) == 0
    printed = capsys.readouterr().out
    assert f"only before: 1 case\n  {outcome('gemm').key}\n" in printed
    assert f"only after: 1 case\n  {outcome('fft').key}\n" in printed
    assert "1 case in both" in printed


def test_a_result_that_became_wrong_is_a_regression(result, capsys):
    wrong = outcome(verdict=Verdict.WRONG, reason=Reason.RESULT_NOT_FINITE, correct=False)
    assert main(["compare", result("b.json", outcome()), result("a.json", wrong)]) == 1
    assert "1 WRONG" in capsys.readouterr().out


def test_a_case_without_a_number_is_unknown_and_no_pass_in_disguise(result, capsys):
    crashed = outcome(ratio=0, reason=Reason.WORKER_FAILED, correct=None)
    assert main(["compare", result("b.json", outcome()), result("a.json", crashed)]) == 0
    assert "1 UNKNOWN" in capsys.readouterr().out


def test_compare_tells_what_moved_all_cases_together(result, capsys):
    algorithms = ("auto", "direct", "gemm", "fft", "winograd", "implicit_gemm")
    before = [outcome(name, control_median_ns=1_000_000) for name in algorithms]
    after = [outcome(name, 1.1, control_median_ns=1_300_000) for name in algorithms]
    assert main(["compare", result("b.json", *before), result("a.json", *after)]) == 1
    printed = capsys.readouterr().out
    assert "EVENT  machine slower: control +30.0 % (+30.0 % to +30.0 %), 6 of 6 cases" in printed
    assert "EVENT  torch slower: +10.0 % (+10.0 % to +10.0 %), 6 of 6 cases" in printed


def test_results_of_different_machines_are_not_compared_unless_forced(result, capsys):
    before = result("b.json", outcome())
    after = result("a.json", outcome(), machine={**MACHINE, "cpu_model": "Intel Xeon", "cores": 8})
    assert main(["compare", before, after]) == 2
    error = capsys.readouterr().err
    assert "cpu_model 'AMD EPYC family 26 model 2' before and 'Intel Xeon' after" in error
    assert "cores 2 before and 8 after" in error
    assert "--force" in error
    assert main(["compare", "--force", before, after]) == 0


def test_another_kernel_version_is_not_another_machine(result):
    before = result("b.json", outcome())
    assert main(["compare", before, result("a.json", outcome(), machine={**MACHINE, "system": "Linux-7"})]) == 0


def test_machine_names_the_folder_of_its_baselines(capsys):
    assert main(["machine"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"baselines of this machine lie in: baselines/{detect().slug}/\n")
    assert f"cores: {os.cpu_count()}" in printed


@pytest.mark.parametrize("arguments", [[], ["shw"], ["show"], ["compare", "one.json"]])
def test_a_command_line_that_makes_no_sense_is_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: cnnperf" in capsys.readouterr().err


def test_the_module_runs_and_survives_a_reader_that_stops_reading(result):
    path = result("a.json", *(outcome(name) for name in ("direct", "gemm", "fft")))
    command = [sys.executable, "-m", "pytest_cnnperf.cli", "show", path]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8")
    assert running.stdout is not None
    assert running.stderr is not None
    running.stdout.close()
    assert running.stderr.read() == ""
    running.stderr.close()
    assert running.wait(30) == 0


def test_the_command_reads_no_schema_that_it_does_not_write(result):
    written = standard_json.loads(Path(result("a.json", outcome())).read_text(encoding="utf-8"))
    assert written["schema"] == json.SCHEMA
