"""The plugin's own cost, as ratios of two things measured in one run, interleaved; `tox run -e benchmarks`.

Three questions, each with the ratio that it must not exceed (exit code 1 if it does):

1. a test's own cost (all that is not timing, and what it adds to the end of the session) beside pytest-benchmark's,
   with as many samples
2. the check of a large case (AlexNet conv2, batch 128) beside measuring it
3. collecting 10 000 cases beside plain `pytest.mark.parametrize` of the same size

That no framework is imported by the pytest process is asserted in tests/plugin.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from pytest_cnnperf.cases import CONVOLUTION, Algorithm, Case, Pass
from pytest_cnnperf.cases.networks import ALEXNET
from pytest_cnnperf.frameworks.registry import builtin
from pytest_cnnperf.run import Run, run_case
from pytest_cnnperf.run.question import Question, Questions
from pytest_cnnperf.settings import QUICK, Settings, Timing

TESTS, SAMPLES = 60, 24
REPEATS = 3
OWN = "own seconds of a test:"
END = "seconds at the end:"
# What a test adds to the end of a session is seen between sessions of so many tests.
FEW = 10

# Tests of both plugins by turns in one session. What both are given to time reads 32 MB, as a convolution does:
# whatever follows it, of either plugin, finds cold caches. The seconds inside are not the plugin's own cost; of ours
# the first call, the control, the eviction and the warm-up are timing too: a number is not comparable without them.
BY_TURNS = """
import time
import numpy as np
import pytest
import pytest_cnnperf.host.inprocess as inprocess

inside = [0.0]
memory = np.ones(8 << 20, np.float32)

def counted(method):
    def wrapper(*arguments):
        started = time.perf_counter()
        try:
            return method(*arguments)
        finally:
            inside[0] += time.perf_counter() - started
    return wrapper

inprocess.Pairs.time = counted(inprocess.Pairs.time)
inprocess.Pairs.estimate = counted(inprocess.Pairs.estimate)
begin = inprocess.InProcess.__init__

def begun(source, *arguments, **keywords):
    begin(source, *arguments, **keywords)
    inside[0] += source.first_call_ns / 1e9

inprocess.InProcess.__init__ = begun
busy_and_counted = counted(memory.max)

def make(number):
    @pytest.mark.cnnperf(min_samples={samples}, max_seconds=10)
    def ours(cnnperf):
        assert cnnperf.time(memory.max).samples >= {samples}

    def theirs(benchmark):
        benchmark.pedantic(busy_and_counted, rounds={samples}, iterations=1)

    return {{f"test_{{number:03}}_ours": ours, f"test_{{number:03}}_theirs": theirs}}

for number in range({tests}):
    globals().update(make(number))
"""

# Own is what is not inside timing, of everything that pytest does for a test, and of the end of the session.
COUNTING = f"""
import time
import pytest

own = {{"ours": [], "theirs": []}}

def outside(test_it):
    return time.perf_counter() - test_it.inside[0]

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    began = outside(item.module)
    result = yield
    own[item.name.rpartition("_")[2]].append(outside(item.module) - began)
    return result

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish():
    began = time.perf_counter()
    result = yield
    print("\\n{END}", time.perf_counter() - began)
    return result

def pytest_unconfigure():
    if own["ours"] and own["theirs"]:
        for ours, theirs in zip(own["ours"], own["theirs"], strict=True):
            print("{OWN}", ours, theirs)
"""

PLAIN = """
import pytest

CASES = ["-".join(("plain", "convolution", str(number), "forward", "gemm", "float32")) for number in range(10_000)]

@pytest.mark.parametrize("case", CASES)
def test_plain(case):
    pass
"""

TABLE = """
import pytest
from pytest_cnnperf.cases import Problem
from pytest_cnnperf.cases.networks import Layer, Network

LAYERS = tuple(Layer(f"layer{number}", Problem(1, 8, 9 + number, 9, 8, 3, 3)) for number in range(257))

@pytest.mark.cnnperf_convolutions(Network("many", title="Many", layers=LAYERS, dense=(), source="made up"))
def test_many(cnnperf, case):
    cnnperf.check(case)
"""


@dataclass(frozen=True)
class Comparison:
    """Seconds of ours and of theirs, taken by turns, and how many times theirs ours may take."""

    name: str
    ours: Callable[[], float]
    theirs: Callable[[], float]
    at_most: float

    def ratio(self) -> float:
        """The median of the ratios of interleaved pairs."""
        return statistics.median(self.ours() / self.theirs() for _ in range(REPEATS))


def pytest_run(source: str, *arguments: str, conftest: str = "") -> tuple[float, str]:
    """Wall seconds and output of one pytest process on one file."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_it.py").write_text(source)
        (Path(folder) / "conftest.py").write_text(conftest)
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-s",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:hypothesispytest",
            "-c",
            "/dev/null",
            "--rootdir",
            folder,
        ]
        # As a user has it: pytest compiles a plugin's modules once, not at the end of every session.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        started = time.perf_counter()
        done = subprocess.run(
            [*command, *arguments, folder], check=True, capture_output=True, text=True, cwd=folder, env=environment
        )
        return time.perf_counter() - started, done.stdout


def own_cost() -> float:
    """Own seconds of one test of ours ÷ one of pytest-benchmark's, the median of pairs that follow each other."""
    _, output = pytest_run(BY_TURNS.format(tests=TESTS, samples=SAMPLES), conftest=COUNTING)
    pairs = [line.rpartition(":")[2].split() for line in output.splitlines() if OWN in line]
    at_end = [seconds_at_end(side) for side in ("ours", "theirs")]
    ours, theirs = ([float(pair[side]) + at_end[side] for pair in pairs] for side in (0, 1))
    print(
        f"{1e3 * statistics.median(ours):.2f} ms beside {1e3 * statistics.median(theirs):.2f} ms, "
        f"of them {1e3 * at_end[0]:.2f} and {1e3 * at_end[1]:.2f} ms at the end",
        flush=True,
    )
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def seconds_at_end(side: str) -> float:
    """What a test of ours or theirs adds to the end of a session that has no others.

    One difference of two sessions: 10 us off, of 50 and 150, where the machine is quiet.
    """
    seconds = {}
    for tests in (FEW, FEW + TESTS):
        source = BY_TURNS.format(tests=tests, samples=SAMPLES)
        _, output = pytest_run(source, "-k", side, conftest=COUNTING)
        seconds[tests] = next(float(line.rpartition(":")[2]) for line in output.splitlines() if END in line)
    return (seconds[FEW + TESTS] - seconds[FEW]) / TESTS


def collecting(source: str) -> float:
    """Seconds to collect a file of 10 000 tests or a few more."""
    seconds, output = pytest_run(source, "--collect-only", "-p", "no:benchmark")
    count = int(output.rpartition(" tests collected")[0].split()[-1])
    assert 10_000 <= count <= 10_200, f"{count} tests collected; adjust the number of layers"
    return seconds


def check_beside_measuring(batch: int = 128) -> float:
    """Seconds of making references and judging outputs, as a fraction of the rest of a large case."""
    problem = ALEXNET["conv2"].problem.with_batch(batch)
    case = Case("torch", CONVOLUTION, "alexnet", "conv2", problem, Pass.FORWARD, Algorithm.DIRECT)
    checking = [0.0]

    def counted(method: Callable[..., object]) -> Callable[..., object]:
        def wrapper(*arguments: object, **keywords: object) -> object:
            started = time.perf_counter()
            try:
                return method(*arguments, **keywords)
            finally:
                checking[0] += time.perf_counter() - started

        return wrapper

    run = Run(Settings(preset=QUICK), builtin())
    timing = Timing(QUICK.max_seconds, QUICK.min_samples, QUICK.max_samples, threshold=0.05)
    with (
        mock.patch.object(Question, "check", counted(Question.check)),
        mock.patch.object(Questions, "ask", counted(Questions.ask)),
    ):
        outcome = run_case(run, case, timing, nodeid="benchmark")
    run.close()
    assert outcome.correct, outcome.detail
    return checking[0] / (outcome.duration_seconds - checking[0])


def main() -> int:
    """Print every ratio beside its limit."""
    comparisons = (
        Comparison("own cost of a test ÷ pytest-benchmark's", own_cost, lambda: 1.0, 1.2),
        Comparison("check of AlexNet conv2 at batch 128 ÷ measuring it", check_beside_measuring, lambda: 1.0, 0.25),
        Comparison(
            "collecting 10 000 cases ÷ plain parametrize", lambda: collecting(TABLE), lambda: collecting(PLAIN), 3.0
        ),
    )
    exceeded = False
    for comparison in comparisons:
        ratio = comparison.ratio()
        exceeded |= ratio > comparison.at_most
        print(f"{comparison.name}: {ratio:.2f} (at most {comparison.at_most})", flush=True)
    return int(exceeded)


if __name__ == "__main__":
    sys.exit(main())
