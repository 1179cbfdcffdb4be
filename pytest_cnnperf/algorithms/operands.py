"""Operands of a check: the same for the same seed, either exact in any order of summation or like those of training."""

from __future__ import annotations

from math import isqrt

import numpy as np
import numpy.typing as npt

from ..cases import Pass, Problem
from .images import Shape, reduction_length, shapes

Operand = npt.NDArray[np.float32]

# Integers up to 2^24 are exact in float32.
EXACT_SUM = 2**24
# Small enough for every compute dtype, TF32, bfloat16 and float16 included, to hold an operand exactly.
LARGEST_INTEGER = 4
# float16 loses precision below its smallest normal number; smaller operands are set to zero.
SMALLEST_NORMAL = 2.0**-14


def operands(problem: Problem, pass_: Pass, *, exact: bool, seed: int) -> tuple[Operand, Operand]:
    """First and second operand of a pass.

    Shapes: (x, w) forward, (dy, w) backward_data, (x, dy) backward_filter.
    `exact`: integers so small that every partial sum is exact in float32, whatever the order. Otherwise images after
    a ReLU (half of them zero), normal gradients, and normal filters of He's scale, so that outputs are about 1.
    """
    generator = np.random.default_rng(seed)
    first, second, _ = shapes(problem, pass_)
    if exact:
        return _integers(generator, problem, pass_, first=first, second=second)
    gradient_first = pass_ is Pass.BACKWARD_DATA
    images = _normal(generator, first)
    if not gradient_first:
        np.maximum(images, 0, out=images)
    other = _normal(generator, second)
    if pass_ is not Pass.BACKWARD_FILTER:
        other *= np.float32(np.sqrt(2 / reduction_length(problem, pass_)))
        other[np.abs(other) < SMALLEST_NORMAL] = 0
    return images, other


def _normal(generator: np.random.Generator, shape: Shape) -> Operand:
    return generator.standard_normal(shape, dtype=np.float32)


def _integers(
    generator: np.random.Generator, problem: Problem, pass_: Pass, *, first: Shape, second: Shape
) -> tuple[Operand, Operand]:
    length = reduction_length(problem, pass_)
    largest = min(LARGEST_INTEGER, isqrt((EXACT_SUM - 1) // length))
    if largest:
        pair = [_uniform(generator, shape, largest) for shape in (first, second)]
        return pair[0], pair[1]
    # Even ones are too many: only so many elements of the second operand are kept that 2^23 products remain.
    kept = generator.random(second, dtype=np.float32) < EXACT_SUM / 2 / length
    return _uniform(generator, first, 1), _uniform(generator, second, 1) * kept


def _uniform(generator: np.random.Generator, shape: Shape, largest: int) -> Operand:
    return generator.integers(-largest, largest, shape, dtype=np.int8, endpoint=True).astype(np.float32)
