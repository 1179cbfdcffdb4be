"""The rules of the benchmarks and the study, on made-up measurements; what they measure is measured by hand."""

from __future__ import annotations

import math
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from pytest_cnnperf.cases import Clock
from pytest_cnnperf.measuring.samples import Plan, Round, Samples

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])


def visits(*, count: int, elapsed_noise: float) -> list[Samples]:
    """Pairs that agree within 0.3 %, beside elapsed times that a neighbour stretches."""
    draw = random.Random(1)
    made = []
    for _ in range(count):
        stretch = math.exp(abs(draw.gauss(0, elapsed_noise)))
        rounds = []
        for _ in range(4):
            workload = tuple(round(1e7 * math.exp(draw.gauss(0, 0.003))) for _ in range(6))
            rounds.append(Round(workload, (5_000_000,) * 6, tuple(round(ns * stretch) for ns in workload)))
        made.append(Samples(Clock.PROCESS_CPU, Plan(1, 10, "c"), tuple(rounds), 1))
    return made


@pytest.mark.usefixtures("benchmarks")
def test_the_table_of_verdicts_counts_what_each_rule_says() -> None:
    import verdicts

    made = visits(count=18, elapsed_noise=0.2)
    floors = verdicts.learned({"fake": made})
    rows = {row.rule: row for row in verdicts.rows(made, floors["fake"])}
    ours, theirs = rows["cnnperf, threshold 5.0%"], rows["pytest-benchmark mean:5%"]
    # Twelve visits are left after the third that teaches: ten recordings, each against the seven trios without it.
    assert ours.comparisons == theirs.comparisons == 10 * 7
    assert ours.alarms == 0
    assert ours.found[-1] == 1.0
    # Elapsed times apart by 20 % (one-sided) move by more than 5 % upwards in about two comparisons of five.
    assert 0.2 < theirs.alarms < 0.5


@pytest.mark.usefixtures("benchmarks")
def test_the_study_prefers_the_control_that_follows_the_workload() -> None:
    import controls

    draw = random.Random(2)

    def block() -> list[dict[str, Any]]:
        pace = math.exp(draw.gauss(0, 0.05))
        names = {"workload": pace, "im2col": pace, "copy": 1.0, "sweep": 1.0}
        return [{name: (1e7 * factor, 1e7 * factor) for name, factor in names.items()} for _ in range(20)]

    blocks = [block() for _ in range(20)]
    follows, stands = (
        controls.quality([controls.pairwise(name)(each) for each in blocks]) for name in ("im2col", "copy")
    )
    assert (follows.spread, follows.alarms, follows.found) == (pytest.approx(0, abs=1e-9), 0.0, 1.0)
    # What the control does not follow is in the figure: 5 % between blocks.
    assert stands.spread == pytest.approx(0.05, rel=0.35)
    assert stands.alarms > 0.1
    # And the choice on these blocks takes no memory into a control that follows without it.
    assert controls.chosen_weight(blocks)(blocks[0]) == controls.pairwise("im2col")(blocks[0])
