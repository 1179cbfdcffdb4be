"""What cuDNN is asked for: its algorithms by name, and the holes that its documentation leaves."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from types import ModuleType

import pytest

from pytest_cnnperf.cases import Algorithm, Case, DeviceKind, DType, Layout, Pass, Problem
from pytest_cnnperf.frameworks import builtin, hole
from pytest_cnnperf.frameworks.locating import is_findable, why_missing
from pytest_cnnperf.worker.cudnn.algorithms import ALGORITHMS
from pytest_cnnperf.worker.cudnn.convolutions import MATH

SPEC = builtin().get("cudnn")
SQUARE = Problem(2, 8, 13, 13, 8, 3, 3, pad=1)


def why_not(algorithm, pass_=Pass.FORWARD, problem=SQUARE, *, layout=Layout.NCHW, dtype=DType.FLOAT32, **option):
    case = Case(
        "cudnn",
        "convolution",
        "custom",
        "layer",
        problem,
        pass_,
        algorithm,
        dtype=dtype,
        layout=layout,
        device_kind=DeviceKind.CUDA,
        options=tuple(option.items()),
    )
    return hole(SPEC, case)


def test_each_of_the_papers_algorithms_is_offered_forward():
    for algorithm, variant in ALGORITHMS["forward"]:
        assert why_not(Algorithm(algorithm), **({"variant": variant} if variant else {})) is None


def test_offers_and_the_workers_table_are_the_same():
    offered = {
        (pass_.value, offer.algorithm.value, dict(offer.options).get("variant", ""))
        for offer in SPEC.offers
        if offer.algorithm is not Algorithm.AUTO
        for pass_ in offer.passes
    }
    table = {(pass_, *way) for pass_, ways in ALGORITHMS.items() for way in ways}

    assert offered == table
    assert {dtype.value for offer in SPEC.offers for dtype in offer.dtypes} == set(MATH)


@pytest.mark.parametrize("choice", ["heuristic", "search"])
@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("pass_", Pass)
def test_both_choices_are_offered_for_any_problem(choice, layout, pass_):
    awkward = Problem(2, 8, 15, 15, 16, 3, 2, stride=(3, 2), pad=(3, 1), dilation=(2, 1), groups=2)

    assert why_not(Algorithm.AUTO, pass_, awkward, layout=layout, choice=choice) is None


@pytest.mark.parametrize("algorithm", [Algorithm.GEMM, Algorithm.DIRECT])
@pytest.mark.parametrize("pass_", [Pass.BACKWARD_DATA, Pass.BACKWARD_FILTER])
def test_gemm_and_direct_have_no_gradients(algorithm, pass_):
    # cudnn_ops.h 9.28: neither enumeration of the gradients has them.
    assert why_not(algorithm, pass_) == (
        f"cuDNN names {algorithm} for the forward pass only; its gradients have implicit_gemm"
    )


@pytest.mark.parametrize(
    ("algorithm", "problem", "reason"),
    [
        (Algorithm.FFT, replace(SQUARE, pad=3), "pads below the filter's size, got pad 3x3 for 3x3"),
        (Algorithm.FFT, replace(SQUARE, stride=2), "fft needs stride 1"),
        # 255 + 2 pixels of padding: one more than a transform of 256 takes.
        (Algorithm.FFT, replace(SQUARE, w=255), "up to 256 pixels a side, got 257; ask for fft_tiling"),
        (Algorithm.FFT_TILING, replace(SQUARE, pad=(0, 3)), "pads below the filter's size"),
        (Algorithm.FFT_TILING, replace(SQUARE, h=64, r=33), "needs a kernel of at most|filters up to 32 pixels"),
        (Algorithm.WINOGRAD, replace(SQUARE, r=5, s=5), "filters of 3x3 here, got 5x5"),
        (Algorithm.WINOGRAD, replace(SQUARE, dilation=2), "winograd needs dilation 1"),
    ],
)
def test_a_shape_that_the_documentation_excludes_is_a_hole_before_it_is_tried(algorithm, problem, reason):
    assert re.search(reason, why_not(algorithm, problem=problem) or "")


def test_the_unfused_winograd_takes_5x5_and_the_gradient_of_the_filter_and_the_fused_neither():
    five = replace(SQUARE, r=5, s=5)

    assert why_not(Algorithm.WINOGRAD, problem=five, variant="nonfused") is None
    assert why_not(Algorithm.WINOGRAD, Pass.BACKWARD_FILTER, variant="nonfused") is None
    assert "has not implemented fused Winograd" in why_not(Algorithm.WINOGRAD, Pass.BACKWARD_FILTER)
    assert "got 7x7" in why_not(Algorithm.WINOGRAD, problem=replace(SQUARE, r=7, s=7), variant="nonfused")


def test_tf32_is_offered_where_cudnn_has_tensor_cores():
    assert why_not(Algorithm.IMPLICIT_GEMM, dtype=DType.TF32, variant="precomp") is None
    assert "dtype tf32" in why_not(Algorithm.FFT, dtype=DType.TF32)
    assert "dtype tf32" in why_not(Algorithm.IMPLICIT_GEMM, dtype=DType.TF32)


def test_transforms_are_offered_in_nchw_and_implicit_gemm_in_both():
    assert why_not(Algorithm.IMPLICIT_GEMM, layout=Layout.NHWC) is None
    assert why_not(Algorithm.FFT, layout=Layout.NHWC) == "cuDNN offers fft in nchw, not in nhwc"


def test_on_the_cpu_there_is_none_of_it():
    case = Case("cudnn", "convolution", "custom", "layer", SQUARE, Pass.FORWARD, Algorithm.GEMM)

    assert hole(SPEC, case) == "cuDNN offers gemm on cuda, not on cpu"


@pytest.fixture
def wheels(monkeypatch, tmp_path):
    """A folder on the path in which other wheels of NVIDIA's lie, but not cuDNN's."""
    (tmp_path / "nvidia" / "cu13" / "lib").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "nvidia", raising=False)
    is_findable.cache_clear()
    yield tmp_path / "nvidia"
    is_findable.cache_clear()


def test_it_is_missing_where_only_other_wheels_of_nvidia_are(wheels):
    assert why_missing(SPEC) == (
        "cuDNN is not installed here (no module nvidia.cudnn); next: "
        "python -m pip install nvidia-cudnn-cu13 nvidia-cuda-runtime"
    )


def test_it_is_found_by_its_folder_and_nothing_is_imported(wheels):
    (wheels / "cudnn" / "lib").mkdir(parents=True)

    assert why_missing(SPEC) is None
    assert "nvidia" not in sys.modules


def test_below_a_package_with_code_nothing_is_looked_for(monkeypatch):
    is_findable.cache_clear()

    assert is_findable("json.no_such_part")
    monkeypatch.setitem(sys.modules, "cnnperf_without_spec", ModuleType("cnnperf_without_spec"))
    assert is_findable("cnnperf_without_spec.anything")
