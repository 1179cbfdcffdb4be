"""What must hold for a self-test to pass, as far as chance can be told from failure."""

from __future__ import annotations

import math

from ..judging.statistics import session_level
from .rates import Rate

# A passing machine and judge fail a self-test in so many cases; divided among all that is checked.
FAILS_BY_CHANCE = 0.01
# So often a promised slowdown must be found.
MUST_FIND = 0.95
# The judge's resolution is found four times in five; so many times of it, 19 times in 20: at a level of 1 %,
# (2.58 + 1.64) / (2.58 + 0.84) = 1.24 standard errors, and some more for few degrees of freedom.
OF_RESOLUTION = 1.5


def is_promised(rate: Rate) -> bool:
    """Whether the judge says of its own samples that it can find this slowdown."""
    resolution = rate.slowed.resolution
    return resolution is not None and rate.slowdown >= OF_RESOLUTION * resolution


def allowed_alarms(rate: Rate, *, level: float, checks: int) -> int:
    """False alarms that chance explains, where each comparison may raise one with probability `level`.

    `checks` is the number of all such questions in a self-test.
    """
    return most_by_chance(rate.unchanged.comparisons, level, beyond=session_level(checks, FAILS_BY_CHANCE))


def least_found(rate: Rate, *, checks: int) -> int:
    """Detections below which chance does not explain the misses, where 95 % should be found."""
    count = rate.slowed.comparisons
    return count - most_by_chance(count, 1 - MUST_FIND, beyond=session_level(checks, FAILS_BY_CHANCE))


def most_by_chance(count: int, probability: float, *, beyond: float) -> int:
    """The smallest number that as many trials exceed with a probability of at most `beyond`.

    Source: the binomial distribution, summed from its far end so that nothing cancels.
    """
    tail = 0.0
    for number in range(count, -1, -1):
        tail += math.comb(count, number) * probability**number * (1 - probability) ** (count - number)
        if tail > beyond:
            return number
    return 0
