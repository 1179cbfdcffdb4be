"""Slopes of a figure over what it may go with, drawn to what is believed of them before."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .robust import HUBER, mad_sigma

# What is believed before counts as so many cases; what cases have in common is found in so many rounds.
_PRIOR_WEIGHT = 5
POOLINGS = 4
# The weights of values that lie far away are made again so often.
_ITERATIONS = 6

Array = NDArray[np.float64]


def slopes_over(
    axes: Array, figure: Array, *, means: Sequence[float], deviations: Sequence[float], least_noise: float, alike: float
) -> tuple[Array, Array]:
    """Slopes of the figure over these axes, and their covariance.

    `means` and `deviations` are believed before; a value scatters by `least_noise` at least; so many values are `alike`
    and count as one for the covariance. Shapes: axes x values; values; axes; axes.
    Source: ridge regression (a normal prior) with Huber's weights.
    """
    prior = np.diag(np.square(deviations) ** -1.0)
    pull_before = prior @ np.asarray(means)
    residuals = figure - np.median(figure)
    for _ in range(_ITERATIONS):
        noise = max(least_noise, mad_sigma(residuals.tolist()))
        weights = np.minimum(1.0, HUBER * noise / np.maximum(np.abs(residuals), 1e-9))
        total = weights.sum()
        centred = axes - (axes @ weights / total)[:, None]
        off = figure - figure @ weights / total
        seen = (centred * weights) @ centred.T / noise**2
        pull = centred @ (weights * off) / noise**2
        slopes = np.linalg.solve(seen + prior, pull + pull_before)
        residuals = off - slopes @ centred
    return slopes, np.asarray(np.linalg.inv(seen / alike + prior), dtype=np.float64)


def pooled(slopes: Array, variances: Array, prior_deviation: float) -> tuple[float, float]:
    """Mean and standard deviation of the slopes of cases that are each known with these variances.

    Source: a step of empirical Bayes (`Belief.pooled` names it).
    """
    if not len(slopes):
        return 0.0, prior_deviation
    weight, middle = len(slopes) / (len(slopes) + _PRIOR_WEIGHT), float(np.median(slopes))
    variance = mad_sigma((slopes - middle).tolist()) ** 2 + float(np.median(variances))
    return weight * middle, math.sqrt(weight * variance + (1 - weight) * prior_deviation**2)
