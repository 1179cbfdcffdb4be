"""The CUDA half of the torch adapter on a made-up torch.cuda: order of flush, events and calls, graphs and memory."""

from __future__ import annotations

import importlib
import runpy
import sys
import weakref
from types import ModuleType, SimpleNamespace

import pytest

from pytest_cnnperf.frameworks.spec import adapter_file
from pytest_cnnperf.worker import wire
from pytest_cnnperf.worker.adapters import kernel_names
from pytest_cnnperf.worker.cuda import runtime

OPERANDS_BYTES, RESULT_BYTES, WORKSPACE_BYTES = 600, 100, 50
CUDA_PARTS = ("ceilings", "libraries", "product", "runtime")
CALL_MS, FLUSH_MS = 0.25, 5.0
WINOGRAD = "void cudnn::winograd_nonfused::winogradForwardData4x4<float, float>(int)"


class Device:
    """A GPU with a clock, an allocator and a log of what it was asked."""

    def __init__(self):
        self.log, self.now_ms, self.held, self.most, self.calls = [], 0.0, OPERANDS_BYTES, 0, 0
        self.kernels, self.is_available, self.capturing = [WINOGRAD, "sgemm"], True, None

    def call(self, *operands):
        self.calls += 1
        if self.capturing is not None:
            self.capturing.calls += 1
            return f"captured {self.calls}"
        self.log.append("call")
        self.now_ms += CALL_MS
        self.most = max(self.most, self.held + RESULT_BYTES + WORKSPACE_BYTES)
        return f"result {self.calls}"

    def flush(self, stream):
        self.log.append(f"flush {stream}")
        self.now_ms += FLUSH_MS


class Event:
    def __init__(self, device):
        self.device = device

    def record(self):
        self.device.log.append("event")
        self.at_ms = self.device.now_ms

    def elapsed_time(self, end):
        return end.at_ms - self.at_ms


class Graph:
    def __init__(self, device):
        self.device, self.calls = device, 0

    def replay(self):
        self.device.log.append(f"replay {self.calls}")
        self.device.now_ms += self.calls * CALL_MS

    def __enter__(self):
        self.device.capturing = self

    def __exit__(self, *error):
        self.device.capturing = None


class Profile:
    def __init__(self, device):
        self.device = device

    def __enter__(self):
        self.device.log.append("profile")
        return self

    def __exit__(self, *error):
        pass

    def events(self):
        on_host = SimpleNamespace(name="cudaLaunchKernel", device_type="cpu")
        return [on_host, *(SimpleNamespace(name=name, device_type="cuda") for name in self.device.kernels)]


class OutOfMemory(RuntimeError):
    """As torch.OutOfMemoryError, which is no MemoryError."""


def made_up_torch(device):
    torch = ModuleType("torch")
    torch.__version__, torch.version = "2.11.0", SimpleNamespace(cuda="13.0")
    torch.cuda = SimpleNamespace(
        OutOfMemoryError=OutOfMemory,
        is_available=lambda: device.is_available,
        synchronize=lambda: None,
        current_stream=lambda: SimpleNamespace(cuda_stream=7),
        Event=lambda enable_timing: Event(device),
        CUDAGraph=lambda: Graph(device),
        graph=lambda graph: graph,
        empty_cache=lambda: device.log.append("empty"),
        reset_peak_memory_stats=lambda: setattr(device, "most", device.held),
        max_memory_allocated=lambda: device.most,
        memory_allocated=lambda: device.held + RESULT_BYTES,
    )
    torch.profiler = SimpleNamespace(
        ProfilerActivity=SimpleNamespace(CUDA="cuda"), profile=lambda activities: Profile(device)
    )
    torch.autograd = SimpleNamespace(DeviceType=SimpleNamespace(CUDA="cuda"))
    torch._dynamo = SimpleNamespace(reset=lambda: device.log.append("reset"))

    def compiled(call, fullgraph, dynamic):
        device.log.append("compile")
        return call

    torch.compile = compiled
    return torch


@pytest.fixture
def device():
    return Device()


@pytest.fixture
def module(monkeypatch, device):
    stand_ins = {"torch": made_up_torch(device), "wire": wire}
    for name in ("", ".adapters", ".cuda", ".sampler", *(f".cuda.{part}" for part in CUDA_PARTS)):
        stand_ins[f"cnnperf_worker{name}"] = importlib.import_module(f"pytest_cnnperf.worker{name}")
    stand_ins["cnnperf_worker.adapters.kernel_names"] = kernel_names
    for name, stand_in in stand_ins.items():
        monkeypatch.setitem(sys.modules, name, stand_in)
    control = ModuleType("cnnperf_worker.adapters.device_control")
    vars(control).update(runpy.run_path(str(adapter_file("device_control"))))
    monkeypatch.setitem(sys.modules, control.__name__, control)
    return SimpleNamespace(**runpy.run_path(str(adapter_file("torch_cuda"))))


@pytest.fixture
def cuda(module, device):
    return module.Cuda(control=SimpleNamespace(flush=device.flush, version="made up"))


def handle_of(device, **case):
    case = SimpleNamespace(**{"text": "forward/auto/nchw/n1", "dtype": "float32", "options": {}, **case})
    return SimpleNamespace(case=case, call=device.call, operands=("x", "w"), result=None, graphs={})


def test_a_cold_sample_flushes_before_each_call_and_outside_of_its_events(cuda, device):
    took_ns = cuda.sample(handle_of(device), 2, "device_cold")

    assert device.log == ["flush 7", "event", "call", "event"] * 2
    assert took_ns == 2 * CALL_MS * 1e6


def test_a_hot_sample_replays_one_graph_of_all_calls_after_a_replay_that_is_not_counted(cuda, device):
    handle = handle_of(device)

    assert [cuda.sample(handle, 3, "device_hot") for _ in range(2)] == [3 * CALL_MS * 1e6] * 2
    assert device.log == ["replay 3", "event", "replay 3", "event"] * 2
    assert device.calls == 3, "captured once"
    assert handle.result == "captured 3", "the result that the replays write"


def test_a_hot_result_is_that_of_the_graph_whatever_ran_in_between(cuda, device):
    handle = handle_of(device)
    cuda.sample(handle, 2, "device_hot")
    handle.result = "of a warm-up"
    cuda.sample(handle, 2, "device_hot")

    assert handle.result == "captured 2"


def test_the_workspace_is_what_one_more_call_needs_beside_what_stays(cuda, device):
    handle = handle_of(device)
    cuda.begin()
    device.most = 5000  # the first call, which searched for an algorithm

    assert cuda.memory(handle) == {"peak_bytes": 5000, "workspace_bytes": WORKSPACE_BYTES}
    assert handle.result == "result 1"


def test_a_released_case_holds_nothing_of_the_device_that_other_workers_need(cuda, device):
    handle = handle_of(device)
    cuda.sample(handle, 2, "device_hot")
    cuda.release(handle)

    assert (handle.operands, handle.absent, handle.result, handle.graphs) == ((), (), None, {})
    assert handle.call is None
    assert device.log[-1] == "empty"


def test_too_little_memory_is_a_hole_with_its_numbers_and_the_case_lets_go_of_all(cuda, device):
    class Tensor:
        pass

    def half_way():
        half = Tensor()
        alive.append(weakref.ref(half))
        raise OutOfMemory(
            "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.11 GiB of which 1.20 GiB "
            "is free. Of the allocated memory 70 GiB is allocated by PyTorch. If reserved but unallocated ..."
        )

    handle, alive = handle_of(device), []
    with (
        pytest.raises(
            wire.NotOffered, match=r"auto/nchw/n1: .* 2.00 GiB.* 1.20 GiB is free.; next: a smaller"
        ) as raised,
        cuda.refusing(handle),
    ):
        half_way()

    assert raised.value.__cause__ is not None
    assert alive[0]() is None, "held by the frames of the error"
    assert (handle.operands, handle.call) == ((), None)
    assert device.log == ["empty"]


def test_another_failure_is_left_as_it_is(cuda, device):
    with pytest.raises(RuntimeError, match="illegal memory access"), cuda.refusing(handle_of(device)):
        raise RuntimeError("illegal memory access")


def test_a_control_that_the_device_cannot_hold_is_a_hole(module):
    def make():
        raise runtime.OutOfDeviceMemory("out of device memory: 268435456 bytes asked for the flush")

    with pytest.raises(wire.NotOffered, match="the control of the GPU: out of device memory: 268435456 bytes"):
        module.DeviceControl(make=make).nanoseconds(1, "device_cold")


def test_kernels_are_seen_once_for_each_case_and_variant(cuda, device):
    seen = cuda.kernels(handle_of(device))
    cuda.kernels(handle_of(device))
    cuda.kernels(handle_of(device, options={"benchmark": "on"}))

    assert seen["algorithm"] == "winograd"
    assert seen["name"] == "cudnn::winograd_nonfused::winogradForwardData4x4 + sgemm"
    assert device.log.count("profile") == 2


def test_where_the_profiler_sees_nothing_nothing_is_said(cuda, device):
    device.kernels = []

    assert cuda.kernels(handle_of(device)) is None


def test_a_call_is_compiled_and_run_before_it_is_the_first_and_once_for_all_rounds_of_a_case(cuda, device):
    one, other = handle_of(device).case, handle_of(device, text="backward_data/auto/nchw/n1").case

    for case in (one, one, other):
        cuda.compile(case, device.call, ("x", "w"))

    assert device.log == ["reset", "compile", "call", "call", "reset", "compile", "call"]


def test_without_a_gpu_a_case_is_not_offered_and_says_what_to_type(cuda, device):
    device.is_available = False

    with pytest.raises(wire.NotOffered, match=r"torch 2.11.0 \(CUDA 13.0\) finds no GPU .*; next: python -c"):
        cuda.begin()


def test_compilations_are_dynamos_and_it_is_not_loaded_to_count_none(module, monkeypatch):
    monkeypatch.delitem(sys.modules, "torch._dynamo.utils", raising=False)
    assert module.compilations() == 0

    utils = ModuleType("torch._dynamo.utils")
    utils.counters = {"stats": {"unique_graphs": 3}}
    monkeypatch.setitem(sys.modules, "torch._dynamo.utils", utils)
    assert module.compilations() == 3


def test_the_control_on_elapsed_time_is_put_on_the_device_at_once_and_waited_for(module):
    log = []
    clock = SimpleNamespace(cpu_ns=lambda: 0, wall_ns=iter((1000, 7000)).__next__)
    runtime = SimpleNamespace(synchronize=lambda: log.append("wait"))
    flush = SimpleNamespace(run=lambda stream: log.append(f"flush {stream}"))
    timer = SimpleNamespace(runtime=runtime, flush=flush, stream=5)
    timed = SimpleNamespace(enqueue=lambda: log.append("product"))
    product = SimpleNamespace(timer=timer, timed=timed, nanoseconds=lambda units, on: (units, on))
    control = module.DeviceControl(make=lambda: product, clock=clock)

    assert control.nanoseconds(2, "wall") == 6000
    assert log == ["flush 5", "wait", "product", "product", "wait"]
    assert control.nanoseconds(2, "device_hot") == (2, "device_hot")
