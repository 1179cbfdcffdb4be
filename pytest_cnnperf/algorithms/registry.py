"""The table of algorithms, and the four questions that can be asked of each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..cases import Algorithm, DType, Pass, Problem
from ..errors import InvalidProblem, UsageError
from .direct import DIRECT
from .fft import FFT, FFT_TILING
from .gemm import GEMM, IMPLICIT_GEMM
from .images import shapes
from .method import Cost, Method
from .rounding import Array, Terms
from .winograd import LARGEST_SIDE, WINOGRAD

METHODS: Mapping[Algorithm, Method] = {
    Algorithm.DIRECT: DIRECT,
    Algorithm.GEMM: GEMM,
    Algorithm.IMPLICIT_GEMM: IMPLICIT_GEMM,
    Algorithm.FFT: FFT,
    Algorithm.FFT_TILING: FFT_TILING,
    Algorithm.WINOGRAD: WINOGRAD,
}


def constraint(algorithm: Algorithm, problem: Problem, pass_: Pass) -> str | None:
    """Why this algorithm cannot do this problem, such as ``fft needs stride 1, got 4``, or None when it can."""
    if algorithm is Algorithm.AUTO:
        return None
    return METHODS[algorithm].constraint(problem, pass_)


def compute(
    algorithm: Algorithm,
    problem: Problem,
    pass_: Pass,
    first: Array,
    second: Array,
    *,
    tile: int | None = None,
) -> Array:
    """The result of a pass in float64.

    Shapes: operands and result are (x, w) → y forward, (dy, w) → dx backward_data, (x, dy) → dw backward_filter.
    `tile` is Winograd's output tile m, or the side of an FFT tile.
    Raises: InvalidProblem when the algorithm cannot do it or a shape is wrong, UsageError for `auto`.
    """
    method = _possible(algorithm, problem, pass_)
    for name, operand, shape in zip(("first", "second"), (first, second), shapes(problem, pass_), strict=False):
        if operand.shape != shape:
            raise InvalidProblem(
                f"{name} operand has shape {operand.shape}, but {pass_} of {problem.text} needs {shape}"
            )
    result = method.compute(problem, pass_, np.asarray(first, np.float64), np.asarray(second, np.float64), tile)
    return np.asarray(result, np.float64)


def cost(algorithm: Algorithm, problem: Problem, pass_: Pass, *, tile: int | None = None) -> Cost:
    """What one call has to do.

    Raises: InvalidProblem when the algorithm cannot do it, UsageError for `auto`.
    """
    return _possible(algorithm, problem, pass_).cost(problem, pass_, tile)


def bound(
    algorithm: Algorithm | None, problem: Problem, pass_: Pass, *, dtype: DType, terms: Terms, tile: int | None = None
) -> Array:
    """The largest error of each output that this algorithm may honestly have.

    For `auto`, None, and an algorithm that by our constraint cannot have run: the widest of those in use.
    """
    method = METHODS.get(algorithm) if algorithm is not None else None
    if method is None or method.constraint(problem, pass_) is not None:
        bounds = [METHODS[name].bound(problem, pass_, dtype, terms, None) for name in _in_use(problem, pass_)]
        return np.max(bounds, axis=0)  # type: ignore[no-any-return]
    return method.bound(problem, pass_, dtype, terms, tile)


def _in_use(problem: Problem, pass_: Pass) -> list[Algorithm]:
    """The algorithms that a framework may choose by itself; nobody uses Winograd for kernels beyond its tile."""
    return [
        algorithm
        for algorithm in METHODS
        if constraint(algorithm, problem, pass_) is None
        and (algorithm is not Algorithm.WINOGRAD or problem.r < LARGEST_SIDE)
    ]


def _possible(algorithm: Algorithm, problem: Problem, pass_: Pass) -> Method:
    if algorithm is Algorithm.AUTO:
        known = ", ".join(METHODS)
        raise UsageError(f"algorithm 'auto' is the framework's own choice and has no result; name one of {known}")
    reason = constraint(algorithm, problem, pass_)
    if reason is not None:
        raise InvalidProblem(f"{reason} ({pass_} of {problem.text}); direct and gemm can do every problem")
    return METHODS[algorithm]
