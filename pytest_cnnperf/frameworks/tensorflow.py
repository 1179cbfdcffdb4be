"""TensorFlow on the CPU: oneDNN, Eigen, or its own Winograd, as the environment says at its start."""

from __future__ import annotations

from ..cases import Algorithm, Case, Layout, Pass, Problem
from .cpu import has_avx512
from .limits import float32_only, in_every_way, one_group, problem_of, what_the_algorithm_needs
from .spec import FrameworkSpec, Offer, adapter_file

_EIGEN = {"TF_ENABLE_ONEDNN_OPTS": "0"}
_BOTH_LAYOUTS = (Layout.NHWC, Layout.NCHW)


def deep_conv2d_is_cheaper(problem: Problem) -> bool:
    """Whether TensorFlow's own cost model prefers its Winograd F(2x2,3x3) to direct convolution.

    Source: CanUseDeepConv2D in tensorflow/core/kernels/deep_conv2d.cc, tiles of 4x4 pixels and 2x2 outputs.
    """
    tiles = -(-problem.p // 2) * -(-problem.q // 2)
    winograd = tiles * (16 * 16 * problem.c + 16 * problem.c * problem.k + 4 * 16 * problem.k)
    return winograd < 9 * problem.c * problem.k * problem.p * problem.q


def _onednn_auto(case: Case) -> str | None:
    if case.layout is Layout.NCHW and case.pass_ is Pass.FORWARD and not has_avx512():
        return "without AVX-512 oneDNN runs its reference loops in plain NCHW, a thousand times slower; NHWC is offered"
    return None


def _onednn_implicit_gemm(case: Case) -> str | None:
    if case.pass_ is Pass.BACKWARD_FILTER:
        return "oneDNN has no float32 batch-reduce GEMM for the gradient of the filter; ask for direct"
    if (case.layout is Layout.NCHW or case.pass_ is Pass.FORWARD) and not has_avx512():
        return "without AVX-512 oneDNN has no batch-reduce GEMM for this plain layout and pass"
    return None


def _onednn_direct(case: Case) -> str | None:
    if case.pass_ is not Pass.BACKWARD_FILTER:
        return "on TensorFlow's plain layouts oneDNN runs batch-reduce GEMM in this pass; ask for implicit_gemm"
    if case.layout is Layout.NCHW and not has_avx512():
        return "without AVX-512 oneDNN unfolds plain NCHW images for the gradient of the filter; NHWC is offered"
    return None


def _eigen(case: Case) -> str | None:
    problem = problem_of(case)
    if case.pass_ is not Pass.FORWARD and (problem.dilation != (1, 1) or problem.groups != 1):
        return "TensorFlow without oneDNN has no gradients with dilation or groups"
    return None


def _deep_conv2d(case: Case) -> str | None:
    problem = problem_of(case)
    if case.pass_ is not Pass.FORWARD:
        return "TensorFlow's Winograd (TF_USE_DEEP_CONV2D) computes the forward pass only"
    if (problem.r, problem.s) != (3, 3):
        return f"TensorFlow's Winograd is for 3x3 filters, got {problem.r}x{problem.s}"
    if not deep_conv2d_is_cheaper(problem):
        return "TensorFlow's cost model prefers GEMM to Winograd for so few channels"
    return None


SPEC = FrameworkSpec(
    name="tensorflow",
    title="TensorFlow",
    adapter=adapter_file("tensorflow"),
    install="pip install 'pytest-cnnperf[tensorflow]'",
    modules=("tensorflow",),
    # oneDNN then tells of each primitive that is made: once a shape, but anew for every gradient of the filter. There
    # it costs 5 µs a call (measured: 100 beside 95 µs for an 8x8 image, nothing to be seen for AlexNet).
    environment={"TF_ENABLE_ONEDNN_OPTS": "1", "TF_CPP_MIN_LOG_LEVEL": "2", "ONEDNN_VERBOSE": "profile_create"},
    offers=(
        Offer(Algorithm.AUTO, layouts=_BOTH_LAYOUTS, limit=in_every_way(float32_only, _onednn_auto)),
        Offer(
            Algorithm.IMPLICIT_GEMM,
            passes=frozenset({Pass.FORWARD, Pass.BACKWARD_DATA}),
            layouts=_BOTH_LAYOUTS,
            limit=in_every_way(float32_only, _onednn_implicit_gemm),
        ),
        Offer(
            Algorithm.DIRECT,
            passes=frozenset({Pass.BACKWARD_FILTER}),
            layouts=_BOTH_LAYOUTS,
            limit=in_every_way(float32_only, _onednn_direct),
        ),
        Offer(Algorithm.GEMM, layouts=(Layout.NHWC,), environment=_EIGEN, limit=in_every_way(float32_only, _eigen)),
        Offer(
            Algorithm.WINOGRAD,
            passes=frozenset({Pass.FORWARD}),
            layouts=(Layout.NHWC,),
            environment={**_EIGEN, "TF_USE_DEEP_CONV2D": "1"},
            limit=in_every_way(float32_only, what_the_algorithm_needs, one_group, _deep_conv2d),
        ),
    ),
    absent={
        Algorithm.FFT: "TensorFlow has no FFT convolution on the CPU",
        Algorithm.FFT_TILING: "TensorFlow has no FFT convolution on the CPU",
    },
    parallelism=(
        "data: MirroredStrategy in one process, MultiWorkerMirroredStrategy with a process for each device",
        "model: operations placed on several devices by hand",
    ),
)
