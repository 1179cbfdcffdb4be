"""Samples as a noisy machine would give them, from a seed."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from pytest_cnnperf.cases import Clock
from pytest_cnnperf.judging.judge import judge
from pytest_cnnperf.judging.statistics import session_level
from pytest_cnnperf.judging.verdict import Judgement
from pytest_cnnperf.measuring.between_visits import Floor
from pytest_cnnperf.measuring.samples import Plan, Round, Samples

Draw = Callable[..., Samples]
CONTROL_NS = 1_000_000
SESSION = session_level(140)


def judged(
    now: Samples, before: Samples, *, floor: float = 0.01, runs: float = 0.0, threshold: float = 0.05
) -> Judgement:
    return judge(now, before, threshold=threshold, level=SESSION, floor=Floor(visits=floor, runs=runs))


@pytest.fixture
def draw() -> Draw:
    """`draw(noise=…, count=…, visits=…, between=…, factor=…, tail=…, outliers=…)`; the same test, the same numbers."""
    chance = random.Random(20170424)

    def noise_of(tail: int | None) -> float:
        # Student's t of so many degrees: 2 has infinite variance.
        width = math.sqrt(sum(chance.gauss(0, 1) ** 2 for _ in range(tail)) / tail) if tail else 1.0
        return chance.gauss(0, 1) / width

    def make(
        *,
        noise: float,
        count: int = 20,
        visits: int = 1,
        between: float = 0.0,
        factor: float = 1.0,
        tail: int | None = None,
        outliers: float = 0.0,
    ) -> Samples:
        made = []
        for visit in range(visits):
            level = 5e6 * factor * math.exp(chance.gauss(0, between))
            logs = (min(noise * noise_of(tail), 5.0) for _ in range(count))
            ns = tuple(int(level * math.exp(log) * (10 if chance.random() < outliers else 1)) for log in logs)
            made.append(Round(ns, (CONTROL_NS,) * count, ns, visit))
        return Samples(Clock.PROCESS_CPU, Plan(1, 5, "blend1"), tuple(made), 1)

    return make
