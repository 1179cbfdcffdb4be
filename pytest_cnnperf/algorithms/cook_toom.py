"""Transform matrices of Winograd's minimal filtering F(m, r), by Cook and Toom's interpolation, in exact fractions.

m outputs of an r-tap filter need only m + r − 1 multiplications: data and filter are values of polynomials at m + r − 2
points and at infinity. y = A ((G g) ∘ (B d)), where A, G and B are what Lavin writes Aᵀ, G and Bᵀ.
Source: Lavin, Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016; Toom 1963; Cook 1966.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from itertools import count, islice
from math import prod

import numpy as np
import numpy.typing as npt

from ..errors import InvalidProblem

Matrix = tuple[tuple[Fraction, ...], ...]
Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Matrices:
    """The three matrices of F(m, r). Shapes, with t = m + r − 1: output (m, t), filter (t, r), data (t, t)."""

    m: int
    r: int
    output: Matrix
    filter: Matrix
    data: Matrix

    @cached_property
    def arrays(self) -> tuple[Array, Array, Array]:
        """output, filter and data in float64."""
        return as_array(self.output), as_array(self.filter), as_array(self.data)

    @cached_property
    def amplification(self) -> float:
        """Worst case in one dimension: max_i Σ_j |A_ij| Σ_k |G_jk| Σ_l |B_jl| ÷ r; square it for a tile."""
        a, g, b = (np.abs(matrix) for matrix in self.arrays)
        return float((a @ (g.sum(axis=1) * b.sum(axis=1))).max() / self.r)

    @cached_property
    def typical_amplification(self) -> float:
        """The same with root sums of squares: what independent roundings of random data are magnified by."""
        a, g, b = (np.square(matrix) for matrix in self.arrays)
        return float(np.sqrt((a @ (g.sum(axis=1) * b.sum(axis=1))).max() / self.r))


def as_array(matrix: Matrix) -> Array:
    """The matrix in float64."""
    return np.array([[float(element) for element in row] for row in matrix])


def points(number: int) -> tuple[Fraction, ...]:
    """0, then ±1, ±2, ±½, ±3, ±⅓ …: the points of the smallest powers, which amplify least."""
    return tuple(islice(_points(), number))


def _points() -> Iterator[Fraction]:
    yield Fraction(0)
    yield from (Fraction(1), Fraction(-1))
    for size in count(2):
        for magnitude in (Fraction(size), Fraction(1, size)):
            yield from (magnitude, -magnitude)


@cache
def cook_toom(m: int, r: int) -> Matrices:
    """The matrices of F(m, r).

    Raises: InvalidProblem for m or r below 1.
    """
    for name, value in (("m", m), ("r", r)):
        if value < 1:
            raise InvalidProblem(f"{name}={value} must be at least 1 in Winograd's F(m, r)")
    a = points(m + r - 2)
    # f_i = Π (a_i − a_k); the first is made positive, as Lavin prints it, and its row of B changes sign with it.
    scales = [prod((point - other for other in a if other != point), start=Fraction(1)) for point in a]
    signs = [Fraction(-1) if not index and scale < 0 else Fraction(1) for index, scale in enumerate(scales)]
    output = tuple((*(point**i for point in a), Fraction(int(i == m - 1))) for i in range(m))
    filters = [
        tuple(point**j * sign / scale for j in range(r)) for point, sign, scale in zip(a, signs, scales, strict=True)
    ]
    filters.append(tuple(Fraction(int(j == r - 1)) for j in range(r)))
    data = [
        (*(sign * part for part in _coefficients([other for other in a if other != point])), Fraction(0))
        for point, sign in zip(a, signs, strict=True)
    ]
    data.append(_coefficients(list(a)))
    return Matrices(m, r, output, tuple(filters), tuple(data))


def _coefficients(roots: list[Fraction]) -> tuple[Fraction, ...]:
    """Coefficients of Π (x − root), the constant first."""
    polynomial = [Fraction(1)]
    for root in roots:
        shifted = [Fraction(0), *polynomial]
        scaled = [*(-root * part for part in polynomial), Fraction(0)]
        polynomial = [first + second for first, second in zip(shifted, scaled, strict=True)]
    return tuple(polynomial)


def operations(matrix: Matrix) -> int:
    """Additions and multiplications of one product with a vector, without sharing subexpressions."""
    additions = sum(sum(part != 0 for part in row) - 1 for row in matrix)
    multiplications = sum(abs(part) not in (0, 1) for row in matrix for part in row)
    return additions + multiplications


def tile_operations(matrix: Matrix) -> int:
    """The same for M X Mᵀ: M on every column of X, then on every row of what came out."""
    return operations(matrix) * (len(matrix[0]) + len(matrix))
