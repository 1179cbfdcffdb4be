"""The adapter of cuDNN from prepare to the last output, on a model of CUDA's libraries."""

from __future__ import annotations

import ctypes
from dataclasses import replace

import numpy as np
import pytest

from pytest_cnnperf.cases import Algorithm, Case, Clock, DeviceKind, DType, Layout, Pass, Problem
from pytest_cnnperf.worker.cuda import ceilings
from pytest_cnnperf.worker.cuda.calls import CallFailed
from pytest_cnnperf.worker.cuda.runtime import NoDevice
from pytest_cnnperf.worker.cudnn.algorithms import ALGORITHMS
from pytest_cnnperf.worker.wire import NotOffered

SQUARE = Problem(2, 4, 7, 6, 6, 3, 3, pad=1)
UNEVEN = Problem(2, 4, 15, 14, 6, 5, 3, stride=(2, 1), pad=(1, 0), dilation=(1, 2), groups=2)
WAYS = [(pass_, *way, *named) for pass_, ways in ALGORITHMS.items() for way, named in ways.items()]


def case_of(algorithm=Algorithm.GEMM, pass_=Pass.FORWARD, problem=SQUARE, **more):
    cuda = {"device_kind": DeviceKind.CUDA, "clock": Clock.DEVICE_COLD, **more}
    return Case("cudnn", "convolution", "custom", "layer", problem, pass_, algorithm, **cuda)


@pytest.fixture
def prepared(adapter, as_sent, operands_of):
    """Prepares a case on a fresh device and runs it once, as the worker's loop does."""

    def prepare(case, **device):
        made = adapter(**device)
        handle = made.prepare(as_sent(case), operands_of(case))
        made.run(handle)
        made.synchronize()
        return made, handle

    return prepare


@pytest.mark.parametrize(("pass_", "algorithm", "variant", "number", "name"), WAYS)
def test_every_algorithm_of_every_pass_runs_under_its_own_number(
    prepared, operands_of, by_definition, pass_, algorithm, variant, number, name
):
    options = (("variant", variant),) if variant else ()
    case = case_of(Algorithm(algorithm), Pass(pass_), options=options)

    adapter, handle = prepared(case)

    assert np.array_equal(adapter.output(handle), by_definition(case, operands_of(case)))
    assert adapter.gpu.log[-1].split()[1] == str(number)
    assert adapter.resolved(handle) == {
        "algorithm": algorithm,
        "name": f"cuDNN {name} FMA_MATH",
        "tile": None,
        "workspace_bytes": 1000 * number,  # as the model scripts it
    }


@pytest.mark.parametrize(
    ("algorithm", "number", "kernel", "word", "told"),
    [
        (Algorithm.GEMM, 2, "_ZN5cudnn15im2col_and_gemmEv", "gemm", "cudnn::im2col_and_gemm"),
        # A tile is not in the name of its kernel.
        (Algorithm.FFT_TILING, 5, "_ZN5cudnn15fft2d_r2c_32x32Ev", "fft_tiling", "cudnn::fft2d_r2c_32x32"),
        # One kind of product is named like another.
        (Algorithm.DIRECT, 3, "implicit_convolve_sgemm", "direct", "implicit_convolve_sgemm"),
        (Algorithm.FFT, 4, "implicit_convolve_sgemm", "implicit_gemm", "implicit_convolve_sgemm"),
        (Algorithm.GEMM, 2, "winograd_nonfused", "winograd", "winograd_nonfused"),
        (Algorithm.FFT, 4, "whatever", "fft", "whatever"),
    ],
)
def test_kernels_are_named_and_one_of_another_family_is_a_fallback_in_sight(
    prepared, algorithm, number, kernel, word, told
):
    adapter, handle = prepared(case_of(algorithm), names={f"Forward {number}": kernel})
    del adapter.gpu.log[:]

    resolved = adapter.resolved(handle)

    assert resolved["name"].endswith(f" FMA_MATH: {told}")
    assert resolved["algorithm"] == word
    assert adapter.gpu.log == []  # it was captured, and did not run
    assert not adapter.gpu.graphs


def test_where_nothing_can_be_captured_kernels_stay_unnamed(prepared):
    adapter, handle = prepared(case_of(), names={"Forward 2": "im2col"}, can_capture=False)

    assert adapter.resolved(handle)["name"] == "cuDNN GEMM FMA_MATH"


@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("pass_", Pass)
def test_stride_pad_dilation_and_groups_reach_cudnn_in_both_layouts(
    prepared, operands_of, by_definition, pass_, layout
):
    case = case_of(Algorithm.AUTO, pass_, UNEVEN, layout=layout, options=(("choice", "heuristic"),))

    adapter, handle = prepared(case)

    assert np.array_equal(adapter.output(handle), by_definition(case, operands_of(case)))


@pytest.mark.parametrize(
    ("choice", "name", "word"),
    # The model's heuristic likes low numbers, its search high ones: 7 is the last of the forward pass.
    [("heuristic", "IMPLICIT_GEMM", "implicit_gemm"), ("search", "WINOGRAD_NONFUSED", "winograd")],
)
def test_what_cudnn_chose_is_told(prepared, operands_of, by_definition, choice, name, word):
    case = case_of(Algorithm.AUTO, options=(("choice", choice),))

    adapter, handle = prepared(case)

    resolved = adapter.resolved(handle)
    assert resolved["name"] == f"cuDNN {name} FMA_MATH by its {choice}"
    assert resolved["algorithm"] == word
    assert np.array_equal(adapter.output(handle), by_definition(case, operands_of(case)))


@pytest.mark.parametrize("choice", ["heuristic", "search"])
def test_a_choice_passes_over_what_is_not_supported(prepared, choice):
    only_two = [("Forward", number) for number in range(8) if number != 2]

    adapter, handle = prepared(case_of(Algorithm.AUTO, options=(("choice", choice),)), unsupported=only_two)

    assert adapter.resolved(handle)["algorithm"] == "gemm"


def test_where_nothing_is_supported_the_hole_names_every_status(prepared):
    everything = [("Forward", number) for number in range(8)]

    with pytest.raises(NotOffered, match=r"finds no algorithm: IMPLICIT_GEMM CUDNN_STATUS_NOT_SUPPORTED, .*, WINOGRAD"):
        prepared(case_of(Algorithm.AUTO, options=(("choice", "heuristic"),)), unsupported=everything)


def test_a_search_leaves_out_what_does_not_fit_beside_the_operands(prepared):
    # Free beside the control and the operands are 5 kB: of the scripted 1000 bytes a number, 90 % hold 4000.
    case = case_of(Algorithm.AUTO, options=(("choice", "search"),))
    first, handle = prepared(case)
    taken = sum(size for size, _ in first.gpu.blocks.values()) - handle.workspace.size_bytes

    adapter, handle = prepared(case, total_bytes=taken + 5000)

    assert adapter.resolved(handle)["algorithm"] == "fft"
    assert adapter.resolved(handle)["workspace_bytes"] == 4000


def test_what_cudnn_does_not_support_is_a_hole_with_its_status_and_costs_no_memory(adapter, as_sent, operands_of):
    case = case_of(Algorithm.WINOGRAD)
    made = adapter(unsupported=[("Forward", 6)])
    made.prepare(as_sent(case_of()), operands_of(case_of())).close()
    before = made.gpu.free_bytes()

    with pytest.raises(NotOffered, match=r"cuDNN WINOGRAD: .*WorkspaceSize: CUDNN_STATUS_NOT_SUPPORTED \(3000\)"):
        made.prepare(as_sent(case), operands_of(case))

    assert made.gpu.free_bytes() == before


@pytest.mark.parametrize("dtype", [DType.FLOAT32, DType.TF32])
def test_float32_is_strict_and_tf32_may_use_tensor_cores(prepared, as_sent, by_definition, dtype):
    case = case_of(Algorithm.IMPLICIT_GEMM, dtype=dtype, options=(("variant", "precomp"),))
    adapter, handle = prepared(case)
    # 1 + 2**-12 has no place in ten bits of mantissa; twelve of them are in float32's 23.
    x, w = np.full(SQUARE.x_shape, 1 + 2**-12, np.float32), np.ones(SQUARE.w_shape, np.float32)

    adapter.fill(handle, {"x": x, "w": w})
    adapter.run(handle)

    exact = by_definition(case, {"x": x, "w": w})
    assert np.array_equal(adapter.output(handle), exact) is (dtype is DType.FLOAT32)
    expected = "FMA_MATH" if dtype is DType.FLOAT32 else "TENSOR_OP_MATH"
    assert adapter.resolved(handle)["name"] == f"cuDNN IMPLICIT_PRECOMP_GEMM {expected}"


def test_a_tf32_choice_runs_with_the_math_that_cudnn_told_for_it(prepared):
    # The model says that its first one needs no tensor cores: DEFAULT_MATH.
    adapter, handle = prepared(case_of(Algorithm.AUTO, dtype=DType.TF32, options=(("choice", "heuristic"),)))

    assert adapter.resolved(handle)["name"] == "cuDNN IMPLICIT_GEMM DEFAULT_MATH by its heuristic"


def test_a_search_is_made_once_in_a_process_for_each_type_and_math_is_set_again(adapter, as_sent, operands_of):
    made, searches = adapter(), []
    name = "cudnnFindConvolutionForwardAlgorithmEx"
    search = made.cudnn.calls.functions[name]
    made.cudnn.calls.functions[name] = lambda *given: searches.append(name) or search(*given)
    strict = case_of(Algorithm.AUTO, options=(("choice", "search"),))

    names = []
    for asked in (strict, replace(strict, dtype=DType.TF32), strict, replace(strict, dtype=DType.TF32)):
        handle = made.prepare(as_sent(asked), operands_of(asked))
        names.append(made.resolved(handle)["name"].split()[2])
        made.release(handle)

    assert names == ["FMA_MATH", "DEFAULT_MATH"] * 2
    assert len(searches) == 2


def test_a_tensor_of_more_than_two_giga_elements_is_a_hole_that_leaves_nothing_behind(adapter, as_sent, operands_of):
    # cudnnSetTensor4dDescriptor answers NOT_SUPPORTED for such; here for any.
    made = adapter()
    made.cudnn.calls.functions["cudnnSetTensor4dDescriptor"] = lambda *given: 3002

    with pytest.raises(NotOffered, match=r"cudnnSetTensor4dDescriptor: .*3002"):
        made.prepare(as_sent(case_of()), operands_of(case_of()))

    assert not made.library.described


def test_a_call_that_leaves_out_its_result_gives_no_number(adapter, as_sent, operands_of):
    made = adapter()
    handle = made.prepare(as_sent(case_of()), operands_of(case_of()))

    assert np.isnan(made.output(handle)).all()


@pytest.mark.parametrize("pass_", Pass)
@pytest.mark.parametrize("layout", Layout)
def test_negating_on_the_device_negates_the_next_output(prepared, pass_, layout):
    case = case_of(Algorithm.AUTO, pass_, UNEVEN, layout=layout, options=(("choice", "heuristic"),))
    adapter, handle = prepared(case)
    before = adapter.output(handle)

    adapter.negate(handle)
    adapter.run(handle)

    assert np.array_equal(adapter.output(handle), -before)
    assert before.any()


def test_a_cold_sample_is_the_time_between_events_without_the_flush(prepared, model):
    adapter, handle = prepared(case_of())
    del adapter.gpu.log[:]

    assert adapter.device_sample(handle, 3, "device_cold") == 3 * model.CONVOLUTION_NS["cold"]
    assert adapter.gpu.log == ["flush", "Forward 2"] * 3


def test_a_hot_sample_is_one_replayed_graph_on_a_warm_cache(prepared, model):
    adapter, handle = prepared(case_of())
    adapter.device_control(1, "device_cold")
    del adapter.gpu.log[:]

    assert adapter.device_sample(handle, 3, "device_hot") == 3 * model.CONVOLUTION_NS["hot"]
    assert adapter.gpu.log == ["Forward 2"] * 7  # one before the capture, and one replay before the timed one
    assert adapter.device_sample(handle, 3, "device_hot") == 3 * model.CONVOLUTION_NS["hot"]
    assert len(handle.timed.graphs) == 1


def test_a_graph_reads_the_operands_of_its_replay_and_not_of_its_capture(prepared):
    adapter, handle = prepared(case_of())
    before = adapter.output(handle)
    adapter.device_sample(handle, 2, "device_hot")

    adapter.negate(handle)
    adapter.device_sample(handle, 2, "device_hot")

    assert np.array_equal(adapter.output(handle), -before)


def test_what_cannot_be_captured_is_a_hole_and_the_stream_goes_on(prepared, model):
    adapter, handle = prepared(case_of(), can_capture=False)

    with pytest.raises(NotOffered, match=r"device_hot: cuDNN GEMM cannot be captured: .*cudaErrorStreamCaptureUnsupp"):
        adapter.device_sample(handle, 2, "device_hot")
    assert not adapter.gpu.is_failed
    assert adapter.device_sample(handle, 1, "device_cold") == model.CONVOLUTION_NS["cold"]


def test_a_call_that_fails_only_under_capture_is_a_hole_too(prepared, model):
    adapter, handle = prepared(case_of())
    name = "cudnnConvolutionForward"
    forward = adapter.cudnn.calls.functions[name]
    # As cuDNN answers where it has to allocate or to wait.
    adapter.cudnn.calls.functions[name] = lambda *given: 5003 if adapter.gpu.capturing else forward(*given)

    with pytest.raises(NotOffered, match=r"device_hot: cuDNN GEMM cannot be captured: cudnnConvolutionForward: .*5003"):
        adapter.device_sample(handle, 2, "device_hot")
    assert adapter.device_sample(handle, 1, "device_cold") == model.CONVOLUTION_NS["cold"]


def test_the_control_is_timed_beside_and_has_a_version(prepared, model):
    adapter, _ = prepared(case_of())

    assert adapter.device_control(2, "device_cold") == 2 * model.PRODUCT_NS["cold"]
    assert adapter.device_control(2, "device_hot") == 2 * model.PRODUCT_NS["hot"]
    assert "sgemm2048" in adapter.device_control_version


def test_memory_is_operands_result_and_workspace(prepared):
    adapter, handle = prepared(case_of())
    problem = SQUARE
    values = sum(int(np.prod(shape)) for shape in (problem.x_shape, problem.w_shape, problem.y_shape))

    assert adapter.memory(handle) == {"peak_bytes": 4 * values + 2000, "workspace_bytes": 2000}


def test_a_released_case_leaves_nothing_on_the_device(adapter, as_sent, operands_of):
    made, case = adapter(), as_sent(case_of())
    made.prepare(case, operands_of(case_of())).close()
    before = made.gpu.free_bytes()
    handle = made.prepare(case, operands_of(case_of()))
    made.device_sample(handle, 2, "device_hot")

    made.release(handle)

    assert made.gpu.free_bytes() == before
    assert not made.gpu.graphs
    assert not made.library.described


@pytest.mark.parametrize(("total", "purpose"), [(1 << 20, "x"), (1000, "the workspace of cuDNN FFT_TILING")])
def test_out_of_device_memory_is_a_hole_with_what_was_asked_and_what_is_free(
    prepared, adapter, as_sent, operands_of, total, purpose
):
    large = Problem(64, 64, 32, 32, 64, 3, 3, pad=1)  # x alone is 16 MiB
    case = case_of(Algorithm.FFT_TILING, problem=large if purpose == "x" else SQUARE)
    first, handle = prepared(case_of(Algorithm.FFT_TILING))
    kept = sum(size for size, _ in first.gpu.blocks.values()) - handle.workspace.size_bytes
    left = total if purpose == "x" else 1000

    made = adapter(total_bytes=kept + left)
    with pytest.raises(
        NotOffered, match=rf"out of device memory: \d+ bytes asked for {purpose}, \d+ of {kept + left} f"
    ):
        made.prepare(as_sent(case), operands_of(case))

    assert not made.gpu.is_failed  # a framework that looks next must not take the failure for its own


@pytest.mark.parametrize("place", range(5))
def test_a_start_that_finds_too_little_memory_is_a_hole_that_leaves_nothing_behind(
    adapter, as_sent, operands_of, place
):
    # The flush, then what the control holds: two operands, its result and its workspace.
    names = [
        "the flush of the cache",
        *["the operands of the control"] * 2,
        "the result of",
        "the workspace of the con",
    ]
    side = 4 * 8 * 8
    sizes = [256 << 20, side, side, side, 32 << 20]
    made = adapter(total_bytes=sum(sizes[: place + 1]) - 1)

    with pytest.raises(NotOffered, match=rf"cuDNN forward.*: out of device memory: \d+ bytes asked for {names[place]}"):
        made.prepare(as_sent(case_of()), operands_of(case_of()))

    assert not made.gpu.blocks
    assert list(made.gpu.waiting) == [0]  # the stream that every device has
    assert not made.library.handles
    assert made.device is None


def test_cublas_without_memory_for_its_handle_is_a_hole_too(adapter, as_sent, operands_of):
    made = adapter()
    made.cublas.cublasCreate_v2 = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(lambda out: 3)

    with pytest.raises(NotOffered, match=r"out of device memory: cuBLAS cannot allocate .*, \d+ of \d+ free; next: a"):
        made.prepare(as_sent(case_of()), operands_of(case_of()))

    assert not made.gpu.blocks
    assert not made.library.handles


def test_ceilings_without_memory_for_their_second_block_give_the_first_back(adapter):
    made = adapter()
    made._start()
    made.gpu.total_bytes -= made.gpu.free_bytes() - (800 << 20)  # one block of 512 MiB, not two
    before = made.gpu.free_bytes()

    with pytest.raises(NotOffered, match=r"the peaks of the GPU: out of device memory: .* for the measurement of"):
        made.device_peaks()

    assert made.gpu.free_bytes() == before


def test_without_a_driver_the_error_says_so_and_what_to_type(adapter, as_sent, operands_of):
    made = adapter(has_driver=False)

    with pytest.raises(NoDevice, match=r"cudaErrorInsufficientDriver \(35\): .*insufficient.*; next: nvidia-smi"):
        made.prepare(as_sent(case_of()), operands_of(case_of()))


def test_its_info_needs_no_driver(adapter):
    assert adapter(has_driver=False).info() == {
        "framework": "cudnn",
        "version": "9.28.1",
        "libraries": {"cuda": "13.0"},
    }
    assert adapter().info()["libraries"] == {"cuda": "13.0", "cuda driver": "13.1"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"device_kind": DeviceKind.CPU}, "convolutions on one GPU only, got convolution on cpu1"),
        ({"device_count": 2}, "on cuda2"),
        ({"dtype": DType.FLOAT64}, "dtype float64; offered: float32, tf32"),
        ({"options": (("variant", "fused"),)}, "no gemm variant=fused for forward; it has: direct, fft, "),
        ({"options": (("choice", "search"),)}, "gemm has the option variant, not choice"),
        ({"algorithm": Algorithm.AUTO}, "chooses by choice=heuristic or choice=search; got choice=nothing"),
    ],
)
def test_what_it_does_not_have_is_said(adapter, as_sent, operands_of, change, why):
    case = replace(case_of(), **change)

    with pytest.raises(NotOffered, match=why):
        adapter().prepare(as_sent(case), operands_of(case))


def test_a_failure_that_is_no_hole_keeps_its_status(prepared):
    adapter, handle = prepared(case_of())
    handle.workspace.size_bytes = 1
    handle.timed.enqueue = handle.convolution.call(2, handle.addresses, handle.workspace)

    with pytest.raises(CallFailed, match=r"cudnnConvolutionForward: CUDNN_STATUS_BAD_PARAM \(2000\)"):
        adapter.run(handle)


def test_its_peaks_are_those_of_the_scripted_product_and_copy(adapter, model, monkeypatch):
    monkeypatch.setattr(ceilings, "_SIDE", 64)

    flops, copied = adapter().device_peaks()

    # 2 * 64**3 operations in 0.3 ms; 512 MiB read and as many written in 0.2 ms.
    assert flops == pytest.approx(2 * 64**3 / (model.PRODUCT_NS["hot"] * 1e-9))
    assert copied == pytest.approx(2 * (512 << 20) / (model.COPY_NS * 1e-9))
