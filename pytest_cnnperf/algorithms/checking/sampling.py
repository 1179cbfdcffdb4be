"""The truth at some coordinates of a result, each from its own products."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np
import numpy.typing as npt

from ...cases import Pass, Problem
from ..images import Shape, reduction_length
from ..rounding import Array, Terms

Coordinates = npt.NDArray[np.intp]
Indices = npt.NDArray[np.intp]

MOST_SAMPLES = 256
FEWEST_SAMPLES = 8
# Products that all samples together may cost, and products held in memory at once.
BUDGET = 2**24
BLOCK = 2**19


def sample_count(problem: Problem, pass_: Pass) -> int:
    """As many samples as the budget allows: fewer where each is a long sum."""
    return min(MOST_SAMPLES, max(FEWEST_SAMPLES, BUDGET // reduction_length(problem, pass_)))


def coordinates(shape: Shape, count: int, generator: np.random.Generator) -> Coordinates:
    """`count` places: corners of the first and the last image first, then edges, the rest anywhere.

    Shapes: (count, 4).
    """
    places = generator.integers(0, shape, size=(count, 4), dtype=np.intp)
    last = np.asarray(shape) - 1
    corners = np.array([[a, b, c, d] for c in (0, 1) for d in (0, 1) for a, b in ((0, 0), (1, 1))]) * last
    corners = corners[: count // 2]
    places[: len(corners)] = corners
    edges = slice(len(corners), len(corners) + count // 4)
    number = edges.stop - edges.start
    axis = generator.integers(2, 4, number)
    places[np.arange(edges.start, edges.stop), axis] = generator.integers(0, 2, number) * last[axis]
    return places


def terms_at(problem: Problem, pass_: Pass, first: Array, second: Array, *, places: Coordinates) -> Terms:
    """Exact value, Σ|t| and ‖t‖₂ of the results at these places. Shapes: three arrays (len(places),)."""
    if pass_ is Pass.BACKWARD_FILTER:
        sums = [_filter_sums(problem, first, second, place=place) for place in places.tolist()]
    else:
        block = max(1, BLOCK // reduction_length(problem, pass_))
        parts = (places[start : start + block] for start in range(0, len(places), block))
        sums = [row for part in parts for row in _image_sums(problem, pass_, first, second, places=part)]
    value, absolute, square = np.array(sums).T
    return Terms(value, absolute, np.sqrt(square))


def _image_sums(problem: Problem, pass_: Pass, images: Array, w: Array, *, places: Coordinates) -> Array:
    """Rows (Σt, Σ|t|, Σt²) of y or dx: every place gathers the pixels and weights that meet there."""
    n, channel, row, column = places.T
    backward = pass_ is Pass.BACKWARD_DATA
    members_k, members_c = problem.k // problem.groups, problem.c // problem.groups
    group = channel // (members_c if backward else members_k)
    width = members_k if backward else members_c
    sources = group[:, None] * width + np.arange(width)
    taps = w[sources, (channel - group * members_c)[:, None]] if backward else w[channel]
    rows, rows_inside = _pixels_of(problem, row, axis=0, backward=backward)
    columns, columns_inside = _pixels_of(problem, column, axis=1, backward=backward)
    image, source = n[:, None, None, None], sources[:, :, None, None]
    pixels = images[image, source, rows[:, None, :, None], columns[:, None, None, :]]
    inside = rows_inside[:, None, :, None] & columns_inside[:, None, None, :]
    products = np.multiply(pixels, taps, dtype=np.float64) * inside
    return _sums(products.reshape(len(places), -1))


def _pixels_of(problem: Problem, place: Indices, *, axis: int, backward: bool) -> tuple[Indices, npt.NDArray[np.bool_]]:
    """Along one axis, the pixel that meets each tap at each place, and whether there is one. Shapes: (places, taps)."""
    size = (problem.r, problem.s)[axis]
    stride, pad, dilation = problem.stride[axis], problem.pad[axis], problem.dilation[axis]
    steps = np.arange(size) * dilation - pad
    if backward:
        pixel, rest = np.divmod(place[:, None] - steps, stride)
        length = (problem.p, problem.q)[axis]
    else:
        pixel = place[:, None] * stride + steps
        rest, length = np.zeros_like(pixel), (problem.h, problem.w)[axis]
    inside = (rest == 0) & (pixel >= 0) & (pixel < length)
    return np.where(inside, pixel, 0), inside


def _filter_sums(problem: Problem, x: Array, dy: Array, *, place: list[int]) -> Array:
    """(Σt, Σ|t|, Σt²) of one element of dw: a tap's pixels of one channel times one channel of dy."""
    k, c, i, j = place
    channel = k // (problem.k // problem.groups) * (problem.c // problem.groups) + c
    (seen_rows, rows), (seen_columns, columns) = (
        _seen_by_tap(problem, tap, axis=axis) for axis, tap in enumerate((i, j))
    )
    pixels, gradient = x[:, channel, seen_rows, seen_columns], dy[:, k, rows, columns]
    block = max(1, BLOCK // max(1, prod(pixels.shape[1:])))
    parts = [
        _sums(np.multiply(pixels[part], gradient[part], dtype=np.float64).reshape(1, -1))[0]
        for part in _blocks(problem.n, block)
    ]
    return np.asarray(np.sum(parts, axis=0))


def _blocks(length: int, block: int) -> Iterator[slice]:
    return (slice(start, start + block) for start in range(0, length, block))


def _seen_by_tap(problem: Problem, tap: int, *, axis: int) -> tuple[slice, slice]:
    """Along one axis, the pixels of x that one tap sees inside the image, and the outputs that see them."""
    length, outputs = (problem.h, problem.w)[axis], (problem.p, problem.q)[axis]
    stride, start = problem.stride[axis], tap * problem.dilation[axis] - problem.pad[axis]
    first = min(outputs, max(0, -(start // stride)))
    last = max(first, min(outputs, (length - 1 - start) // stride + 1))
    if first == last:
        return slice(0, 0), slice(0, 0)
    return slice(start + first * stride, start + (last - 1) * stride + 1, stride), slice(first, last)


def _sums(products: Array) -> Array:
    """Shapes: (places, products) → (places, 3)."""
    square = np.einsum("ij,ij->i", products, products)
    value = products.sum(axis=1)
    return np.stack([value, np.abs(products, out=products).sum(axis=1), square], axis=1)
