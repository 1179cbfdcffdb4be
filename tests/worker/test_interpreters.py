"""The worker under the real interpreters that frameworks need: the oldest, Theano's, and the newest."""

from __future__ import annotations

import os

import numpy as np
import pytest

from pytest_cnnperf.cases import Algorithm, Clock, Pass, Problem
from pytest_cnnperf.errors import NotOffered
from pytest_cnnperf.host import remote

PASSES = list(Pass)
SAME_3X3 = Problem(2, 3, 9, 10, 4, 3, 3, pad=1)
STRIDED = Problem(2, 4, 13, 12, 6, 3, 2, stride=(2, 3), pad=(0, 1), dilation=(2, 1), groups=2)


@pytest.fixture
def numpy_worker(interpreter, start):
    return start("numpy", command=interpreter.command, environment=interpreter.environment)


def test_the_worker_says_which_python_and_numpy_it_runs_under(interpreter, numpy_worker):
    hello = numpy_worker.hello
    assert hello["python"].startswith(interpreter.version + ".")
    assert hello["numpy"] == hello["version"]
    assert hello["framework"] == "numpy"
    assert hello["threads"] == 1
    assert hello["pid"] == numpy_worker.pid


def test_every_algorithm_and_pass_computes_what_the_definition_says(numpy_worker, case_of, operands_of, by_definition):
    asked = [
        (SAME_3X3, algorithm) for algorithm in (Algorithm.DIRECT, Algorithm.GEMM, Algorithm.FFT, Algorithm.WINOGRAD)
    ]
    for problem, algorithm in [*asked, (STRIDED, Algorithm.DIRECT), (STRIDED, Algorithm.GEMM)]:
        for pass_ in PASSES:
            case = case_of(problem, pass_, algorithm)
            operands = operands_of(case)
            prepared = remote.prepare(numpy_worker, case, operands, deadline_seconds=30)
            truth = by_definition(case, operands)
            # Sums of at most 2·9·10 products of integers up to 4 are exact in float32; transforms round.
            slack = 0 if algorithm in (Algorithm.DIRECT, Algorithm.GEMM) else 1e-5 * np.abs(truth).max()
            np.testing.assert_allclose(prepared.output, truth, rtol=0, atol=slack, err_msg=case.key)
            assert prepared.output.dtype == np.float32
            assert prepared.resolved.algorithm is algorithm


def test_a_timed_batch_has_one_pair_a_sample_and_the_flipped_output_is_the_exact_negative(
    numpy_worker, case_of, operands_of
):
    for clock in (Clock.PROCESS_CPU, Clock.WALL):
        case = case_of(SAME_3X3, Pass.FORWARD, Algorithm.GEMM, clock=clock)
        prepared = remote.prepare(numpy_worker, case, operands_of(case), deadline_seconds=30)
        timed = prepared.time(samples=3, warmup=1, repeats=2, control_units=1, clock=clock, flip=True)
        told = (timed.workload_ns, timed.control_ns, timed.wall_ns, timed.sweep_ns)
        assert [len(values) for values in told] == [3, 3, 3, 3]
        assert min(min(values) for values in told) > 0
        # Beside the CPU time of one core that is looked at.
        assert len(timed.probe_ns) == (3 if clock is Clock.PROCESS_CPU else 0)
        assert all(ns >= timed.quiet_ns > 0 for ns in timed.probe_ns)
        np.testing.assert_array_equal(prepared.last_output(), -prepared.output)


def test_what_the_framework_cannot_run_is_a_reason_and_the_worker_takes_the_next_case(
    numpy_worker, case_of, operands_of
):
    case = case_of(STRIDED, Pass.FORWARD, Algorithm.FFT)
    with pytest.raises(NotOffered, match=r"fft needs stride 1, got \(2, 3\)"):
        remote.prepare(numpy_worker, case, operands_of(case), deadline_seconds=30)
    case = case_of(STRIDED, Pass.FORWARD, Algorithm.GEMM)
    assert remote.prepare(numpy_worker, case, operands_of(case), deadline_seconds=30).output.shape == STRIDED.y_shape


def test_the_control_counts_the_same_work_under_every_interpreter(numpy_worker):
    assert numpy_worker.hello["control"] == "unfold1 cold2 thp apart"


def test_the_peak_of_this_process_is_a_rate(numpy_worker):
    rate = numpy_worker.request("peak", deadline_seconds=60).head["flops_per_second"]
    # From the slowest machine that ran this (a 2010 core under emulation) to the widest of today.
    assert 1e7 < rate < 1e14


def test_a_worker_is_pinned_before_it_imports_anything(start, tmp_path):
    cpu = min(os.sched_getaffinity(0))
    adapter = tmp_path / "where.py"
    adapter.write_text(
        "import os\nSEEN = sorted(os.sched_getaffinity(0))\n"
        "class Adapter:\n    def info(self):\n        return {'framework': 'where', 'seen': SEEN}\n"
        "    def close(self):\n        pass\n"
    )
    assert start(adapter, cpus=(cpu,)).hello["seen"] == [cpu]
