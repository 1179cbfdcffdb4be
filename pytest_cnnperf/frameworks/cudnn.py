"""cuDNN itself on a GPU: each algorithm of its convolution calls by name, and its two ways to choose."""

from __future__ import annotations

from ..cases import Algorithm, Case, DeviceKind, DType, Layout, Pass
from .limits import in_every_way, problem_of, what_the_algorithm_needs
from .spec import FrameworkSpec, Limit, Offer, adapter_file, no_limit

_LARGEST_FFT = 256
_LARGEST_TILED_FILTER = 32
_BOTH_LAYOUTS = (Layout.NCHW, Layout.NHWC)
# cuDNN has tensor-core kernels for these only; elsewhere tf32 would time float32 again.
_WITH_TENSOR_CORES = (DType.FLOAT32, DType.TF32)
_BACKWARD = frozenset({Pass.BACKWARD_DATA, Pass.BACKWARD_FILTER})


def _forward_only(case: Case) -> str | None:
    if case.pass_ is Pass.FORWARD:
        return None
    return f"cuDNN names {case.algorithm} for the forward pass only; its gradients have implicit_gemm"


def _fused(case: Case) -> str | None:
    if case.pass_ is Pass.BACKWARD_FILTER:
        return "cuDNN has not implemented fused Winograd for the gradient of the filter; ask for variant=nonfused"
    return _sides(case, 3)


def _nonfused(case: Case) -> str | None:
    return _sides(case, 3, 5)


def _sides(case: Case, *known: int) -> str | None:
    problem = problem_of(case)
    if problem.r == problem.s and problem.r in known:
        return None
    listed = " and ".join(f"{side}x{side}" for side in known)
    return f"cuDNN's Winograd takes filters of {listed} here, got {problem.r}x{problem.s}"


def _pad_below_the_filter(case: Case) -> str | None:
    problem = problem_of(case)
    if problem.pad[0] < problem.r and problem.pad[1] < problem.s:
        return None
    pad = "x".join(map(str, problem.pad))
    return f"cuDNN's FFT takes pads below the filter's size, got pad {pad} for {problem.r}x{problem.s}"


def _one_transform(case: Case) -> str | None:
    problem = problem_of(case)
    padded = max(problem.h + 2 * problem.pad[0], problem.w + 2 * problem.pad[1])
    if padded <= _LARGEST_FFT:
        return None
    return f"cuDNN's FFT takes padded images up to {_LARGEST_FFT} pixels a side, got {padded}; ask for fft_tiling"


def _small_filter(case: Case) -> str | None:
    side = max(problem_of(case).r, problem_of(case).s)
    if side <= _LARGEST_TILED_FILTER:
        return None
    return f"cuDNN's tiled FFT takes filters up to {_LARGEST_TILED_FILTER} pixels a side, got {side}"


def _offer(
    algorithm: Algorithm,
    *limits: Limit,
    passes: frozenset[Pass] = frozenset(Pass),
    layouts: tuple[Layout, ...] = (Layout.NCHW,),
    dtypes: tuple[DType, ...] = (DType.FLOAT32,),
    **option: str,
) -> Offer:
    return Offer(
        algorithm,
        passes=passes,
        layouts=layouts,
        device_kind=DeviceKind.CUDA,
        limit=in_every_way(what_the_algorithm_needs, *limits) if limits else no_limit,
        options=tuple(option.items()),
        dtypes=dtypes,
    )


def _implicit(variant: str, *passes: Pass, dtypes: tuple[DType, ...] = (DType.FLOAT32,)) -> Offer:
    option = {"variant": variant} if variant else {}
    return _offer(Algorithm.IMPLICIT_GEMM, passes=frozenset(passes), layouts=_BOTH_LAYOUTS, dtypes=dtypes, **option)


SPEC = FrameworkSpec(
    name="cudnn",
    title="cuDNN",
    adapter=adapter_file("cudnn"),
    install="python -m pip install nvidia-cudnn-cu13 nvidia-cuda-runtime",
    modules=("nvidia.cudnn",),
    offers=(
        _offer(Algorithm.AUTO, layouts=_BOTH_LAYOUTS, dtypes=_WITH_TENSOR_CORES, choice="heuristic"),
        _offer(Algorithm.AUTO, layouts=_BOTH_LAYOUTS, dtypes=_WITH_TENSOR_CORES, choice="search"),
        _offer(Algorithm.DIRECT, _forward_only, passes=frozenset({Pass.FORWARD})),
        _offer(Algorithm.GEMM, _forward_only, passes=frozenset({Pass.FORWARD})),
        _implicit("", Pass.FORWARD),
        _implicit("precomp", Pass.FORWARD, dtypes=_WITH_TENSOR_CORES),
        _implicit("algo_0", *_BACKWARD),
        _implicit("algo_1", *_BACKWARD, dtypes=_WITH_TENSOR_CORES),
        _implicit("algo_3", Pass.BACKWARD_FILTER),
        _offer(Algorithm.FFT, _pad_below_the_filter, _one_transform),
        _offer(Algorithm.FFT_TILING, _pad_below_the_filter, _small_filter),
        _offer(Algorithm.WINOGRAD, _fused),
        _offer(Algorithm.WINOGRAD, _nonfused, dtypes=_WITH_TENSOR_CORES, variant="nonfused"),
    ),
    parallelism=("none by itself: one GPU a process",),
)
