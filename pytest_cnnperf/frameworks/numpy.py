"""NumPy: four algorithms written for it, as the yardstick that is always there."""

from __future__ import annotations

from ..cases import Algorithm, Case, DType, Pass
from .limits import in_every_way, one_group, problem_of, what_the_algorithm_needs
from .spec import FrameworkSpec, Offer, adapter_file

_WINOGRAD_SIDES = (3, 5)
_TYPES = (DType.FLOAT32, DType.FLOAT64)


def _real_types(case: Case) -> str | None:
    return None if case.dtype in _TYPES else f"dtype {case.dtype}: NumPy computes in float32 or float64"


def _winograd_shapes(case: Case) -> str | None:
    problem = problem_of(case)
    if problem.r != problem.s or problem.r not in _WINOGRAD_SIDES:
        return f"winograd is offered for 3x3 and 5x5 filters, got {problem.r}x{problem.s}"
    if case.pass_ is Pass.BACKWARD_DATA and max(problem.pad) >= problem.r:
        return f"winograd needs pad below {problem.r} for the gradient of the input, got {max(problem.pad)}"
    return None


_TRANSFORM = in_every_way(_real_types, what_the_algorithm_needs, one_group)

SPEC = FrameworkSpec(
    name="numpy",
    title="NumPy",
    adapter=adapter_file("numpy"),
    install="pip install pytest-cnnperf",
    modules=("numpy",),
    offers=(
        Offer(Algorithm.DIRECT, limit=_real_types, dtypes=_TYPES),
        Offer(Algorithm.GEMM, limit=_real_types, dtypes=_TYPES),
        Offer(Algorithm.FFT, limit=_TRANSFORM, dtypes=_TYPES),
        Offer(Algorithm.WINOGRAD, limit=in_every_way(_TRANSFORM, _winograd_shapes), dtypes=_TYPES),
    ),
    absent={
        Algorithm.AUTO: "NumPy has no convolution of its own that could choose",
        Algorithm.IMPLICIT_GEMM: "NumPy multiplies whole matrices only; without im2col that is its direct algorithm",
        Algorithm.FFT_TILING: "NumPy's FFT convolution transforms the whole image",
    },
)
