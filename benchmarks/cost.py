"""The plugin's own cost, as ratios of two things measured in one run, interleaved; `tox run -e benchmarks`.

Four questions, each with the ratio that it must not exceed:

1. a test's own cost (session time less the timed samples) beside pytest-benchmark's, with as many samples
2. checking a large case (AlexNet conv2, batch 128) beside measuring it
3. collecting 10 000 cases beside plain `pytest.mark.parametrize` of the same size
4. (asserted in tests/) no framework is imported by the pytest process
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TESTS = 40
SAMPLES = 20
CALL_SECONDS = 0.001

OURS = f"""
import time
import pytest

def busy():
    end = time.process_time() + {CALL_SECONDS}
    while time.process_time() < end:
        pass

@pytest.mark.cnnperf(min_samples={SAMPLES // 2}, max_seconds=60)
@pytest.mark.parametrize("n", range({TESTS}))
def test_busy(cnnperf, n):
    outcome = cnnperf.time(busy)
    print("samples", outcome.samples)
"""

THEIRS = f"""
import time
import pytest

def busy():
    end = time.process_time() + {CALL_SECONDS}
    while time.process_time() < end:
        pass

@pytest.mark.parametrize("n", range({TESTS}))
def test_busy(benchmark, n):
    benchmark.pedantic(busy, rounds={SAMPLES}, iterations=1, warmup_rounds=2)
"""

PLAIN = """
import pytest

CASES = ["-".join(map(str, ("plain", "convolution", number, "forward", "gemm", "float32"))) for number in range(10_000)]

@pytest.mark.parametrize("case", CASES)
def test_plain(case):
    pass
"""

MANY = """
import pytest
from pytest_cnnperf.cases import Problem
from pytest_cnnperf.cases.networks import Layer, Network

LAYERS = tuple(Layer(f"layer{number}", Problem(1, 8, 9 + number, 9, 8, 3, 3)) for number in range(3334))

@pytest.mark.cnnperf_convolutions(Network("many", title="Many", dense=(), layers=LAYERS, source="made up"))
def test_many(cnnperf, case):
    cnnperf.check(case)
"""


@dataclass(frozen=True)
class Question:
    """Two things to do, and how many times the second's seconds the first may take."""

    name: str
    ours: Callable[[], float]
    theirs: Callable[[], float]
    at_most: float


def pytest_seconds(source: str, *arguments: str) -> float:
    """Wall seconds of one pytest process on one file."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_it.py").write_text(source)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", folder]
        started = time.perf_counter()
        subprocess.run([*command, *arguments, folder], check=True, stdout=subprocess.DEVNULL, cwd=folder)
        return time.perf_counter() - started


def own_cost() -> float:
    """Seconds per test of our plugin beyond the timed calls and the control beside them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out.json"
        samples = ("-p", "no:benchmark", f"--cnnperf-json={path}")
        total = pytest_seconds(OURS.replace("max_seconds=60", "max_seconds=60"), *samples)
        outcomes = json.loads(path.read_text())["outcomes"]
    empty = pytest_seconds("def test_nothing(): pass", "-p", "no:benchmark")
    timed = sum(outcome["samples"] * (CALL_SECONDS + outcome["control_total_ns"] * 1e-9) for outcome in outcomes)
    return (total - empty - timed) / TESTS


def their_cost() -> float:
    """Seconds per test of pytest-benchmark beyond the timed calls."""
    total = pytest_seconds(THEIRS, "-p", "no:cnnperf", "--benchmark-disable-gc")
    empty = pytest_seconds("def test_nothing(): pass", "-p", "no:cnnperf")
    return (total - empty - TESTS * (SAMPLES + 2) * CALL_SECONDS) / TESTS
