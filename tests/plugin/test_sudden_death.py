"""SIGKILL in the middle: no stuck lease, no orphan process, an intact baseline.

A framework that hangs while it is timed tells so in a file, so that every kill is surely in the middle of a timing.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

FRAMEWORK = """
from dataclasses import replace
from pathlib import Path
from pytest_cnnperf.frameworks.fake import SPEC

def pytest_cnnperf_frameworks():
    return [replace(SPEC, name="stuck", title="Stuck", adapter=Path(__file__).with_name("stuck_adapter.py"))]
"""

ADAPTER = """
import os
from cnnperf_worker.adapters import fake

class Adapter(fake.Adapter):
    def misbehave(self, at):
        if self.current.get("fault") == "hang" and at == self.current.get("at"):
            place = os.environ["CNNPERF_FAKE_SCRIPT"] + ".hangs"
            with open(place + ".draft", "w") as stream:
                stream.write("%d %d" % (os.getpid(), os.getppid()))
            os.rename(place + ".draft", place)
        super().misbehave(at)
"""

HANGS = {"match": "h9w9", "fault": "hang", "at": "time"}
PATIENCE_SECONDS = 60


def until(condition, what):
    """What the condition gives as soon as it is something; the time limit only ends a test that has failed."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < end, f"{what}: not within {PATIENCE_SECONDS} s"
        time.sleep(0.02)
    return found


class Runs:
    """Runs of pytest in a suite's folder that are ended with the test."""

    def __init__(self, suite):
        self.suite = suite
        self.root = suite.pytester.path
        self.hangs = self.root / "script.json.hangs"
        self._runs = []

    def start(self, framework, *arguments, before=()):
        """A run in the background; its output goes to `output`."""
        command = [*before, sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v"]
        command += [f"--cnnperf-frameworks={framework}", "--cnnperf-algorithms=gemm", "--cnnperf-passes=forward"]
        with (self.root / f"{framework}.log").open("wb") as log:
            run = subprocess.Popen([*command, *arguments], cwd=self.root, stdout=log, stderr=subprocess.STDOUT)
        self._runs.append(run)
        return run

    def output(self, framework):
        return (self.root / f"{framework}.log").read_text()

    def hanging(self):
        """The worker that hangs while it is timed, and the pytest process that asked it."""
        text = until(lambda: self.hangs.exists() and self.hangs.read_text(), "no worker hangs")
        self.hangs.unlink()
        return [int(word) for word in text.split()]

    def claims(self):
        folder = self.root / f"pytest-cnnperf-{os.getuid()}" / "leases"
        return list(folder.glob("*.claim"))

    def all_gone(self):
        until(lambda: not self.suite.processes(), "orphans")

    def close(self):
        for pid in self.suite.processes():
            os.kill(pid, signal.SIGKILL)
        for run in self._runs:
            run.wait()


@pytest.fixture
def runs(suite):
    suite.pytester.makeconftest(FRAMEWORK)
    suite.pytester.makepyfile(stuck_adapter=ADAPTER)
    suite.play(HANGS)
    made = Runs(suite)
    yield made
    made.close()


def the_next_run_is_served(runs):
    """Another framework's cases are timed on the same core, and nobody is in the way."""
    assert runs.start("fake", "--cnnperf-check-only").wait(PATIENCE_SECONDS) == 0
    runs.suite.play()
    assert runs.start("fake").wait(PATIENCE_SECONDS) == 0, runs.output("fake")
    assert "waiting for cpu" not in runs.output("fake")
    assert runs.claims() == []


@pytest.mark.parametrize("distribution", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_a_killed_framework_worker_fails_its_own_test(runs, distribution):
    run = runs.start("stuck", "--cnnperf-json=out.json", *distribution)
    worker, _ = runs.hanging()
    os.kill(worker, signal.SIGKILL)
    assert run.wait(PATIENCE_SECONDS) == pytest.ExitCode.TESTS_FAILED
    outcomes = json.loads((runs.root / "out.json").read_text())["outcomes"]
    reasons = {outcome["layer"]: outcome["reason"] for outcome in outcomes}
    assert reasons == {"a": "not_compared", "b": "worker_failed"}
    assert "ended by SIGKILL" in runs.output("stuck")
    runs.all_gone()
    the_next_run_is_served(runs)


def test_a_run_that_waits_for_a_killed_holder_is_served(runs):
    holder = runs.start("stuck")
    runs.hanging()
    runs.suite.play()
    waiting = runs.start("fake")
    until(lambda: len(runs.claims()) == 2, "the second run does not wait")
    holder.kill()
    assert waiting.wait(PATIENCE_SECONDS) == 0, runs.output("fake")
    runs.all_gone()
    assert runs.claims() == []


@pytest.mark.parametrize("interrupts", ["heard", "ignored"])
@pytest.mark.parametrize("distribution", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_nothing_of_a_run_survives_its_controller(runs, distribution, interrupts):
    # A run in the background of a shell ignores interrupts.
    before = ("env", "--ignore-signal=INT") if interrupts == "ignored" else ("env", "--default-signal=INT")
    run = runs.start("stuck", *distribution, before=before)
    runs.hanging()
    run.kill()
    run.wait()
    runs.all_gone()
    the_next_run_is_served(runs)


def test_a_killed_xdist_worker_costs_one_test_and_no_entry(runs):
    runs.suite.run("--cnnperf-frameworks=fake", "--cnnperf-update", "-k", "h6w6").assert_outcomes(
        passed=1, deselected=1
    )
    # Each of two tests is in a pytest worker of its own; the other one goes on.
    run = runs.start("stuck", "--cnnperf-update", "-n", "2")
    _, xdist_worker = runs.hanging()
    os.kill(xdist_worker, signal.SIGKILL)
    assert run.wait(PATIENCE_SECONDS) == pytest.ExitCode.TESTS_FAILED
    output = runs.output("stuck")
    assert "1 failed, 1 passed" in output
    assert "crashed while running" in output
    runs.all_gone()
    stored = {file.name: len(json.loads(file.read_text())["entries"]) for file in runs.suite.baseline_files}
    assert stored == {"fake.convolution.tiny.json": 1, "stuck.convolution.tiny.json": 1}
    the_next_run_is_served(runs)


def test_a_run_by_groups_ends_though_a_worker_was_killed_that_had_done_a_test(runs):
    run = runs.start("stuck", "--cnnperf-compare", "-n", "2", "--dist", "loadgroup")
    _, xdist_worker = runs.hanging()
    os.kill(xdist_worker, signal.SIGKILL)
    assert run.wait(PATIENCE_SECONDS) == pytest.ExitCode.TESTS_FAILED
    assert "1 failed, 1 passed" in runs.output("stuck")
    runs.all_gone()
    the_next_run_is_served(runs)


# The process kills itself at a step of the n-th file that it replaces.
KILLER = """
import os, signal
from pytest_cnnperf.baseline import files

STEP, FILE = {step!r}, {file}
calls = dict(fsync=0, replace=0)

def killing(name, original):
    def call(*arguments):
        calls[name] += 1
        if STEP == "before " + name and calls[name] == FILE:
            os.kill(os.getpid(), signal.SIGKILL)
        original(*arguments)
        if STEP == "after " + name and calls[name] == FILE:
            os.kill(os.getpid(), signal.SIGKILL)
    return call

class Os:
    replace = staticmethod(killing("replace", os.replace))
    fsync = staticmethod(killing("fsync", os.fsync))

    def __getattr__(self, name):
        return getattr(os, name)

files.os = Os()
"""


@pytest.mark.parametrize(
    ("step", "file", "new"),
    [("before fsync", 1, 0), ("before replace", 1, 0), ("after replace", 1, 1), ("before replace", 2, 1)],
)
def test_a_baseline_is_the_old_or_the_new_one_wherever_the_write_is_killed(runs, step, file, new):
    both = ("--cnnperf-frameworks=fake,stuck", "--cnnperf-update")
    runs.suite.play()
    runs.suite.run(*both).assert_outcomes(passed=4)
    paths = runs.suite.baseline_files
    before = [path.read_text() for path in paths]
    conftest = (runs.root / "conftest.py").read_text()
    runs.suite.pytester.makeconftest(conftest + KILLER.format(step=step, file=file))
    runs.suite.play(workload_ns=3_000_000)
    assert runs.suite.run(*both).ret == -signal.SIGKILL
    runs.all_gone()
    after = [path.read_text() for path in paths]
    assert [one != other for one, other in zip(before, after, strict=True)] == [number < new for number in range(2)]
    assert all(len(json.loads(text)["entries"]) == 2 for text in after)
    # The next write is hindered by nothing and takes away what was left behind.
    runs.suite.pytester.makeconftest(conftest)
    runs.suite.run(*both).assert_outcomes(passed=4)
    assert [path.read_text() != text for path, text in zip(paths, before, strict=True)] == [True, True]
    assert {path.suffix for path in paths[0].parent.iterdir()} == {".json"}
