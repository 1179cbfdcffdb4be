"""Winograd's F(m × m, r × r): (m + r − 1)² multiplications a tile in place of m² r².

Source: Lavin, Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016 (arXiv 1509.09308).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..cases import DType, Pass, Problem
from ..errors import InvalidProblem
from .cook_toom import Matrices, cook_toom, tile_operations
from .method import FLOAT32_BYTES, Cost, Method, cost_of, needs_unit_steps
from .rounding import Array, Terms, norm_bound
from .tiling import Pair, Spectrum, accumulated, convolve, tiled

# The largest data tile in common use: F(6, 3) and F(4, 5) of cuDNN and NNPACK.
LARGEST_SIDE = 8


@dataclass(frozen=True)
class Winograd:
    """The transform of F(m × m, r × r)."""

    matrices: Matrices

    @property
    def outputs(self) -> Pair:
        """Results per tile."""
        return (self.matrices.m, self.matrices.m)

    @property
    def taps(self) -> Pair:
        """Size of the kernel."""
        return (self.matrices.r, self.matrices.r)

    def data(self, tiles: Array) -> Spectrum:
        """Bᵀ d B of every tile."""
        matrix = self.matrices.arrays[2].astype(tiles.dtype)
        return matrix @ tiles @ matrix.T

    def kernel(self, taps: Array) -> Spectrum:
        """G g Gᵀ of every kernel."""
        matrix = self.matrices.arrays[1].astype(taps.dtype)
        return matrix @ taps @ matrix.T

    def inverse(self, products: Spectrum) -> Array:
        """Aᵀ M A of every tile."""
        matrix = self.matrices.arrays[0].astype(products.dtype)
        return np.asarray(matrix @ products @ matrix.T)


def transform(*, outputs: Pair, taps: Pair) -> Winograd:
    """F(outputs, taps); both are square."""
    return Winograd(cook_toom(outputs[0], taps[0]))


def output_tile(problem: Problem, tile: int | None) -> int:
    """The output tile m that was asked for, or the largest in common use: F(6, 3), F(4, 5) and their like.

    Raises: InvalidProblem for a tile below 1.
    """
    if tile is None:
        return max(2, LARGEST_SIDE + 1 - problem.r)
    if tile < 1:
        raise InvalidProblem(f"tile={tile} must be at least 1; it is the m of F(m, {problem.r})")
    return tile


def constraint(problem: Problem, _pass: Pass) -> str | None:
    """Why Winograd cannot do this problem, or None."""
    if problem.r != problem.s:
        return f"winograd needs a square kernel, got {problem.r}x{problem.s}"
    if problem.r < 2:
        return "winograd needs a kernel of at least 2x2, got 1x1"
    return needs_unit_steps("winograd", problem)


def compute(problem: Problem, pass_: Pass, first: Array, second: Array, tile: int | None = None) -> Array:
    """The result of a pass by F(m × m, r × r), or F(r × r, m × m) for the gradient of the filters."""
    m = output_tile(problem, tile)
    return convolve(problem, pass_, first, second, outputs=(m, m), transform=transform)


def _matrices(problem: Problem, pass_: Pass, m: int) -> Matrices:
    return cook_toom(problem.r, m) if pass_ is Pass.BACKWARD_FILTER else cook_toom(m, problem.r)


def cost(problem: Problem, pass_: Pass, tile: int | None = None) -> Cost:
    """Product stage and the three transforms by their matrices' non-zeros; workspace of the unfused form."""
    m = output_tile(problem, tile)
    tiles = tiled(problem, pass_, (m, m))
    side = tiles.side[0]
    images_c, images_k = problem.n * tiles.count * problem.c, problem.n * tiles.count * problem.k
    filters = problem.k * problem.c // problem.groups
    multiplications = side**2 * tiles.count * problem.n * filters
    matrices = _matrices(problem, pass_, m)
    data, kernel, inverse = (tile_operations(part) for part in (matrices.data, matrices.filter, matrices.output))
    counts = {
        Pass.FORWARD: (images_c, filters, images_k),
        Pass.BACKWARD_DATA: (images_k, filters, images_c),
        Pass.BACKWARD_FILTER: (images_c, images_k, filters),
    }[pass_]
    transforms = data * counts[0] + kernel * counts[1] + inverse * counts[2]
    return cost_of(
        problem,
        multiplications=multiplications,
        flops=2 * multiplications + transforms,
        workspace_bytes=side**2 * (filters + images_c + images_k) * FLOAT32_BYTES,
    )


def bound(problem: Problem, pass_: Pass, dtype: DType, terms: Terms, tile: int | None = None) -> Array:
    """Roundings of the product stage and of the transforms (2 · side each way), magnified by the matrices."""
    m = output_tile(problem, tile)
    tiles = tiled(problem, pass_, (m, m))
    roundings = accumulated(problem, pass_, tiles) + 4 * tiles.side[0]
    amplification = _matrices(problem, pass_, m).typical_amplification ** 2
    return norm_bound(terms, roundings, dtype, amplification=amplification)


WINOGRAD = Method(compute, constraint, cost, bound)
