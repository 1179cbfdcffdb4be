"""Convolution tile by tile through a bilinear transform: transform both, multiply point by point, transform back.

Winograd, the tiled FFT and the FFT of the whole image (a single tile) differ only in their transform.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from ..cases import Pass, Problem
from .images import frame
from .rounding import Array

Pair = tuple[int, int]
Spectrum = npt.NDArray[Any]


class Transform(Protocol):
    """A fast correlation of a data tile with a kernel of `taps`, giving `outputs` results a tile.

    Shapes: data (…, outputs + taps − 1) and kernel (…, taps) → spectrum (…, points); points → (…, outputs).
    """

    @property
    def outputs(self) -> Pair:
        """Results per tile."""

    @property
    def taps(self) -> Pair:
        """Size of the kernel."""

    def data(self, tiles: Array) -> Spectrum:
        """Transform data tiles."""

    def kernel(self, taps: Array) -> Spectrum:
        """Transform kernels."""

    def inverse(self, products: Spectrum) -> Array:
        """Transform products back to results."""


class MakeTransform(Protocol):
    """Makes the transform for given outputs and taps of a tile."""

    def __call__(self, *, outputs: Pair, taps: Pair) -> Transform:
        """The transform of this size."""


@dataclass(frozen=True)
class Tiles:
    """How many tiles of which size cover a pass. Units: `count` tiles per image, `side` pixels of a data tile."""

    count: int
    side: Pair


def tiled(problem: Problem, pass_: Pass, outputs: Pair) -> Tiles:
    """The tiles of a pass: they cover y, or dx for backward_data."""
    covered = (problem.h, problem.w) if pass_ is Pass.BACKWARD_DATA else (problem.p, problem.q)
    count = prod(-(-size // step) for size, step in zip(covered, outputs, strict=True))
    return Tiles(count, (outputs[0] + problem.r - 1, outputs[1] + problem.s - 1))


def accumulated(problem: Problem, pass_: Pass, tiles: Tiles) -> int:
    """How many products are added up in each point of the spectrum."""
    if pass_ is Pass.BACKWARD_FILTER:
        return problem.n * tiles.count
    return (problem.c if pass_ is Pass.FORWARD else problem.k) // problem.groups


def convolve(
    problem: Problem, pass_: Pass, first: Array, second: Array, *, outputs: Pair, transform: MakeTransform
) -> Array:
    """The result of a pass with stride and dilation 1, `outputs` at a time.

    backward_data is the correlation of dy with the filters turned by 180°; backward_filter that of x with tiles of
    dy as kernels: F(r, m) in place of F(m, r).
    """
    taps = (problem.r, problem.s)
    if pass_ is Pass.BACKWARD_FILTER:
        return _correlate_with_gradient(problem, first, second, using=transform(outputs=taps, taps=outputs))
    using = transform(outputs=outputs, taps=taps)
    if pass_ is Pass.FORWARD:
        origin = (-problem.pad[0], -problem.pad[1])
        return _correlate(first, second, groups=problem.groups, origin=origin, size=(problem.p, problem.q), using=using)
    origin = (problem.pad[0] - problem.r + 1, problem.pad[1] - problem.s + 1)
    turned = _turned(second, problem.groups)
    return _correlate(first, turned, groups=problem.groups, origin=origin, size=(problem.h, problem.w), using=using)


def _turned(w: Array, groups: int) -> Array:
    """Filters turned by 180° with input and output channels swapped inside each group."""
    k, members, r, s = w.shape
    grouped = w.reshape(groups, k // groups, members, r, s)[..., ::-1, ::-1]
    return grouped.swapaxes(1, 2).reshape(groups * members, k // groups, r, s)


def _data_tiles(images: Array, *, origin: Pair, grid: Pair, step: Pair, side: Pair) -> Array:
    """Overlapping tiles, as a view. Shapes: (n, c, h, w) → (n, c, *grid, *side)."""
    size = ((grid[0] - 1) * step[0] + side[0], (grid[1] - 1) * step[1] + side[1])
    windows = sliding_window_view(frame(images, origin=origin, size=size), side, axis=(-2, -1))  # type: ignore[call-overload]
    return np.asarray(windows[..., :: step[0], :: step[1], :, :])


def _by_point(spectrum: Spectrum, groups: int) -> Spectrum:
    """Shapes: (n, c, rows, columns, points…) → (points, groups, c/groups, n · rows · columns)."""
    n, _, rows, columns = spectrum.shape[:4]
    points = prod(spectrum.shape[4:])
    split = spectrum.reshape(n, groups, -1, rows * columns, points)
    return np.moveaxis(split, (4, 1, 2, 0, 3), (0, 1, 2, 3, 4)).reshape(points, groups, -1, n * rows * columns)


def _side(using: Transform) -> Pair:
    (up, left), (down, right) = using.outputs, using.taps
    return (up + down - 1, left + right - 1)


def _grid(size: Pair, step: Pair) -> Pair:
    return (-(-size[0] // step[0]), -(-size[1] // step[1]))


def _correlate(images: Array, filters: Array, *, groups: int, origin: Pair, size: Pair, using: Transform) -> Array:
    """y[n, k, i, j] = Σ images[n, c, origin + (i, j) + (r, s)] · filters[k, c, r, s], all of `size`."""
    n, k = images.shape[0], filters.shape[0]
    grid = _grid(size, using.outputs)
    data = using.data(_data_tiles(images, origin=origin, grid=grid, step=using.outputs, side=_side(using)))
    points = data.shape[4:]
    kernel = using.kernel(filters).reshape(groups, k // groups, -1, prod(points))
    # One matrix product for each point and group: (k, c) times (c, tiles of all images).
    products = (np.moveaxis(kernel, 3, 0) @ _by_point(data, groups)).reshape(*points, k, n, *grid)
    tiles = using.inverse(np.moveaxis(products, (-4, -3, -2, -1), (1, 0, 2, 3)))
    full = tiles.swapaxes(3, 4).reshape(n, k, grid[0] * using.outputs[0], grid[1] * using.outputs[1])
    return full[..., : size[0], : size[1]]


def _correlate_with_gradient(problem: Problem, x: Array, dy: Array, *, using: Transform) -> Array:
    """dw[k, c, r, s] = Σ over images and tiles of the tile's own correlation of x with dy."""
    step = using.taps
    grid = _grid((problem.p, problem.q), step)
    origin = (-problem.pad[0], -problem.pad[1])
    data = using.data(_data_tiles(x, origin=origin, grid=grid, step=step, side=_side(using)))
    kernel = using.kernel(_data_tiles(dy, origin=(0, 0), grid=grid, step=step, side=step))
    points = data.shape[4:]
    # One matrix product for each point and group: (k, tiles of all images) times (tiles, c).
    products = _by_point(kernel, problem.groups) @ _by_point(data, problem.groups).swapaxes(-1, -2)
    products = products.reshape(*points, problem.k, problem.c // problem.groups)
    return using.inverse(np.moveaxis(products, (-2, -1), (0, 1)))
