"""The slowed adapter under the real interpreters that frameworks need, on clocks that it cannot hurry."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pytest_cnnperf.cases import Algorithm, Clock, Pass, Problem
from pytest_cnnperf.errors import WorkerRefused
from pytest_cnnperf.host import remote

PROBLEM = Problem(2, 3, 9, 10, 4, 3, 3, pad=1)
# Its clock goes on by a microsecond with every reading and by a millisecond with every run.
TICKING = """
import numpy as np

class Clock:
    def __init__(self):
        self.now = 0

    def cpu_ns(self):
        self.now += 1000
        return self.now

    wall_ns = cpu_ns

    def kernel(self):
        return 0, 0

CLOCK = Clock()

class Adapter:
    def clock(self):
        return CLOCK

    def info(self):
        return {"framework": "ticking", "version": "1", "libraries": {}}

    def prepare(self, case, arrays):
        assert "slowed" not in case.options
        return case

    def fill(self, handle, arrays):
        pass

    def run(self, handle):
        CLOCK.now += 1000000

    def synchronize(self):
        pass

    def output(self, handle):
        return np.zeros(handle.y_shape, np.float32)

    def resolved(self, handle):
        return {"algorithm": handle.algorithm, "name": "ticking", "tile": None, "workspace_bytes": 0}

    def close(self):
        pass
"""


@pytest.fixture
def start_slowed(interpreter, start):
    def start_before(adapter, **variables):
        environment = {**interpreter.environment, "CNNPERF_SLOWED": str(adapter), **variables}
        return start("slowed", command=interpreter.command, environment=environment)

    return start_before


def timed(worker, case, operands):
    prepared = remote.prepare(worker, case, operands, deadline_seconds=30)
    return prepared.time(samples=4, warmup=1, repeats=2, control_units=1, clock=Clock.PROCESS_CPU, flip=False)


@pytest.mark.parametrize(("slowed", "factor"), [("0.02", 1.02), ("0.2", 1.2), (None, 1.0)])
def test_a_real_clock_is_burned_until_the_part_is_gone(start_slowed, case_of, operands_of, tmp_path, slowed, factor):
    adapter = tmp_path / "ticking.py"
    adapter.write_text(TICKING)
    case = case_of(PROBLEM, options=(("slowed", slowed),) if slowed else ())
    workload_ns = timed(start_slowed(adapter), case, operands_of(case)).workload_ns
    # A few readings of a microsecond each come on top.
    assert all(factor * 1_000_000 <= ns <= factor * 1_000_000 + 6_000 for ns in workload_ns)


def test_a_scripted_clock_is_put_forward_and_one_process_serves_slowed_and_unchanged_cases(
    start_slowed, case_of, operands_of, tmp_path
):
    script = tmp_path / "script.json"
    default = {"workload_ns": 2_000_000, "control_ns": 1_000_000, "sweep_ns": 3_000_000}
    script.write_text(json.dumps({"default": default}))
    worker = start_slowed(remote_adapter("fake"), CNNPERF_FAKE_SCRIPT=str(script))
    for slowed, expected_ns in (("0.05", 2_100_000), (None, 2_000_000), ("0.1", 2_200_000)):
        case = case_of(PROBLEM, options=(("slowed", slowed),) if slowed else ())
        told = timed(worker, case, operands_of(case))
        # What is burned is the workload's alone.
        assert (set(told.workload_ns), set(told.control_ns), set(told.sweep_ns)) == (
            {expected_ns},
            {1_000_000},
            {3_000_000},
        )


def test_the_results_are_those_of_the_adapter_behind(start_slowed, case_of, operands_of, by_definition):
    case = case_of(PROBLEM, Pass.FORWARD, Algorithm.GEMM, options=(("slowed", "0.1"),))
    worker = start_slowed(remote_adapter("numpy"))
    assert worker.hello["framework"] == "numpy"
    prepared = remote.prepare(worker, case, operands_of(case), deadline_seconds=30)
    np.testing.assert_array_equal(prepared.output, by_definition(case, operands_of(case)))


def test_a_framework_that_is_not_there_is_refused_with_its_own_words(start_slowed, tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text("import no_such_framework\n")
    with pytest.raises(WorkerRefused, match="no_such_framework"):
        start_slowed(broken)


def remote_adapter(name):
    from pytest_cnnperf.frameworks.spec import adapter_file

    return adapter_file(name)
