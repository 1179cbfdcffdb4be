"""Made-up samples of visits, whose control takes a microsecond."""

from __future__ import annotations

import math
import random

from pytest_cnnperf.cases import Clock
from pytest_cnnperf.measuring.samples import Plan, Round, Samples


def in_visits(*visits: list[list[int]]) -> Samples:
    made = tuple(
        Round(tuple(ns), (1000,) * len(ns), tuple(ns), number) for number, rounds in enumerate(visits) for ns in rounds
    )
    return Samples(Clock.PROCESS_CPU, Plan(1, 1, "c"), made, 1)


def at(*logs: float) -> Samples:
    """A visit at each of these logarithms of its figure, without noise within."""
    return in_visits(*([[round(1e9 * math.exp(log))] * 5] for log in logs))


def noisy(noise: float, between: float, *, visits: int = 8, count: int = 10, seed: int = 10) -> Samples:
    """Visits that differ by `between`, and samples within them by `noise`."""
    draw = random.Random(seed)
    middles = [draw.gauss(0, between) for _ in range(visits)]
    return in_visits(
        *([[round(1e9 * math.exp(draw.gauss(middle, noise))) for _ in range(count)]] for middle in middles)
    )
