"""How far an honest result may be from the truth: unit roundoffs, growth with the length of a sum, amplification.

Two bounds hold for a sum of L products t_1 … t_L in any order; a result must satisfy the smaller one that applies.

1. |error| ≤ u · min(L, λ√L) · Σ|t|. Worst case for short sums; for long ones roundings are as good as independent
   with mean zero. Even where all products have one sign, which is the worst for partial sums, L roundings that are
   uniform in ±u give a standard deviation of u·Σ|t|·√(L/9), so λ = 2 is 6 standard deviations in the worst case.
2. |error| ≤ u · λ·μ·√L · ‖t‖₂, for products of random sign: with μ = 4 no partial sum leaves ±μ‖t‖₂ (probability
   10⁻³ each), and were all of them there, λ = 2 would still be 3.5 standard deviations; as they are, it is about 10.
   It is used only for outputs that themselves stay within ±μ‖t‖₂, so that data of one sign falls back to bound 1.

Source: Higham, Mary, "A new approach to probabilistic rounding error analysis", SIAM J. Sci. Comput. 41 (2019) A2815;
the same, "Sharper probabilistic backward error analysis", SIAM J. Sci. Comput. 42 (2020) A3427; narrow inputs with
wide accumulation: Blanchard, Higham, Lopez, Mary, Pranesh, SIAM J. Sci. Comput. 42 (2020) C124.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from ..cases import DType

# Methods compute in the type of their operands; `registry.compute` makes that float64.
Array = npt.NDArray[np.floating[Any]]

WALK = 2.0
SPREAD = 4.0
# A result that flushes subnormal numbers to zero is still honest.
SMALLEST = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class Roundoff:
    """Unit roundoffs of a compute dtype: of its `inputs`, its accumulator's `sums` and the stored `output`.

    0 where nothing is rounded (operands are given in float32).
    """

    inputs: float
    sums: float
    output: float


# Tensor cores add in float32 and round towards zero: twice the unit roundoff.
# Source: Fasi, Higham, Mikaitis, Pranesh, "Numerical behavior of NVIDIA tensor cores", PeerJ CS 7 (2021) e330.
_TENSOR_CORE_SUMS = 2.0**-23
ROUNDOFF = {
    DType.FLOAT64: Roundoff(inputs=0.0, sums=2.0**-53, output=0.0),
    DType.FLOAT32: Roundoff(inputs=0.0, sums=2.0**-24, output=0.0),
    # Kernels that hand float32 operands to tensor cores as they are have their last 13 bits cut off, not rounded.
    DType.TF32: Roundoff(inputs=2.0**-10, sums=_TENSOR_CORE_SUMS, output=0.0),
    DType.FLOAT16: Roundoff(inputs=2.0**-11, sums=_TENSOR_CORE_SUMS, output=2.0**-11),
    DType.BFLOAT16: Roundoff(inputs=2.0**-8, sums=_TENSOR_CORE_SUMS, output=2.0**-8),
}


@dataclass(frozen=True)
class Terms:
    """The products behind some outputs: their exact sum, Σ|t| and ‖t‖₂. Shapes: three arrays of one shape."""

    value: Array
    absolute: Array
    euclidean: Array


def growth(length: int) -> float:
    """min(L, λ√L): how many unit roundoffs of Σ|t| a sum of L products may be off."""
    return min(float(length), WALK * sqrt(length))


def sum_bound(terms: Terms, length: int, dtype: DType) -> Array:
    """Bound of each output that is a plain sum of `length` products, added in any order."""
    roundoff = ROUNDOFF[dtype]
    by_absolute = (growth(length) * roundoff.sums + 2 * roundoff.inputs) * terms.absolute
    by_sign = (WALK * sqrt(length) * roundoff.sums + 2 * roundoff.inputs) * SPREAD * terms.euclidean
    random_signs = np.abs(terms.value) <= SPREAD * terms.euclidean
    bound = np.where(random_signs, np.minimum(by_absolute, by_sign), by_absolute)
    return bound + roundoff.output * np.abs(terms.value) + SMALLEST


def norm_bound(terms: Terms, roundings: float, dtype: DType, *, amplification: float) -> Array:
    """Bound of outputs that are computed through a transform, whose errors spread over all of a tile.

    `roundings` counts the independent roundings on the way to one output; the transform magnifies each of them by
    `amplification` relative to the largest ‖t‖₂ of all outputs.
    """
    roundoff = ROUNDOFF[dtype]
    relative = SPREAD * (WALK * sqrt(roundings) * roundoff.sums + 2 * roundoff.inputs) * amplification
    norm = float(terms.euclidean.max(initial=0.0))
    # Data of one sign has transforms as large as Σ|t|; the ratio of the largest value to the norm tells.
    skew = max(1.0, float(np.abs(terms.value).max(initial=0.0)) / (SPREAD * norm)) if norm else 1.0
    return relative * skew * norm + roundoff.output * np.abs(terms.value) + SMALLEST
