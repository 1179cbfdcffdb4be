"""The CUDA half of the JAX adapter on a made-up JAX: elapsed time, memory, compilations and kernels; and its offers."""

from __future__ import annotations

import importlib
import runpy
import sys
from types import ModuleType, SimpleNamespace

import pytest

from pytest_cnnperf.cases import Algorithm, Clock, DeviceKind, DType, Layout
from pytest_cnnperf.frameworks.jax import SPEC
from pytest_cnnperf.frameworks.spec import adapter_file
from pytest_cnnperf.worker import wire
from pytest_cnnperf.worker.adapters import kernel_names

XMMA = "sm90_xmma_fprop_implicit_gemm_f32f32_f32f32_f32_nhwckrsc_nchw"


@pytest.fixture
def jax():
    made_up = ModuleType("jax")
    made_up.__version__ = "0.11.0"
    made_up.lax = SimpleNamespace(Precision=SimpleNamespace(HIGHEST="highest", DEFAULT="default"))
    made_up.numpy = SimpleNamespace(float32="f4", bfloat16="bf16")
    made_up.devices = lambda kind: [kind]
    made_up.listeners = []
    made_up.monitoring = SimpleNamespace(register_event_duration_secs_listener=made_up.listeners.append)
    made_up.profiler = SimpleNamespace()
    return made_up


@pytest.fixture
def module(monkeypatch, jax):
    stand_ins = {"jax": jax, "jax.lax": jax.lax, "jax.numpy": jax.numpy, "wire": wire}
    for name in ("", ".adapters", ".cuda", ".sampler", ".cuda.ceilings", ".cuda.libraries", ".cuda.product"):
        stand_ins[f"cnnperf_worker{name}"] = importlib.import_module(f"pytest_cnnperf.worker{name}")
    stand_ins["cnnperf_worker.adapters.kernel_names"] = kernel_names
    stand_ins["cnnperf_worker.adapters.device_control"] = SimpleNamespace(DeviceControl=None)
    for name, stand_in in stand_ins.items():
        monkeypatch.setitem(sys.modules, name, stand_in)
    return SimpleNamespace(**runpy.run_path(str(adapter_file("jax_cuda"))))


@pytest.fixture
def cuda(module):
    log = []
    made = module.Cuda(control=SimpleNamespace(flush_and_wait=lambda: log.append("flush")))
    made.log = log
    return made


def test_a_sample_is_all_calls_until_the_last_is_done_behind_a_flush(cuda):
    adapter = SimpleNamespace(run=cuda.log.append, synchronize=lambda: cuda.log.append("wait"))

    assert cuda.sample(adapter, "call", 3, "wall") >= 0
    assert cuda.log == ["flush", "call", "call", "call", "wait"]


def test_clocks_of_a_device_are_not_offered(cuda):
    with pytest.raises(wire.NotOffered, match="clock wall, not device_cold"):
        cuda.sample(None, None, 1, "device_cold")


def test_without_a_gpu_a_case_is_not_offered_and_says_what_to_type(cuda, jax):
    def none(kind):
        raise RuntimeError("Unknown backend cuda")

    jax.devices = none
    with pytest.raises(wire.NotOffered, match=r"finds no GPU .*Unknown backend cuda.*CNNPERF_COMMAND_JAX"):
        cuda.begin()


def test_only_compilations_are_counted_among_jaxs_events(module, jax):
    count = module.CompilationCount()
    (heard,) = jax.listeners
    heard("/jax/core/compile/backend_compile_duration", 0.2, fun_name="convolution")
    heard("/jax/core/compile/jaxpr_trace_duration", 0.1)

    assert count.count == 1


def test_float32_is_strict_and_tf32_is_asked_for(module):
    assert module.PRECISIONS["float32"] == "highest"
    assert (module.TYPES["tf32"], module.PRECISIONS["tf32"]) == ("f4", "default")


def test_memory_is_what_the_program_says_of_itself(module):
    told = SimpleNamespace(temp_size_in_bytes=30, argument_size_in_bytes=100, output_size_in_bytes=20)

    assert module.memory(SimpleNamespace(memory_analysis=lambda: told)) == {
        "peak_bytes": 150,
        "workspace_bytes": 30,
    }
    assert module.memory(SimpleNamespace(memory_analysis=lambda: None)) is None


def plane(name, **lines):
    made = [
        SimpleNamespace(name=title.replace("_", " "), events=[SimpleNamespace(name=each) for each in names])
        for title, names in lines.items()
    ]
    return SimpleNamespace(name=name, lines=made)


def test_kernels_are_those_of_the_streams_of_gpus(module):
    planes = [
        plane("/host:CPU", Stream_1=["python"]),
        plane("/device:GPU:0", XLA_Ops=["cudnn-conv.1"], Stream_13=[XMMA, "MemcpyD2D"]),
    ]

    assert module.device_kernels(planes) == [XMMA, "MemcpyD2D"]


def test_where_profiles_cannot_be_read_the_library_that_the_program_calls_is_named(cuda):
    text = '%c = (f32[1], u8[0]) custom-call(%x, %w), custom_call_target="__cudnn$convForward"'
    handle = SimpleNamespace(program=SimpleNamespace(call=SimpleNamespace(as_text=lambda: text)))

    said = cuda.resolved(SimpleNamespace(run=None, synchronize=None), handle)

    assert (said["algorithm"], said["name"]) == (None, "__cudnn$convForward")


def test_a_gpu_is_offered_by_levels_of_autotuning_on_elapsed_time_only():
    offers = [offer for offer in SPEC.offers if offer.device_kind is DeviceKind.CUDA]

    assert [offer.options for offer in offers] == [(("autotune", "4"),), (("autotune", "0"),)]
    assert {offer.clocks for offer in offers} == {(Clock.WALL,)}
    assert {offer.algorithm for offer in offers} == {Algorithm.AUTO}
    assert offers[0].dtypes == (DType.FLOAT32, DType.TF32, DType.BFLOAT16)
    assert offers[0].layouts == (Layout.NCHW, Layout.NHWC)
    assert [offer.environment["XLA_FLAGS"] for offer in offers] == [
        "--xla_gpu_autotune_level=4",
        "--xla_gpu_autotune_level=0",
    ]


def test_programs_of_several_workers_share_a_gpu_and_leave_room_for_each_other():
    for offer in SPEC.offers:
        if offer.device_kind is DeviceKind.CUDA:
            assert offer.environment["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
            # Workers of both levels live at once; what one has taken it never gives back.
            assert 2 * float(offer.environment["XLA_PYTHON_CLIENT_MEM_FRACTION"]) < 0.75


def test_jax_is_held_to_the_cpu_for_cases_of_the_cpu_only():
    platforms = {offer.device_kind: {**SPEC.environment, **offer.environment}["JAX_PLATFORMS"] for offer in SPEC.offers}

    assert platforms == {DeviceKind.CPU: "cpu", DeviceKind.CUDA: "cuda"}
