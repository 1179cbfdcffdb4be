"""What a worker answers of a device: its clocks, memory and peaks, its own negation, and compiling while timed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pytest_cnnperf.cases import Clock, DeviceKind, Problem
from pytest_cnnperf.errors import NotOffered, Recompiled
from pytest_cnnperf.host import remote
from pytest_cnnperf.host.remote import Peak, to_wire
from pytest_cnnperf.worker import loop, wire

PROBLEM = Problem(1, 2, 6, 6, 3, 3, 3)
PLAN = {"samples": 2, "warmup": 1, "repeats": 3, "control_units": 2, "clock": Clock.DEVICE_COLD, "flip": True}
SCRIPT = {"workload_ns": [9000, 1000, 3000], "control_ns": 500}


@pytest.fixture
def prepare(case_of, operands_of, start_fake):
    def prepared(clock=Clock.DEVICE_COLD, device_kind=DeviceKind.CUDA, **script):
        case = replace(case_of(PROBLEM), device_kind=device_kind, clock=clock)
        worker = start_fake(**{**SCRIPT, **script})
        return remote.prepare(worker, case, operands_of(case), deadline_seconds=20.0)

    return prepared


@pytest.mark.parametrize("clock", [Clock.DEVICE_COLD, Clock.DEVICE_HOT, Clock.WALL])
def test_a_device_is_timed_by_its_adapter_beside_the_control_of_that_device(prepare, clock):
    case = prepare(clock)

    # The first call took 9000, the warm-up 1000; of the cycle 3000, 9000, 1000 each sample has all three.
    timed = case.time(**{**PLAN, "clock": clock})

    assert case.control == "fake device1"
    assert timed.workload_ns == (13000 // 3, 13000 // 3)
    assert timed.control_ns == (500, 500)


def test_several_threads_of_a_cpu_keep_their_own_control_on_elapsed_time(prepare):
    case = prepare(Clock.WALL, DeviceKind.CPU)

    assert case.control == "fake1"
    assert case.time(**{**PLAN, "clock": Clock.WALL}).control_ns == (500, 500)


@pytest.mark.parametrize("clock", [Clock.PROCESS_CPU, Clock.WALL])
def test_a_script_with_a_sweep_tells_the_time_of_each_and_leaves_the_samples_as_they_are(prepare, clock):
    plain, swept = (prepare(clock, DeviceKind.CPU, **more) for more in ({}, {"sweep_ns": [70, 80]}))
    without, timed = (case.time(**{**PLAN, "clock": clock}) for case in (plain, swept))
    assert (without.sweep_ns, timed.sweep_ns) == ((), (70, 80))
    assert (timed.workload_ns, timed.control_ns) == (without.workload_ns, without.control_ns)


def test_a_scripted_core_is_looked_at_around_each_sample(prepare):
    case = prepare(Clock.PROCESS_CPU, DeviceKind.CPU, probe_ns=[1700, 1800, 1900, 1000, 1000, 1100])
    timed = case.time(**{**PLAN, "clock": Clock.PROCESS_CPU})
    assert (timed.probe_ns, timed.quiet_ns) == ((1900, 1100), 1000)
    blind = prepare(Clock.PROCESS_CPU, DeviceKind.CPU).time(**{**PLAN, "clock": Clock.PROCESS_CPU})
    assert (blind.probe_ns, blind.quiet_ns) == ((), 0)


@pytest.mark.parametrize("clock", [Clock.DEVICE_HOT, Clock.WALL])
def test_beside_elapsed_time_and_on_a_device_no_core_is_looked_at(prepare, clock):
    device_kind = DeviceKind.CPU if clock is Clock.WALL else DeviceKind.CUDA
    timed = prepare(clock, device_kind, probe_ns=1000).time(**{**PLAN, "clock": clock})
    assert (timed.probe_ns, timed.quiet_ns) == ((), 0)


@pytest.mark.parametrize("clock", [Clock.DEVICE_COLD, Clock.DEVICE_HOT, Clock.WALL])
def test_a_device_is_swept_by_its_adapter_and_tells_no_sweep(prepare, clock):
    assert prepare(clock, sweep_ns=70).time(**{**PLAN, "clock": clock}).sweep_ns == ()


def test_device_memory_and_the_time_of_preparation_stand_beside_the_first_call(prepare):
    case = prepare(memory={"peak_bytes": 4096, "workspace_bytes": 1024})

    assert (case.resolved.peak_bytes, case.resolved.workspace_bytes) == (4096, 1024)
    assert (case.prepare_ns, case.first_call_ns) == (0, 9000), "a scripted preparation takes no time"


def test_without_memory_of_a_device_the_workspace_is_what_the_adapter_resolved(prepare):
    assert (prepare().resolved.peak_bytes, prepare().resolved.workspace_bytes) == (None, 0)


@pytest.mark.parametrize("clock", [Clock.DEVICE_COLD, Clock.PROCESS_CPU])
def test_a_warm_up_call_may_compile(prepare, clock):
    # Call 0 is the first, 1 the warm-up.
    prepare(clock, compiles_at=[0, 1]).time(**{**PLAN, "clock": clock})


@pytest.mark.parametrize("clock", [Clock.DEVICE_COLD, Clock.PROCESS_CPU])
@pytest.mark.parametrize("call", [2, 7])
def test_a_timed_call_may_not(prepare, clock, call):
    case = prepare(clock, compiles_at=[call])

    with pytest.raises(Recompiled, match="compiled or searched for an algorithm 1 times in timed calls"):
        case.time(**{**PLAN, "clock": clock})

    assert case.worker.alive
    case.time(**{**PLAN, "clock": clock})


def test_a_worker_tells_the_peaks_of_its_device(start_fake):
    worker = start_fake(flops_per_second=2e12, bytes_per_second=3e11)

    assert remote.peak(worker, DeviceKind.CUDA) == Peak(2e12, 3e11)


def test_an_adapter_without_peaks_of_a_device_says_so(start):
    with pytest.raises(NotOffered, match="does not measure the peak of its device"):
        remote.peak(start("numpy"), DeviceKind.CUDA)


class Negating:
    """An adapter that doubles its operand, and negates it where it lies."""

    device_control_version = "none"

    def info(self):
        return {"framework": "negating", "version": "1", "libraries": {}}

    def prepare(self, case, arrays):
        return {"x": arrays["x"].copy(), "fills": 0}

    def fill(self, handle, arrays):
        handle.update(x=arrays["x"], fills=handle["fills"] + 1)

    def negate(self, handle):
        handle["x"] *= -1

    def run(self, handle):
        handle["y"] = handle["x"] * 2

    def synchronize(self):
        pass

    def output(self, handle):
        return handle["y"]

    def resolved(self, handle):
        return {"algorithm": None, "name": "twice", "tile": None, "workspace_bytes": None}

    def device_sample(self, handle, repeats, clock):
        self.run(handle)
        return repeats

    def device_control(self, units, clock):
        return units


@pytest.mark.parametrize(("device_kind", "fills"), [(DeviceKind.CUDA, 0), (DeviceKind.CPU, 1)])
def test_what_a_device_can_negate_is_neither_kept_nor_sent_again(case_of, operands_of, device_kind, fills):
    case = replace(case_of(PROBLEM), device_kind=device_kind)
    operands = operands_of(case)
    answering = loop.Loop(Negating)
    answering.answer({"request": "hello", "wire": wire.WIRE_VERSION}, {})
    answering.answer({"request": "prepare", "case": to_wire(case)}, operands)

    asked = {"request": "time", "samples": 1, "warmup": 0, "repeats": 1, "control_units": 1, "flip": True}
    answering.answer({**asked, "clock": "device_cold"}, {})
    _, arrays = answering.answer({"request": "output"}, {})

    assert np.array_equal(arrays["output"], -2 * operands["x"])
    assert answering.prepared.handle["fills"] == fills
    assert (answering.prepared.arrays is None) is (not fills)
