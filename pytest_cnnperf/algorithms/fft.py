"""Convolution as a product of Fourier transforms: of the whole image, or tile by tile (overlap-save).

Source: Mathieu, Henaff, LeCun, "Fast Training of Convolutional Networks through FFTs", ICLR 2014 (arXiv 1312.5851).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log2

import numpy as np

from ..cases import DType, Pass, Problem
from ..errors import InvalidProblem
from .method import Cost, Method, cost_of, needs_unit_steps
from .rounding import Array, Terms, norm_bound
from .tiling import Pair, Spectrum, Tiles, accumulated, convolve, tiled

OutputsOf = Callable[[Problem, Pass, "int | None"], Pair]
Constraint = Callable[[Problem, Pass], "str | None"]
# Tiles of NNPACK (8, 16) and cuDNN (16, 32).
TILES = (8, 16, 32)
COMPLEX64_BYTES = 8
# Operations of a real transform of N points: 2.5 N log2 N, half of a complex one by split radix.
REAL_TRANSFORM = 2.5


@dataclass(frozen=True)
class Fourier:
    """Circular correlation on a grid that is large enough for the wanted outputs to be free of wrap-around."""

    outputs: Pair
    taps: Pair

    @property
    def side(self) -> Pair:
        """Size of the transform."""
        return (self.outputs[0] + self.taps[0] - 1, self.outputs[1] + self.taps[1] - 1)

    def data(self, tiles: Array) -> Spectrum:
        """Half spectrum of every tile."""
        return np.fft.rfft2(tiles)

    def kernel(self, taps: Array) -> Spectrum:
        """Conjugate half spectrum of every kernel: correlation, not convolution."""
        return np.conj(np.fft.rfft2(taps, s=self.side))

    def inverse(self, products: Spectrum) -> Array:
        """The outputs that no wrapped pixel has reached."""
        return np.fft.irfft2(products, s=self.side)[..., : self.outputs[0], : self.outputs[1]]


def _whole(problem: Problem, pass_: Pass, _tile: int | None) -> Pair:
    return (problem.h, problem.w) if pass_ is Pass.BACKWARD_DATA else (problem.p, problem.q)


def _tile(problem: Problem, pass_: Pass, tile: int | None) -> Pair:
    """Outputs of an FFT tile; without a wish, of that tile which has to multiply least.

    Raises: InvalidProblem for a tile smaller than the kernel.
    """
    largest = max(problem.r, problem.s)
    if tile is not None and tile < largest:
        raise InvalidProblem(f"tile={tile} must be at least {largest}, the size of the kernel {problem.r}x{problem.s}")
    sides = [side for side in TILES if side >= largest] if tile is None else [tile]
    choices = [(side - problem.r + 1, side - problem.s + 1) for side in sides]
    return min(choices, key=lambda outputs: _product_points(tiled(problem, pass_, outputs)))


def _spectrum(tiles: Tiles) -> int:
    height, width = tiles.side
    return height * (width // 2 + 1)


def _product_points(tiles: Tiles) -> int:
    return tiles.count * _spectrum(tiles)


def whole_constraint(problem: Problem, _pass: Pass) -> str | None:
    """Why an FFT cannot do this problem, or None."""
    return needs_unit_steps("fft", problem)


def tiling_constraint(problem: Problem, _pass: Pass) -> str | None:
    """Why a tiled FFT cannot do this problem, or None."""
    if max(problem.r, problem.s) > TILES[-1]:
        return f"fft_tiling needs a kernel of at most {TILES[-1]}x{TILES[-1]}, got {problem.r}x{problem.s}"
    return needs_unit_steps("fft_tiling", problem)


def _cost(problem: Problem, pass_: Pass, outputs: Pair) -> Cost:
    """Four real multiplications per complex product; workspace: the half spectra of x, w and y in complex64."""
    tiles = tiled(problem, pass_, outputs)
    filters = problem.k * problem.c // problem.groups
    products = _product_points(tiles) * problem.n * filters
    images = problem.n * tiles.count * (problem.c + problem.k)
    points = tiles.side[0] * tiles.side[1]
    transforms = ceil(REAL_TRANSFORM * points * log2(points)) * (images + filters)
    return cost_of(
        problem,
        multiplications=4 * products,
        flops=8 * products + transforms,
        workspace_bytes=COMPLEX64_BYTES * _spectrum(tiles) * (images + filters),
    )


def _bound(problem: Problem, pass_: Pass, dtype: DType, terms: Terms, outputs: Pair) -> Array:
    """Norm-wise: log2 N roundings in each of the three transforms, and those of the product stage.

    Source: Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, theorem 24.2.
    """
    tiles = tiled(problem, pass_, outputs)
    transforms = 3 * log2(max(2, tiles.side[0] * tiles.side[1]))
    return norm_bound(terms, accumulated(problem, pass_, tiles) + transforms**2, dtype, amplification=1.0)


def _method(outputs_of: OutputsOf, constraint: Constraint) -> Method:
    def compute(problem: Problem, pass_: Pass, first: Array, second: Array, tile: int | None = None) -> Array:
        return convolve(problem, pass_, first, second, outputs=outputs_of(problem, pass_, tile), transform=Fourier)

    def cost(problem: Problem, pass_: Pass, tile: int | None = None) -> Cost:
        return _cost(problem, pass_, outputs_of(problem, pass_, tile))

    def bound(problem: Problem, pass_: Pass, dtype: DType, terms: Terms, tile: int | None = None) -> Array:
        return _bound(problem, pass_, dtype, terms, outputs_of(problem, pass_, tile))

    return Method(compute, constraint, cost, bound)


FFT = _method(_whole, whole_constraint)
FFT_TILING = _method(_tile, tiling_constraint)
