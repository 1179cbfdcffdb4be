"""The definition: for every filter tap, shift the image, multiply and add. Every other algorithm must agree with it."""

from __future__ import annotations

import numpy as np

from ..cases import DType, Pass, Problem
from .images import all_taps, by_group, padded, padded_size, reduction_length, tap, unpadded
from .method import Cost, Method, cost_of, no_constraint
from .rounding import Array, Terms, sum_bound


def forward(problem: Problem, x: Array, w: Array) -> Array:
    """y[n, k, p, q] = Σ x[n, c, p·stride − pad + r·dilation, …] · w[k, c, r, s]."""
    images = padded(problem, x)
    filters = by_group(w, problem.groups, axis=0)
    y = np.zeros((problem.n, problem.groups, problem.k // problem.groups, problem.p * problem.q), x.dtype)
    for i, j in all_taps(problem):
        y += filters[..., i, j] @ _pixels(problem, tap(problem, images, i=i, j=j))
    return y.reshape(problem.y_shape)


def backward_data(problem: Problem, dy: Array, w: Array) -> Array:
    """dx: every tap adds its share of dy to the pixels that it saw."""
    filters = by_group(w, problem.groups, axis=0)
    gradient = _pixels(problem, by_group(dy, problem.groups, axis=1))
    channels = problem.c // problem.groups
    dx = np.zeros((problem.n, problem.groups, channels, *padded_size(problem)), dy.dtype)
    for i, j in all_taps(problem):
        share = filters[..., i, j].swapaxes(-1, -2) @ gradient
        tap(problem, dx, i=i, j=j)[...] += share.reshape(*share.shape[:-1], problem.p, problem.q)
    return unpadded(problem, dx)


def backward_filter(problem: Problem, x: Array, dy: Array) -> Array:
    """dw[k, c, r, s] = Σ over images and outputs of dy times the pixel that the tap saw."""
    images = padded(problem, x)
    gradient = _pixels(problem, by_group(dy, problem.groups, axis=1))
    dw = np.empty((problem.groups, problem.k // problem.groups, *problem.w_shape[1:]), x.dtype)
    for i, j in all_taps(problem):
        seen = _pixels(problem, tap(problem, images, i=i, j=j))
        dw[..., i, j] = (gradient @ seen.swapaxes(-1, -2)).sum(axis=0)
    return dw.reshape(problem.w_shape)


def _pixels(problem: Problem, images: Array) -> Array:
    return images.reshape(*images.shape[:-2], problem.p * problem.q)


_PASSES = {Pass.FORWARD: forward, Pass.BACKWARD_DATA: backward_data, Pass.BACKWARD_FILTER: backward_filter}


def compute(problem: Problem, pass_: Pass, first: Array, second: Array, _tile: int | None = None) -> Array:
    """The result of a pass by its definition."""
    return _PASSES[pass_](problem, first, second)


def cost(problem: Problem, _pass: Pass, _tile: int | None = None) -> Cost:
    """One multiplication and one addition per multiply-accumulate, no workspace; the same for every pass."""
    return cost_of(problem, multiplications=problem.macs, flops=2 * problem.macs, workspace_bytes=0)


def bound(problem: Problem, pass_: Pass, dtype: DType, terms: Terms, _tile: int | None = None) -> Array:
    """A plain sum of products, in any order."""
    return sum_bound(terms, reduction_length(problem, pass_), dtype)


DIRECT = Method(compute, no_constraint, cost, bound)
