"""What every algorithm gives: a float64 result, a constraint, a cost and an error bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..cases import DType, Pass, Problem
from .rounding import Array, Terms

FLOAT32_BYTES = 4
# TF32 is stored as float32.
_STORED_BYTES = {DType.FLOAT64: 8, DType.BFLOAT16: 2, DType.FLOAT16: 2}


@dataclass(frozen=True)
class Cost:
    """What an algorithm has to do for one call in float32.

    Units: `multiplications` are the real ones of the product stage only (what the fast algorithms save); `flops` are
    additions and multiplications of all stages; `bytes` is the least memory traffic: operands and result once, the
    workspace written and read once.
    """

    multiplications: int
    flops: int
    bytes: int
    workspace_bytes: int


@dataclass(frozen=True)
class Method:
    """One algorithm. `tile` is its output tile (Winograd) or FFT tile; algorithms without tiles ignore it.

    `compute(problem, pass_, first, second, tile)`, `constraint(problem, pass_)` → reason or None,
    `cost(problem, pass_, tile)`, `bound(problem, pass_, dtype, terms, tile)` → largest honest error of each output.
    """

    compute: Callable[[Problem, Pass, Array, Array, int | None], Array]
    constraint: Callable[[Problem, Pass], str | None]
    cost: Callable[[Problem, Pass, int | None], Cost]
    bound: Callable[[Problem, Pass, DType, Terms, int | None], Array]


def no_constraint(_problem: Problem, _pass: Pass) -> str | None:
    """An algorithm that can do every problem."""
    return None


def compulsory_bytes(problem: Problem, dtype: DType = DType.FLOAT32) -> int:
    """Both operands and the result, touched once; the same three arrays in every pass."""
    elements = sum(
        first * second * third * fourth
        for first, second, third, fourth in (problem.x_shape, problem.w_shape, problem.y_shape)
    )
    return elements * _STORED_BYTES.get(dtype, FLOAT32_BYTES)


def cost_of(problem: Problem, *, multiplications: int, flops: int, workspace_bytes: int) -> Cost:
    """A cost whose traffic follows from operands and workspace."""
    return Cost(multiplications, flops, compulsory_bytes(problem) + 2 * workspace_bytes, workspace_bytes)


def as_text(pair: tuple[int, int]) -> str:
    """``4`` for (4, 4), ``2x1`` for (2, 1)."""
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}x{pair[1]}"


def needs_unit_steps(name: str, problem: Problem) -> str | None:
    """The constraint that all transform algorithms share: neighbouring outputs see neighbouring pixels."""
    if problem.stride != (1, 1):
        return f"{name} needs stride 1, got {as_text(problem.stride)}"
    if problem.dilation != (1, 1):
        return f"{name} needs dilation 1, got {as_text(problem.dilation)}"
    return None
