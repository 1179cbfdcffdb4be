"""Random projections: a sum of all results with random signs, whose truth is a much smaller convolution.

Convolution is bilinear, so Σ a_n b_k y[n, k] is the convolution of Σ a_n x[n] with Σ b_k w[k]: one image, one filter
a group. Both sides cost as much as reading the arrays. A single wrong element always changes the sum; with integers
the sums are exact, so it is always seen. Several independent projections make it unlikely that errors in two elements
cancel in all of them (two exchanged channels have equal signs in one projection with probability 1/2).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...cases import Pass, Problem
from .. import direct
from ..rounding import Array

PROJECTIONS = 4
BUDGET = 2**25


@dataclass(frozen=True)
class Projection:
    """Signs of the two contracted axes, and what the contracted result must be.

    Shapes: outer (projections, n or k), inner (projections, k or c), expected (projections, groups, height, width).
    `contracted` is how many results are added up in one element of `expected`.
    """

    problem: Problem
    pass_: Pass
    outer: Array
    inner: Array
    expected: Array
    contracted: int

    def of(self, output: Array) -> Array:
        """The same contraction of a result that is under test; not finite if any element of it is not."""
        if self.pass_ is Pass.BACKWARD_FILTER:
            return _filters(output, self.outer, self.inner, self.problem.groups)
        total = np.zeros(self.expected.shape)
        for signs, image in zip(self.outer.T, output, strict=True):
            total += signs[:, None, None, None] * _channels(image, self.inner, self.problem.groups)
        return total


def project(
    problem: Problem, pass_: Pass, first: Array, second: Array, *, generator: np.random.Generator
) -> Projection:
    """Random projections of a pass, with their truth by the definition."""
    k, c, groups = problem.k // problem.groups, problem.c // problem.groups, problem.groups
    inner_members, outer_members = {
        Pass.FORWARD: (k, problem.n),
        Pass.BACKWARD_DATA: (c, problem.n),
        Pass.BACKWARD_FILTER: (c, k),
    }[pass_]
    contracted = inner_members * outer_members
    number = max(1, min(PROJECTIONS, BUDGET * contracted // problem.macs))
    outer_size = problem.k if pass_ is Pass.BACKWARD_FILTER else problem.n
    outer, inner = _signs(generator, number, outer_size), _signs(generator, number, inner_members * groups)
    if pass_ is Pass.BACKWARD_FILTER:
        expected = _filter_truth(problem, first, second, outer=outer, inner=inner)
    else:
        expected = _image_truth(problem, pass_, first, second, outer=outer, inner=inner)
    return Projection(problem, pass_, outer, inner, expected, contracted)


def _signs(generator: np.random.Generator, number: int, size: int) -> Array:
    return generator.choice(np.array([-1.0, 1.0]), (number, size))


def _image_truth(problem: Problem, pass_: Pass, images: Array, w: Array, *, outer: Array, inner: Array) -> Array:
    """All projections at once, as the groups of one problem with one image."""
    number, groups = len(outer), problem.groups
    one = sum(signs[:, None, None, None] * image for signs, image in zip(outer.T, images, strict=True))
    taps = w.reshape(groups, problem.k // groups, *w.shape[1:]).astype(np.float64)
    signs = inner.reshape(number, groups, -1)
    if pass_ is Pass.FORWARD:
        small = replace(problem, n=1, c=number * problem.c, k=number * groups, groups=number * groups)
        filters = np.einsum("jgk,gkcrs->jgcrs", signs, taps, optimize=True)
    else:
        small = replace(problem, n=1, c=number * groups, k=number * problem.k, groups=number * groups)
        filters = np.einsum("jgc,gkcrs->jgkrs", signs, taps, optimize=True)
    first = np.asarray(one).reshape(small.x_shape if pass_ is Pass.FORWARD else small.y_shape)
    result = direct.compute(small, pass_, first, filters.reshape(small.w_shape))
    return result.reshape(number, groups, *result.shape[2:])


def _filter_truth(problem: Problem, x: Array, dy: Array, *, outer: Array, inner: Array) -> Array:
    number, groups = len(outer), problem.groups
    small = replace(problem, c=number * groups, k=number * groups, groups=number * groups)
    images = np.stack([_channels(image, inner, groups) for image in x]).reshape(small.x_shape)
    gradient = np.stack([_channels(image, outer, groups) for image in dy]).reshape(small.y_shape)
    result = direct.compute(small, Pass.BACKWARD_FILTER, images, gradient)
    return result.reshape(number, groups, problem.r, problem.s)


def _channels(image: Array, signs: Array, groups: int) -> Array:
    """Channels of one image contracted; one at a time, so that no float64 copy of all images is made.

    Shapes: (c, h, w), (projections, c) → (projections, groups, h, w).
    """
    height, width = image.shape[1:]
    by_group = signs.reshape(len(signs), groups, -1).swapaxes(0, 1)
    wide = image.reshape(groups, -1, height * width).astype(np.float64)
    return (by_group @ wide).swapaxes(0, 1).reshape(len(signs), groups, height, width)


def _filters(dw: Array, outer: Array, inner: Array, groups: int) -> Array:
    """Shapes: (k, c/groups, r, s) → (projections, groups, r, s)."""
    _, members, r, s = dw.shape
    taps = dw.reshape(groups, -1, members, r * s).astype(np.float64)
    by_channel = inner.reshape(len(inner), groups, 1, members).swapaxes(0, 1).swapaxes(1, 2)
    rows = by_channel @ taps
    result = np.einsum("jgk,gkjt->jgt", outer.reshape(len(outer), groups, -1), rows)
    return np.asarray(result).reshape(len(outer), groups, r, s)
