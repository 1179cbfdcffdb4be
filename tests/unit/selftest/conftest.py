"""Recordings as a quiet machine would give them, from a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from pytest_cnnperf.cases import Clock
from pytest_cnnperf.measuring.samples import Plan, Round, Samples
from pytest_cnnperf.selftest.collecting import VISITS
from pytest_cnnperf.selftest.recordings import Recording, Recordings

Record = Callable[..., Recording]
CONTROL_NS = 1_000_000


@pytest.fixture
def record() -> Record:
    """`record(turn, slowdown=…, visits=(…))`: a visit at each of these paces, 1 is the unchanged workload's."""
    chance = random.Random(20261123)

    def visit(number: int, pace: float) -> Samples:
        ns = tuple(round(5e6 * pace * (1 + chance.gauss(0, 0.002))) for _ in range(12))
        round_ = Round(ns, (CONTROL_NS,) * len(ns), ns, visit=number)
        return Samples(Clock.PROCESS_CPU, Plan(1, 5, "made up"), (round_,), 1)

    def make(turn: int, *, slowdown: float = 0.0, visits: Sequence[float] | None = None) -> Recording:
        paces = visits or [1 + slowdown] * VISITS
        return Recording(slowdown, turn, tuple(visit(number, pace) for number, pace in enumerate(paces)))

    return make


def recordings(*each: Recording) -> Recordings:
    return Recordings("made", "Made up", "made-up-key", each)


@pytest.fixture
def quiet(record: Record) -> Recordings:
    """Four turns of the unchanged workload and of two slowdowns."""
    return recordings(*(record(turn, slowdown=slowdown) for turn in range(4) for slowdown in (0.0, 0.05, 0.2)))
