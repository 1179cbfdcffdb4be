"""JSON, JUnit, xdist, interruption, and what the pytest process never does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import pytest

from pytest_cnnperf.measuring.lease import core_device, cores, lease
from pytest_cnnperf.plugin.ending import show

from .conftest import DEFAULT

FIELDS = {
    *("key", "nodeid", "framework", "workload", "network", "layer", "pass", "algorithm", "resolved", "dtype", "layout"),
    *("batch", "device_kind", "device_count", "correct", "error_fraction", "samples", "median_ns", "control_median_ns"),
    *("ratio", "ratio_low", "ratio_high", "clock", "first_call_ns", "flops", "workspace_bytes", "verdict", "reason"),
    "baseline_ratio",
}


def test_the_json_has_every_field_of_every_outcome(suite):
    document = suite.document()
    assert document["schema"] == 1
    assert document["machine"]["cores"] >= 1
    for outcome in document["outcomes"]:
        assert set(outcome) >= FIELDS
        assert outcome["clock"] == "process_cpu"
        assert outcome["ratio_low"] <= outcome["ratio"] <= outcome["ratio_high"]


@pytest.mark.parametrize("more", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_a_json_path_that_cannot_be_written_is_told_before_anything_is_measured(suite, more):
    (suite.pytester.path / "out.json").mkdir()
    result = suite.run("--cnnperf-json=out.json", *more)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: cannot write the result file *out.json: Is a directory; name a place*"])
    result.stdout.no_fnmatch_line("*test_suite.py*")
    assert suite.run("--cnnperf-json=out.json", "--collect-only").ret == pytest.ExitCode.OK


def test_a_json_path_that_is_lost_on_the_way_fails_the_run_and_shows_its_page(suite):
    suite.pytester.makeconftest(
        "from pathlib import Path\n\ndef pytest_runtest_teardown():\n    Path('out.json').mkdir(exist_ok=True)\n"
    )
    result = suite.run("--cnnperf-json=out.json")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*2 cases: 2 UNKNOWN*"])
    result.stdout.fnmatch_lines(["note: cannot write the result file *out.json*"])


def test_what_only_collects_leaves_an_earlier_json_as_it_is(suite):
    before = suite.document()
    # Two algorithms have holes, which a run would write.
    suite.run("--cnnperf-json=out.json", "--collect-only", "--cnnperf-algorithms=gemm,fft")
    assert json.loads((suite.pytester.path / "out.json").read_text()) == before


def test_an_earlier_json_is_still_there_when_a_run_begins(suite):
    before = suite.document()
    suite.pytester.makeconftest(
        "from pathlib import Path\n\ndef pytest_runtest_setup():\n    assert Path('out.json').stat().st_size\n"
    )
    suite.run("--cnnperf-json=out.json").assert_outcomes(passed=2)
    assert [path.name for path in suite.pytester.path.glob(".out.json*")] == []
    assert before["outcomes"]


def test_junit_has_key_verdict_and_ratio_and_sees_the_failure(suite):
    suite.run("--cnnperf-update")
    suite.play({"match": "h9w9", "workload_ns": 2_600_000})
    suite.run("--cnnperf-compare", "--junitxml=junit.xml")
    root = ElementTree.parse(suite.pytester.path / "junit.xml").getroot()
    verdicts = {
        case.find("properties/property[@name='key']").get("value"): (
            case.find("properties/property[@name='verdict']").get("value"),
            case.find("failure") is not None,
        )
        for case in root.iter("testcase")
    }
    assert sorted(verdicts.values()) == [("SAME", False), ("SLOWER", True)]
    assert all(case.find("properties/property[@name='ratio']") is not None for case in root.iter("testcase"))


def test_reports_that_leave_the_process_are_plain_and_come_back_with_their_outcomes(suite):
    # As xdist sends them, and as pytest-reportlog writes them.
    (suite.pytester.path / "sent.py").write_text(
        """
import json
import pytest
from pytest_cnnperf.plugin.results import carried_by

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report):
    hook = CONFIG[0].hook
    sent = json.loads(json.dumps(hook.pytest_report_to_serializable(config=CONFIG[0], report=report)))
    back = hook.pytest_report_from_serializable(config=CONFIG[0], data=sent)
    assert carried_by(back) == carried_by(report)
    print("came back:", report.when, hasattr(back, "cnnperf"), file=open("sent.txt", "a"))

CONFIG = []

def pytest_configure(config):
    CONFIG.append(config)
"""
    )
    suite.run("--cnnperf-update", "-p", "sent").assert_outcomes(passed=2)
    lines = (suite.pytester.path / "sent.txt").read_text().splitlines()
    assert sorted(lines) == sorted(2 * ["came back: setup False", "came back: call True", "came back: teardown False"])


def test_results_of_a_forked_test_are_plain_from_the_start(suite):
    # pytest-forked asks no hook: it marshals what a report has, and makes a report of that.
    (suite.pytester.path / "sent.py").write_text(
        """
import marshal
import pytest

def pytest_addoption(parser):
    parser.addoption("--forked", action="store_true")

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report):
    if hasattr(report, "cnnperf"):
        report.cnnperf = marshal.loads(marshal.dumps(report.cnnperf))
"""
    )
    result = suite.run("--cnnperf-update", "--cnnperf-json=out.json", "-p", "sent", "--forked")
    result.assert_outcomes(passed=2)
    assert len(json.loads((suite.pytester.path / "out.json").read_text())["outcomes"]) == 2
    assert suite.baseline_files


def test_two_runs_that_write_at_once_lose_nothing(suite):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "--cnnperf-frameworks=fake",
        "--cnnperf-algorithms=gemm",
        "--cnnperf-update",
    ]
    runs = [
        subprocess.Popen([*command, f"--cnnperf-passes={one}"], cwd=suite.pytester.path)
        for one in ("forward", "backward_data")
    ]
    assert [run.wait(120) for run in runs] == [0, 0]
    (file,) = suite.baseline_files
    assert file.read_text().count('"median_ns"') == 4


TOLD_SETUPS = """
def pytest_runtest_setup(item):
    with open({path!r}, "a") as stream:
        stream.write(item.name + "\\n")
"""


@pytest.fixture
def interrupted(suite):
    """Run the suite, whose layer b is slower, and hangs at its second visit; interrupt it there; returns the output."""

    def run_and_interrupt(*arguments, tests):
        hanging = {"match": "h9w9", "fault": "hang", "at": "prepare"}
        slower = {"match": "h9w9", "workload_ns": 2_400_000}
        suite.play_generations({"default": DEFAULT, "rules": [slower]}, {"default": DEFAULT, "rules": [hanging]})
        setups = suite.pytester.path / "setups"
        setups.touch()
        suite.pytester.makeconftest(TOLD_SETUPS.format(path=str(setups)))
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--cnnperf-frameworks=fake"]
        command += ["--cnnperf-algorithms=gemm", "--cnnperf-passes=forward", *arguments]
        # A run in the background of a shell inherits that interrupts are ignored.
        command = ["env", "--default-signal=INT", *command]
        run = subprocess.Popen(command, cwd=suite.pytester.path, stdout=subprocess.PIPE, text=True)
        while len(setups.read_text().splitlines()) < tests and run.poll() is None:
            time.sleep(0.05)
        time.sleep(1.5)  # long enough for the second case to hang; a shorter time makes the test weaker, never wrong
        run.send_signal(signal.SIGINT)
        output, _ = run.communicate(timeout=60)
        assert run.returncode == pytest.ExitCode.INTERRUPTED, output
        assert workers_of(suite) == []
        return output

    return run_and_interrupt


def test_an_interrupt_keeps_what_was_settled_and_what_was_stored(suite, interrupted):
    suite.run("--cnnperf-update").assert_outcomes(passed=2)
    (file,) = suite.baseline_files
    before = file.read_text()
    # Both layers once, and layer b again.
    interrupted("--cnnperf-compare", "--cnnperf-json=out.json", tests=3)
    (outcome,) = json.loads((suite.pytester.path / "out.json").read_text())["outcomes"]
    assert (outcome["layer"], outcome["verdict"]) == ("a", "SAME")
    assert file.read_text() == before


@pytest.mark.parametrize("distribution", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_an_interrupted_recording_tells_what_it_had_not_finished(suite, interrupted, distribution):
    output = interrupted("--cnnperf-update-new", *distribution, tests=4)
    # Of six visits both have made one, layer a two.
    assert "2 cases were still to be visited again when the run ended: neither judged nor recorded" in output
    assert "go on with 2 unfinished cases" in output
    assert "--cnnperf-only-missing" in output
    assert "nothing ran" not in output
    assert suite.baseline_files == []


@pytest.mark.parametrize(("is_terminal", "width"), [(True, 80), (False, 100)])
def test_nothing_is_left_out_of_a_log_for_want_of_room(monkeypatch, is_terminal, width):
    widths = []
    monkeypatch.setattr("pytest_cnnperf.report.terminal.render", lambda _report, *, width, color: widths.append(width))
    monkeypatch.setattr("pytest_cnnperf.report.terminal.write", lambda _lines, _terminal: None)
    terminal = SimpleNamespace(
        section=lambda *_, **__: None,
        ensure_newline=lambda: None,
        _tw=SimpleNamespace(fullwidth=80),
        isatty=is_terminal,
        hasmarkup=False,
    )
    show(SimpleNamespace(report="a report"), terminal)
    assert widths == [width]


def workers_of(suite) -> list[int]:
    return [pid for pid, command in suite.processes().items() if "worker" in command]


def test_the_pytest_process_imports_no_framework(suite):
    suite.pytester.makeconftest(
        """
        import sys

        def pytest_sessionfinish():
            loaded = {"torch", "tensorflow", "jax", "theano", "cntk", "caffe", "keras"} & set(sys.modules)
            print("frameworks loaded:", sorted(loaded))
        """
    )
    result = suite.run("--cnnperf-frameworks=fake,torch,tensorflow,numpy", "--cnnperf-compare", "-k", "fake", "-s")
    result.assert_outcomes(passed=2, warnings=2, deselected=None)
    result.stdout.fnmatch_lines(["*frameworks loaded: []*"])


def test_a_run_without_our_tests_starts_nothing_and_prints_nothing(suite):
    suite.pytester.makepyfile(test_suite="def test_plain(): pass")
    result = suite.run()
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*cnnperf*=*")


def test_progress_is_shown_now_and_then(suite):
    suite.pytester.makeconftest(
        """
        from pytest_cnnperf.plugin.results import Collector
        Collector.every_seconds = 0
        """
    )
    suite.run().stdout.fnmatch_lines(["cnnperf: 1/2 · 1 UNKNOWN*", "cnnperf: 2/2 · 2 UNKNOWN"])


def test_a_run_that_waits_for_a_core_says_who_holds_it(suite, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(suite.pytester.path))
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--cnnperf-frameworks=fake"]
    command += ["--cnnperf-algorithms=gemm", "--cnnperf-passes=forward"]
    with lease([core_device(core) for core in cores()]):
        run = subprocess.Popen(command, cwd=suite.pytester.path, stdout=subprocess.PIPE, text=True)
        told = next((line for line in run.stdout if "waiting for cpu-" in line), "")
    output, _ = run.communicate(timeout=60)
    assert f"held by process {os.getpid()}" in told
    assert run.returncode == 0, output
