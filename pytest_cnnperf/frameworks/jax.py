"""JAX: on the CPU what XLA chooses, with or without YNNPACK; on a GPU what it chooses by its levels of autotuning.

On a GPU the clock is elapsed time, since JAX has no events on a device's own: another method than that of frameworks
that have them, so that the two are never compared.
"""

from __future__ import annotations

import sys
from math import prod
from pathlib import Path

from ..cases import Algorithm, Case, Clock, DeviceKind, DType, Layout, Pass, Problem
from ..cases.problem import Pair
from .limits import float32_only, in_every_way, problem_of
from .recipe import Launch, Recipe, venv_python
from .spec import FrameworkSpec, Offer, adapter_file

# For the interpreter that runs this; the last JAX for Python 3.10 is 0.6.2.
_VERSIONS = (
    ("jax==0.10.2", "jaxlib==0.10.2", "numpy==2.4.6", "scipy==1.17.1")
    if sys.version_info >= (3, 11)
    else ("jax==0.6.2", "jaxlib==0.6.2", "numpy==2.2.6", "scipy==1.15.3")
)
_BOTH_LAYOUTS = (Layout.NCHW, Layout.NHWC)


def without_ynnpack(problem: Problem, pass_: Pass) -> tuple[Algorithm, str]:
    """What XLA runs where YNNPACK is switched off, and why."""
    if _is_a_product(problem, pass_):
        return Algorithm.GEMM, "a convolution by one pixel is a matrix product"
    if _is_swapped(problem, pass_):
        return Algorithm.DIRECT, "image and filter are exchanged, the filter being the larger, and run in XLA's loops"
    strided = problem.stride != (1, 1) and problem.dilation == (1, 1) and problem.groups == 1
    if pass_ is Pass.BACKWARD_DATA and strided:
        # Source: CanUseCustomTransposedConv in XLA's xla/backends/cpu/runtime/convolution_thunk_internal.h.
        return Algorithm.GEMM, "the gradient of the input at a stride is multiplied first and added up after (col2im)"
    return Algorithm.IMPLICIT_GEMM, "Eigen multiplies patches of the image where they lie"


def _windows(problem: Problem, pass_: Pass) -> tuple[Pair, Pair]:
    """Sizes of the image and of the filter in the convolution that XLA gets: dy is the one or the other."""
    filter_, x, y = (problem.r, problem.s), (problem.h, problem.w), (problem.p, problem.q)
    return {
        Pass.FORWARD: (x, filter_),
        Pass.BACKWARD_DATA: (y, filter_),
        Pass.BACKWARD_FILTER: (x, y),
    }[pass_]


def _is_a_product(problem: Problem, pass_: Pass) -> bool:
    plain = problem.stride == problem.dilation == (1, 1) and problem.pad == (0, 0) and problem.groups == 1
    return plain and _windows(problem, pass_)[1] == (1, 1)


def _is_swapped(problem: Problem, pass_: Pass) -> bool:
    """Whether the filter has more pixels than the image.

    Source: SwapConvolutionOperandsIfBeneficial in XLA's conv_operand_swapper.cc.
    """
    image, filter_ = _windows(problem, pass_)
    pixels = 1
    for axis in (0, 1):
        # A filter that is moved in full over an image of one pixel counts as one as large as the image.
        full = pass_ is Pass.BACKWARD_DATA and image[axis] == 1 and (problem.h, problem.w)[axis] == filter_[axis]
        pixels *= filter_[axis] if full else image[axis]
    return problem.groups == 1 and prod(filter_) > pixels


def _as_xla_chooses(case: Case) -> str | None:
    assert case.pass_ is not None, case.key
    runs, why = without_ynnpack(problem_of(case), case.pass_)
    if runs is case.algorithm:
        return None
    return f"XLA runs {runs} here: {why}; ask for {Algorithm.AUTO if runs is Algorithm.DIRECT else runs}"


def _launch(folder: Path) -> Launch:
    return Launch((venv_python(folder),))


def _on_gpu(level: int, *, dtypes: tuple[DType, ...], is_extra: bool = False) -> Offer:
    """What XLA chooses with this level of autotuning: 0 takes cuDNN's heuristic, 4 (XLA's default) times and checks."""
    return Offer(
        Algorithm.AUTO,
        layouts=_BOTH_LAYOUTS,
        device_kind=DeviceKind.CUDA,
        environment={
            "JAX_PLATFORMS": "cuda",
            "XLA_FLAGS": f"--xla_gpu_autotune_level={level}",
            # Workers of both levels and the control share the device.
            "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
            # XLA never gives back what it once took, by default up to three quarters of the device in each process.
            "XLA_PYTHON_CLIENT_MEM_FRACTION": "0.3",
        },
        options=(("autotune", str(level)),),
        dtypes=dtypes,
        clocks=(Clock.WALL,),
        is_extra=is_extra,
    )


SPEC = FrameworkSpec(
    name="jax",
    title="JAX",
    adapter=adapter_file("jax"),
    install="cnnperf frameworks install jax",
    modules=("jax",),
    environment={"JAX_PLATFORMS": "cpu"},
    offers=(
        Offer(Algorithm.AUTO, layouts=_BOTH_LAYOUTS, limit=float32_only),
        Offer(Algorithm.IMPLICIT_GEMM, layouts=_BOTH_LAYOUTS, limit=in_every_way(float32_only, _as_xla_chooses)),
        Offer(Algorithm.GEMM, layouts=_BOTH_LAYOUTS, limit=in_every_way(float32_only, _as_xla_chooses)),
        _on_gpu(4, dtypes=(DType.FLOAT32, DType.TF32, DType.BFLOAT16)),
        _on_gpu(0, dtypes=(DType.FLOAT32,), is_extra=True),
    ),
    absent={
        # Two more spatial dimensions of size 1 would force them: 130 times slower than Eigen on AlexNet's conv2.
        Algorithm.DIRECT: "XLA runs loops of its own only where neither Eigen nor YNNPACK can; auto shows where",
        Algorithm.FFT: "XLA has no FFT convolution on the CPU",
        Algorithm.FFT_TILING: "XLA has no FFT convolution on the CPU",
        Algorithm.WINOGRAD: "XLA has no Winograd convolution on the CPU",
    },
    recipe=Recipe(
        python="",
        packages=(*_VERSIONS, "ml_dtypes==0.6.0", "opt_einsum==3.4.0"),
        launch=_launch,
        probe="import jax; assert jax.devices('cpu')",
    ),
    parallelism=("shard_map and pmap over several devices, on the CPU over virtual ones of one process",),
)
