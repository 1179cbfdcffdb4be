"""Why a case is not offered: one sentence, the most specific there is."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from pytest_cnnperf.cases import Algorithm, Case, DeviceKind, DType, Layout, Pass, Problem
from pytest_cnnperf.cases.networks import ALEXNET
from pytest_cnnperf.frameworks import Offer, builtin, hole, tensorflow
from pytest_cnnperf.frameworks.cpu import avx512_in

SAME = Problem(1, 64, 28, 28, 64, 3, 3, pad=1)
LAYERS = {layer.name: layer.problem for layer in ALEXNET.layers}
F, D, W = Pass


def why(framework, algorithm, pass_=F, problem=SAME, layout=None, **more):
    spec = builtin().get(framework)
    layouts = [offer.layouts[0] for offer in spec.offers if offer.algorithm is algorithm] or [Layout.NCHW]
    return hole(
        spec,
        Case(framework, "convolution", "n", "l", problem, pass_, algorithm, layout=layout or layouts[0], **more),
    )


@pytest.fixture(autouse=True)
def _a_cpu_with_avx512(monkeypatch):
    monkeypatch.setattr(tensorflow, "has_avx512", lambda: True)


@pytest.mark.parametrize(
    ("framework", "algorithm", "asked", "reason"),
    [
        ("tensorflow", Algorithm.FFT, {}, "TensorFlow has no FFT convolution on the CPU"),
        ("numpy", Algorithm.AUTO, {}, "could choose"),
        ("torch", Algorithm.FFT, {"problem": LAYERS["conv1"]}, "fft needs stride 1, got 4"),
        ("numpy", Algorithm.WINOGRAD, {"problem": LAYERS["conv1"]}, "winograd needs stride 1, got 4"),
        ("numpy", Algorithm.FFT, {"problem": Problem(1, 4, 8, 8, 4, 3, 3, groups=2)}, "fft needs groups 1, got 2"),
        ("torch", Algorithm.FFT, {"problem": LAYERS["conv2"], "pass_": D}, "NNPACK .* forward pass only"),
        ("torch", Algorithm.FFT, {"problem": LAYERS["conv3"]}, "NNPACK chooses wt8x8 for this shape and batch"),
        ("torch", Algorithm.WINOGRAD, {"problem": LAYERS["conv3"].with_batch(2)}, "NNPACK chooses ft16x16"),
        ("torch", Algorithm.DIRECT, {"problem": LAYERS["conv1"], "pass_": D}, "stride 4: oneDNN has only batch-reduce"),
        ("torch", Algorithm.IMPLICIT_GEMM, {"pass_": W}, "ask for direct"),
        ("torch", Algorithm.IMPLICIT_GEMM, {"layout": Layout.NCHW}, "offers implicit_gemm in nhwc, not in nchw"),
        ("torch", Algorithm.DIRECT, {"device_kind": DeviceKind.CUDA}, "offers direct on cpu, not on cuda"),
        ("torch", Algorithm.AUTO, {"dtype": DType.BFLOAT16}, "dtype bfloat16: offered in float32 only"),
        (
            "torch",
            Algorithm.GEMM,
            {"device_kind": DeviceKind.CUDA, "dtype": DType.BFLOAT16},
            "dtype bfloat16: PyTorch offers gemm in float32, tf32 here",
        ),
        (
            "torch",
            Algorithm.AUTO,
            {"device_kind": DeviceKind.CUDA, "options": (("autotune", "4"),)},
            "PyTorch offers auto with no option; benchmark=on; deterministic=on; compiled=on, not with autotune=4",
        ),
        ("torch", Algorithm.DIRECT, {"problem": Problem(1, 64, 28, 28, 64, 1, 1)}, "ask for gemm"),
        ("tensorflow", Algorithm.DIRECT, {}, "ask for implicit_gemm"),
        ("tensorflow", Algorithm.WINOGRAD, {"problem": LAYERS["conv2"]}, "for 3x3 filters, got 5x5"),
        ("tensorflow", Algorithm.WINOGRAD, {"problem": Problem(1, 3, 64, 64, 4, 3, 3)}, "cost model prefers GEMM"),
        (
            "tensorflow",
            Algorithm.GEMM,
            {"problem": Problem(1, 4, 8, 8, 4, 3, 3, dilation=2), "pass_": W},
            "no gradients with dilation or groups",
        ),
    ],
)
def test_a_hole_has_its_own_reason(framework, algorithm, asked, reason):
    said = why(framework, algorithm, **asked)

    assert said is not None
    assert re.search(reason, said), said


def test_a_case_that_is_offered_is_no_hole():
    assert why("torch", Algorithm.FFT, problem=LAYERS["conv2"]) is None
    assert why("torch", Algorithm.WINOGRAD, problem=LAYERS["conv3"]) is None
    assert why("tensorflow", Algorithm.WINOGRAD, problem=LAYERS["conv3"]) is None


def test_an_algorithm_that_nobody_spoke_of_names_those_that_are_offered():
    spec = replace(builtin().get("torch"), absent={})
    case = Case("torch", "convolution", "n", "l", SAME, F, Algorithm.FFT_TILING)

    assert hole(spec, case) == (
        "PyTorch offers no fft_tiling; it offers auto, direct, implicit_gemm, gemm, fft, winograd"
    )


def test_a_pass_that_no_limit_speaks_of_names_those_that_are_offered():
    offer = Offer(Algorithm.GEMM, passes=frozenset({W, F}))
    spec = replace(builtin().get("torch"), offers=(offer,))
    case = Case("torch", "convolution", "n", "l", SAME, D, Algorithm.GEMM)

    assert hole(spec, case) == "PyTorch offers gemm for forward, backward_filter, not for backward_data"


@pytest.mark.parametrize(
    ("algorithm", "pass_", "layout", "offered"),
    [
        (Algorithm.AUTO, F, Layout.NCHW, False),
        (Algorithm.AUTO, D, Layout.NCHW, True),
        (Algorithm.IMPLICIT_GEMM, F, Layout.NHWC, False),
        (Algorithm.IMPLICIT_GEMM, D, Layout.NHWC, True),
        (Algorithm.DIRECT, W, Layout.NHWC, True),
        (Algorithm.DIRECT, W, Layout.NCHW, False),
    ],
)
def test_without_avx512_tensorflow_offers_what_onednn_then_really_runs(monkeypatch, algorithm, pass_, layout, offered):
    # Seen under ONEDNN_MAX_CPU_ISA=AVX2 with TensorFlow 2.21, in the order of the passes: NHWC x64:gemm:jit, brg*:avx2,
    # jit:avx2; NCHW ref:any, x64:gemm:jit, x64:gemm:jit.
    monkeypatch.setattr(tensorflow, "has_avx512", lambda: False)

    assert (why("tensorflow", algorithm, pass_, layout=layout) is None) is offered


def test_avx512_is_read_from_the_flags_of_every_core(tmp_path):
    cpuinfo = tmp_path / "cpuinfo"

    cpuinfo.write_text("processor : 0\nflags\t\t: fpu avx2 avx512f\nprocessor : 1\nflags\t\t: fpu avx2\n")
    assert not avx512_in(cpuinfo)

    cpuinfo.write_text("flags\t\t: fpu avx2 avx512f avx512dq\n")
    assert avx512_in(cpuinfo)

    assert avx512_in(tmp_path / "absent"), "where nothing is known, nothing is ruled out"
