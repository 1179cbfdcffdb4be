"""PyTorch: what its CPU libraries run for which problem; on a GPU cuDNN's choice by several rules, and im2col."""

from __future__ import annotations

from ..cases import Algorithm, Case, DeviceKind, DType, Layout, Pass, Problem
from .limits import float32_only, in_every_way, one_group, problem_of, what_the_algorithm_needs
from .spec import FrameworkSpec, Offer, adapter_file

_NNPACK_ALGORITHMS = {"wt8x8": Algorithm.WINOGRAD, "ft8x8": Algorithm.FFT, "ft16x16": Algorithm.FFT}
_INFERENCE_KERNELS = {(1, 1): "direct", (3, 3): "wt8x8"}


def nnpack_kernel(problem: Problem) -> str | None:
    """What NNPACK runs forward: wt8x8, ft8x8, ft16x16, direct or implicit_gemm; None when it refuses.

    One image, or any at a stride, goes through its inference entry, several through its training entry, and the two
    have rules of their own: 3x3 filters are always Winograd in the former, only on fitting tiles in the latter.
    Source: NNPACK src/convolution-inference.c select_algorithm, src/convolution-output.c; PyTorch's NNPACK.cpp.
    """
    r, s = problem.r, problem.s
    if problem.dilation != (1, 1) or problem.groups != 1 or problem.pad[0] >= r or problem.pad[1] >= s:
        return None
    if problem.n == 1 or problem.stride != (1, 1):
        return _nnpack_inference(problem)
    if max(r, s) > 16:
        return None
    fourier = _fourier(problem)
    return "wt8x8" if fourier == "ft8x8" and (r, s) == (3, 3) else fourier


def _nnpack_inference(problem: Problem) -> str:
    r, s = problem.r, problem.s
    if problem.stride != (1, 1) or max(r, s) > 16:
        return "implicit_gemm"
    if (r, s) in _INFERENCE_KERNELS:
        return _INFERENCE_KERNELS[r, s]
    return _fourier(problem) if min(r, s) >= 2 else "implicit_gemm"


def _fourier(problem: Problem) -> str:
    """The smaller tile as long as it takes at most four times as many."""
    if max(problem.r, problem.s) > 8:
        return "ft16x16"
    return "ft8x8" if _tiles(problem, 8) <= 4 * _tiles(problem, 16) else "ft16x16"


def _tiles(problem: Problem, size: int) -> int:
    return -(-problem.p // (size - problem.r + 1)) * -(-problem.q // (size - problem.s + 1))


def onednn_is_used(problem: Problem, threads: int) -> bool:
    """Whether PyTorch hands a float32 convolution to oneDNN; small ones and 1x1 on one thread it computes itself.

    Source: ConvParams::use_mkldnn in PyTorch's aten/src/ATen/native/Convolution.cpp.
    """
    steps = problem.stride != (1, 1) or problem.dilation != (1, 1)
    worth_it = steps or problem.n >= 16 or (problem.r, problem.s) != (1, 1) or threads > 1
    pixels = problem.n * problem.c * problem.h * problem.w
    return worth_it and (problem.groups > 1 or min(problem.r, problem.s) > 3 or problem.n > 1 or pixels > 20480)


def _nnpack(case: Case) -> str | None:
    if case.pass_ is not Pass.FORWARD:
        return "NNPACK in PyTorch computes the forward pass only; its gradients run on oneDNN or im2col"
    kernel = nnpack_kernel(problem_of(case))
    if kernel is None:
        return "NNPACK takes filters up to 16x16, with pad below the filter's size"
    if _NNPACK_ALGORITHMS.get(kernel) is not case.algorithm:
        return f"NNPACK chooses {kernel} for this shape and batch"
    return None


def _onednn(case: Case) -> str | None:
    if onednn_is_used(problem_of(case), case.threads):
        return None
    return "PyTorch hands neither small images nor 1x1 filters on one thread to oneDNN; ask for gemm"


def _onednn_direct(case: Case) -> str | None:
    stride = max(problem_of(case).stride)
    if case.pass_ is Pass.BACKWARD_DATA and stride > 1:
        return (
            f"stride {stride}: oneDNN has only batch-reduce GEMM for the gradient of the input; ask for implicit_gemm"
        )
    return None


def _onednn_implicit_gemm(case: Case) -> str | None:
    if case.pass_ is Pass.BACKWARD_FILTER:
        return "oneDNN has no float32 batch-reduce GEMM for the gradient of the filter; ask for direct"
    return None


_TRANSFORM = in_every_way(float32_only, what_the_algorithm_needs, one_group, _nnpack)
_FORWARD = frozenset({Pass.FORWARD})

_STRICT_OR_TF32 = (DType.FLOAT32, DType.TF32)
# PyTorch caches cuDNN's plans by shapes, types and determinism, not by `benchmark`: in one process the heuristic's plan
# would serve both, or the searched one. Nobody reads this variable; it makes another worker.
_ALONE = {"CNNPERF_TORCH_BENCHMARK": "1"}


def _on_gpu(
    switch: str = "",
    *,
    algorithm: Algorithm = Algorithm.AUTO,
    layouts: tuple[Layout, ...] = (Layout.NCHW,),
    dtypes: tuple[DType, ...] = (DType.FLOAT32,),
    is_extra: bool = False,
) -> Offer:
    """A GPU's offer with this switch on, or with none; what each does, docs/gpu.md tells."""
    return Offer(
        algorithm,
        layouts=layouts,
        device_kind=DeviceKind.CUDA,
        environment=_ALONE if switch == "benchmark" else {},
        options=((switch, "on"),) if switch else (),
        dtypes=dtypes,
        is_extra=is_extra,
    )


SPEC = FrameworkSpec(
    name="torch",
    title="PyTorch",
    adapter=adapter_file("torch"),
    install="pip install 'pytest-cnnperf[torch]'",
    modules=("torch",),
    # An idle OpenMP thread that spins takes the core of a neighbour, or of the control.
    environment={"OMP_WAIT_POLICY": "passive"},
    offers=(
        Offer(Algorithm.AUTO, layouts=(Layout.NCHW, Layout.NHWC), limit=float32_only),
        Offer(Algorithm.DIRECT, limit=in_every_way(float32_only, _onednn, _onednn_direct)),
        Offer(
            Algorithm.IMPLICIT_GEMM,
            passes=frozenset({Pass.FORWARD, Pass.BACKWARD_DATA}),
            layouts=(Layout.NHWC,),
            limit=in_every_way(float32_only, _onednn, _onednn_implicit_gemm),
        ),
        Offer(Algorithm.GEMM, limit=float32_only),
        Offer(Algorithm.FFT, passes=_FORWARD, limit=_TRANSFORM),
        Offer(Algorithm.WINOGRAD, passes=_FORWARD, limit=_TRANSFORM),
        _on_gpu(layouts=(Layout.NCHW, Layout.NHWC), dtypes=(*_STRICT_OR_TF32, DType.BFLOAT16)),
        _on_gpu("benchmark", dtypes=_STRICT_OR_TF32),
        _on_gpu("deterministic", is_extra=True),
        _on_gpu("compiled", is_extra=True),
        # Its gradients of the filter are added up image by image in the type of the result: no bfloat16.
        _on_gpu(algorithm=Algorithm.GEMM, dtypes=_STRICT_OR_TF32),
    ),
    absent={Algorithm.FFT_TILING: "PyTorch's only FFT convolution (NNPACK) tiles by itself; ask for fft"},
    parallelism=(
        "data: DistributedDataParallel, a process for each device, over gloo (CPU) or NCCL (GPU)",
        "model: layers placed on several devices by hand",
    ),
)
