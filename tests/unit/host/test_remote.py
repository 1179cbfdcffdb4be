"""Answers of a worker are validated before anybody believes them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pytest_cnnperf.cases import Algorithm, Case, Clock, DeviceKind, Pass, Problem
from pytest_cnnperf.errors import InvalidProblem, WorkerFailed
from pytest_cnnperf.frameworks.resolved import Resolved
from pytest_cnnperf.host import remote
from pytest_cnnperf.host.process import Answer

CASE = Case(
    "fake", "convolution", "custom", "layer", Problem(1, 1, 3, 3, 1, 3, 3, pad=(1, 0)), Pass.FORWARD, Algorithm.GEMM
)
RESOLVED = {"algorithm": "gemm", "name": "sgemm", "tile": None, "workspace_bytes": 12}
PREPARED = {"resolved": RESOLVED, "first_call_ns": 4_000_000_000, "first_call_cpu_ns": 1}
OUTPUT = {"output": np.zeros((1, 1, 3, 1), np.float32)}
TIMED = {name: np.array([5, 6], np.int64) for name in ("workload_ns", "control_ns", "wall_ns")}
PLAN = {"samples": 2, "warmup": 3, "repeats": 4, "control_units": 5, "clock": Clock.WALL, "flip": True}


class ScriptedWorker:
    """Answers every request as it was told, and keeps what it was asked."""

    def __init__(self, **answers):
        self.answers = {"prepare": (PREPARED, OUTPUT), "release": ({}, {}), **answers}
        self.asked = []
        self.hello, self.alive, self.has_timed = {"control": "blend1"}, True, False
        self.subject = ""

    def request(self, name, arrays=None, *, deadline_seconds, **fields):
        self.asked.append((name, deadline_seconds, fields))
        return Answer(*self.answers[name])

    def failure(self, name, why, *, seconds=None):
        return WorkerFailed(f"{self.subject}, {name}: {why}")


def prepared(**answers):
    worker = ScriptedWorker(**answers)
    return remote.prepare(worker, CASE, {}, deadline_seconds=10), worker


def test_the_case_travels_as_a_flat_object():
    _, worker = prepared()
    assert worker.asked[0][2]["case"] == {
        "workload": "convolution", "pass": "forward", "algorithm": "gemm", "dtype": "float32", "layout": "nchw",
        "device_kind": "cpu", "device_count": 1, "threads": 1, "options": {},
        "n": 1, "c": 1, "h": 3, "w": 3, "k": 1, "r": 3, "s": 3, "groups": 1,
        "stride": [1, 1], "pad": [1, 0], "dilation": [1, 1],
    }  # fmt: skip


def test_a_case_without_a_problem_cannot_be_sent():
    case = Case("python", "callable", "custom", "test_it", None, None, None)
    with pytest.raises(InvalidProblem, match="needs a problem, a pass and an algorithm"):
        remote.to_wire(case)


def test_a_prepared_case_says_what_ran():
    case, _ = prepared()
    assert case.resolved == Resolved(Algorithm.GEMM, "sgemm", None, 12)
    assert (case.first_call_ns, case.control, case.flips) == (4_000_000_000, "blend1", True)
    assert case.output is OUTPUT["output"]


@pytest.mark.parametrize("clock", [Clock.DEVICE_COLD, Clock.DEVICE_HOT, Clock.WALL])
def test_a_case_of_a_gpu_has_the_control_of_that_device(clock):
    worker = ScriptedWorker()
    worker.hello = {"control": "blend1", "device_control": "product1"}
    on_device = replace(CASE, device_kind=DeviceKind.CUDA, clock=clock)

    assert remote.prepare(worker, on_device, {}, deadline_seconds=10).control == "product1"
    assert remote.prepare(worker, CASE, {}, deadline_seconds=10).control == "blend1"


def test_a_worker_without_a_devices_control_has_none_for_it():
    worker = ScriptedWorker()
    worker.hello = {"control": "blend1", "device_control": None}

    on_device = replace(CASE, device_kind=DeviceKind.CUDA, clock=Clock.DEVICE_COLD)

    assert remote.prepare(worker, on_device, {}, deadline_seconds=10).control == ""


@pytest.mark.parametrize("word", [None, "unknown"])
def test_an_algorithm_that_could_not_be_observed_is_none(word):
    case, _ = prepared(prepare=({**PREPARED, "resolved": {"algorithm": word}}, OUTPUT))
    assert case.resolved == Resolved(None, "unknown", None, None)


def test_deadlines_grow_with_what_is_known_of_the_duration():
    case, worker = prepared(
        estimate=({"workload_ns": 1_000_000_000, "control_ns": 100_000_000}, {}), time=({}, TIMED), output=({}, OUTPUT)
    )
    assert case.estimate(Clock.WALL) == (1_000_000_000, 100_000_000)
    case.time(**PLAN)
    case.last_output()
    deadlines = {name: seconds for name, seconds, _ in worker.asked}
    # The 10 s given, and ten times: two calls of 4 s; (3 + 2·4) calls of 1 s and (3 + 2·5) control units of 0.1 s.
    assert deadlines == pytest.approx(
        {"prepare": 10, "estimate": 10 + 10 * 2 * 4, "time": 10 + 10 * (11 + 1.3), "output": 10}
    )


def test_a_timed_batch_is_asked_as_planned_and_comes_back_as_whole_numbers():
    case, worker = prepared(time=({}, TIMED))
    timed = case.time(**PLAN)
    assert worker.asked[-1][2] == {**PLAN, "clock": "wall"}
    assert timed.workload_ns == timed.control_ns == timed.wall_ns == (5, 6)
    assert all(type(value) is int for value in timed.workload_ns)
    assert timed.sweep_ns == ()


def test_the_looks_at_the_core_come_back_where_the_worker_tells_them():
    case, _ = prepared(time=({"quiet_ns": 6}, {**TIMED, "probe_ns": np.array([7, 8], np.int64)}))
    timed = case.time(**PLAN)
    assert (timed.probe_ns, timed.quiet_ns) == ((7, 8), 6)
    blind, _ = prepared(time=({}, TIMED))
    timed = blind.time(**PLAN)
    assert (timed.probe_ns, timed.quiet_ns) == ((), 0)


@pytest.mark.parametrize("quiet", [None, -1, 0.5, "short"])
def test_a_quiet_look_of_no_length_cannot_be_used(quiet):
    case, _ = prepared(time=({"quiet_ns": quiet}, TIMED))
    with pytest.raises(WorkerFailed, match=f"quiet_ns={quiet!r}; expected a whole number"):
        case.time(**PLAN)


def test_the_sweeps_come_back_where_the_worker_tells_them():
    case, _ = prepared(time=({}, {**TIMED, "sweep_ns": np.array([7, 8], np.int64)}))
    timed = case.time(**PLAN)
    assert timed.sweep_ns == (7, 8)
    assert all(type(value) is int for value in timed.sweep_ns)


@pytest.mark.parametrize(
    ("head", "arrays", "told"),
    [
        ({**PREPARED, "resolved": "gemm"}, OUTPUT, "resolved='gemm'; expected an object"),
        (
            {**PREPARED, "resolved": {"algorithm": "magic"}},
            OUTPUT,
            "resolved algorithm 'magic'; expected one of auto, direct",
        ),
        ({**PREPARED, "resolved": {**RESOLVED, "workspace_bytes": -1}}, OUTPUT, "workspace_bytes=-1"),
        ({**PREPARED, "first_call_ns": 0.5}, OUTPUT, "first_call_ns=0.5; expected a whole number"),
        ({**PREPARED, "first_call_ns": float("nan")}, OUTPUT, "first_call_ns=nan"),
        ({**PREPARED, "first_call_ns": True}, OUTPUT, "first_call_ns=True"),
        ({"resolved": RESOLVED}, OUTPUT, "first_call_ns=None"),
        (PREPARED, {}, "array 'output' is missing"),
        (PREPARED, {"output": np.zeros(3, np.int64)}, "array 'output' is int64; expected floating point"),
    ],
)
def test_a_first_answer_that_cannot_be_used_names_the_case(head, arrays, told):
    with pytest.raises(WorkerFailed, match="its answer cannot be used") as caught:
        prepared(prepare=(head, arrays))
    assert told in str(caught.value)
    assert CASE.key in str(caught.value)


UNUSABLE = [
    (np.array([5, 6, 7], np.int64), r"int64 of shape \(3,\)"),
    (np.array([[5, 6]], np.int64), r"int64 of shape \(1, 2\)"),
    (np.array([5.0, np.nan]), "float64"),
    (np.array([5, -6], np.int64), r"\[5, -6\]"),
]


@pytest.mark.parametrize(
    ("name", "array", "told"),
    [
        *((name, None, "nothing; expected 2 int64") for name in TIMED),
        *((name, *each) for name in (*TIMED, "sweep_ns") for each in UNUSABLE),
    ],
)
def test_samples_that_cannot_be_used_are_a_failure(name, array, told):
    arrays = {key: value for key, value in {**TIMED, name: array}.items() if value is not None}
    case, _ = prepared(time=({}, arrays))
    with pytest.raises(WorkerFailed, match=f"array '{name}' is .*{told}"):
        case.time(**PLAN)


def test_an_estimate_that_is_no_number_is_a_failure():
    case, _ = prepared(estimate=({"workload_ns": "fast", "control_ns": 1}, {}))
    with pytest.raises(WorkerFailed, match="workload_ns='fast'"):
        case.estimate(Clock.WALL)


def test_a_released_case_is_no_longer_the_workers_subject():
    case, worker = prepared()
    assert worker.subject == f"case {CASE.key}"
    case.release()
    assert worker.subject == ""
    case.release()
    assert [name for name, _, _ in worker.asked] == ["prepare", "release"]
