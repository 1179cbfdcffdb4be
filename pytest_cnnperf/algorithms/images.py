"""Views and copies of images: zero padding, the pixels that one filter tap sees, channels by group."""

from __future__ import annotations

import numpy as np

from ..cases import Pass, Problem
from .rounding import Array

Pair = tuple[int, int]
Shape = tuple[int, int, int, int]


def shapes(problem: Problem, pass_: Pass) -> tuple[Shape, Shape, Shape]:
    """Shapes of first operand, second operand and result of a pass."""
    if pass_ is Pass.FORWARD:
        return problem.x_shape, problem.w_shape, problem.y_shape
    if pass_ is Pass.BACKWARD_DATA:
        return problem.y_shape, problem.w_shape, problem.x_shape
    return problem.x_shape, problem.y_shape, problem.w_shape


def reduction_length(problem: Problem, pass_: Pass) -> int:
    """The largest number of products that are added up for one element of the result."""
    if pass_ is Pass.FORWARD:
        return problem.c // problem.groups * problem.r * problem.s
    if pass_ is Pass.BACKWARD_DATA:
        return problem.k // problem.groups * problem.r * problem.s
    return problem.n * problem.p * problem.q


def padded_size(problem: Problem) -> Pair:
    """Height and width of the zero-padded input."""
    return (problem.h + 2 * problem.pad[0], problem.w + 2 * problem.pad[1])


def frame(images: Array, *, origin: Pair, size: Pair) -> Array:
    """The window of `size` pixels that starts at `origin`, zero where it reaches over the image.

    Shapes: (…, h, w) → (…, *size).
    """
    framed = np.zeros((*images.shape[:-2], *size), images.dtype)
    rows, columns = (_overlap(*axis) for axis in zip(origin, size, images.shape[-2:], strict=True))
    framed[..., rows[1], columns[1]] = images[..., rows[0], columns[0]]
    return framed


def _overlap(origin: int, size: int, length: int) -> tuple[slice, slice]:
    start = min(max(origin, 0), length)
    stop = max(start, min(origin + size, length))
    return slice(start, stop), slice(start - origin, stop - origin)


def padded(problem: Problem, x: Array) -> Array:
    """The input with its padding, channels split by group.

    Shapes: (n, c, h, w) → (n, groups, c/groups, h + 2 pad, w + 2 pad).
    """
    origin = (-problem.pad[0], -problem.pad[1])
    return by_group(frame(x, origin=origin, size=padded_size(problem)), problem.groups, axis=1)


def unpadded(problem: Problem, dx: Array) -> Array:
    """The inverse of `padded`: the gradient of the padding is dropped."""
    top, left = problem.pad
    return dx[..., top : top + problem.h, left : left + problem.w].reshape(problem.x_shape)


def tap(problem: Problem, images: Array, *, i: int, j: int) -> Array:
    """The pixels of padded images that filter tap (i, j) multiplies, as a view.

    Shapes: (…, h + 2 pad, w + 2 pad) → (…, p, q).
    """
    top, left = i * problem.dilation[0], j * problem.dilation[1]
    down, right = problem.stride
    return images[
        ...,
        top : top + (problem.p - 1) * down + 1 : down,
        left : left + (problem.q - 1) * right + 1 : right,
    ]


def by_group(array: Array, groups: int, *, axis: int) -> Array:
    """The array with `axis` split into (groups, members)."""
    return array.reshape(*array.shape[:axis], groups, -1, *array.shape[axis + 1 :])


def all_taps(problem: Problem) -> list[Pair]:
    """Every (i, j) of the filter."""
    return [(i, j) for i in range(problem.r) for j in range(problem.s)]
