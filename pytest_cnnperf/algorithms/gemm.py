"""Convolution as one matrix product: im2col writes every pixel once per tap that sees it, then C·R·S is the inner size.

Source: Chellapilla, Puri, Simard, "High Performance Convolutional Neural Networks for Document Processing", 2006.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..cases import Pass, Problem
from . import direct
from .images import all_taps, by_group, padded, padded_size, tap, unpadded
from .method import FLOAT32_BYTES, Cost, Method, cost_of, no_constraint
from .rounding import Array


def columns(problem: Problem, x: Array) -> Array:
    """im2col. Shapes: (n, c, h, w) → (n, groups, c/groups · r · s, p · q)."""
    extent = tuple((size - 1) * step + 1 for size, step in zip((problem.r, problem.s), problem.dilation, strict=True))
    windows = sliding_window_view(padded(problem, x), extent, axis=(-2, -1))  # type: ignore[call-overload]
    (down, right), (below, beside) = problem.stride, problem.dilation
    seen = windows[..., ::down, ::right, ::below, ::beside]
    by_tap = np.moveaxis(seen, (-4, -3), (-2, -1))
    return by_tap.reshape(problem.n, problem.groups, -1, problem.p * problem.q)


def images_of(problem: Problem, gradient: Array) -> Array:
    """col2im, the transpose of im2col: add every column element to the pixel that it was read from."""
    channels = problem.c // problem.groups
    taps = gradient.reshape(problem.n, problem.groups, channels, problem.r, problem.s, problem.p, problem.q)
    dx = np.zeros((problem.n, problem.groups, channels, *padded_size(problem)), gradient.dtype)
    for i, j in all_taps(problem):
        tap(problem, dx, i=i, j=j)[...] += taps[:, :, :, i, j]
    return unpadded(problem, dx)


def compute(problem: Problem, pass_: Pass, first: Array, second: Array, _tile: int | None = None) -> Array:
    """The result of a pass by im2col and a matrix product per image and group."""
    groups = problem.groups
    if pass_ is Pass.BACKWARD_FILTER:
        dy = by_group(second, groups, axis=1).reshape(problem.n, groups, -1, problem.p * problem.q)
        gradient: Array = (dy @ columns(problem, first).swapaxes(-1, -2)).sum(axis=0)
        return gradient.reshape(problem.w_shape)
    filters = second.reshape(groups, problem.k // groups, -1)
    if pass_ is Pass.FORWARD:
        y: Array = filters @ columns(problem, first)
        return y.reshape(problem.y_shape)
    dy = by_group(first, groups, axis=1).reshape(problem.n, groups, -1, problem.p * problem.q)
    return images_of(problem, filters.swapaxes(-1, -2) @ dy)


def cost(problem: Problem, _pass: Pass, _tile: int | None = None) -> Cost:
    """As many operations as direct; workspace C·R·S·P·Q elements, for one image at a time as Caffe does it."""
    elements = problem.c * problem.r * problem.s * problem.p * problem.q
    return cost_of(
        problem,
        multiplications=problem.macs,
        flops=2 * problem.macs,
        workspace_bytes=elements * FLOAT32_BYTES,
    )


GEMM = Method(compute, no_constraint, cost, direct.bound)
# The matrix of columns is never written: the same sums without its workspace.
IMPLICIT_GEMM = Method(compute, no_constraint, direct.cost, direct.bound)
