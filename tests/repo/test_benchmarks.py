"""The rules of the benchmarks and the study, on made-up measurements; what they measure is measured by hand."""

from __future__ import annotations

import json
import math
import random
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from pytest_cnnperf.cases import Clock
from pytest_cnnperf.measuring.between_visits import Floor
from pytest_cnnperf.measuring.samples import Plan, Round, Samples

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])


def visits(*, count: int, elapsed_noise: float) -> list[Samples]:
    """Pairs that agree within 0.3 %, beside elapsed times that a neighbour stretches; a visit every twelve seconds."""
    draw = random.Random(1)
    made = []
    for number in range(count):
        stretch = math.exp(abs(draw.gauss(0, elapsed_noise)))
        workload = tuple(round(1e7 * math.exp(draw.gauss(0, 0.003))) for _ in range(6))
        wall = tuple(round(ns * stretch) for ns in workload)
        round_ = Round(workload, (5_000_000,) * 6, wall, at_seconds=12 * number)
        made.append(Samples(Clock.PROCESS_CPU, Plan(1, 10, "c"), (round_,), 1))
    return made


@pytest.mark.usefixtures("benchmarks")
def test_the_table_of_verdicts_counts_what_each_rule_says(monkeypatch: pytest.MonkeyPatch) -> None:
    import verdicts

    monkeypatch.setattr(verdicts, "STRIDE", 3)
    made = visits(count=60, elapsed_noise=0.2)
    rows = {row.rule: row for row in verdicts.rows(made, verdicts.learned(made))}
    ours, theirs = rows["cnnperf, threshold 5.0%"], rows["pytest-benchmark mean:5%"]
    # 40 visits are left after the third that teaches. Recordings of twelve begin at every third of the first 29, and
    # each is compared with eight of the 28 others, which begin at every third of the first 21.
    assert ours.comparisons == theirs.comparisons == 10 * 7
    # Two runs of six visits take three or nine visits more: they begin at every third of the first 26, or of 20.
    assert rows["  the same of two runs, 5.0%"].comparisons == (9 + 7) * 7
    assert ours.alarms == 0
    assert ours.found[-1] == 1.0
    # Elapsed times apart by 20 % (one-sided) have a standard deviation of 0.2 × sqrt(1 - 2 / pi) = 12 %; the mean of
    # four of them against that of twelve moves by 7 %, and by more than 5 % upwards in about a quarter of comparisons.
    assert 0.1 < theirs.alarms < 0.4


@pytest.mark.usefixtures("benchmarks")
def test_comparisons_of_fewer_visits_are_more_and_take_less_time(monkeypatch: pytest.MonkeyPatch) -> None:
    import verdicts

    monkeypatch.setattr(verdicts, "STRIDE", 3)
    made = visits(count=60, elapsed_noise=0.0)
    rows = {row.rule: row for row in verdicts.rows(made, verdicts.learned(made), compared_visits=4)}
    # Four of the 28 others begin at every third of the first 25.
    assert rows["cnnperf, threshold 5.0%"].comparisons == 10 * 9
    # Six samples of 10 ms of workload and ten units of 5 ms of control.
    assert verdicts.timing_seconds(made) == pytest.approx(6 * (0.01 + 10 * 0.005), rel=0.01)


@pytest.mark.usefixtures("benchmarks")
@pytest.mark.parametrize(("seconds", "count"), [(0.5, 4), (2.8, 4), (3.0, 8), (5.0, 12), (60.0, 12)])
def test_a_comparison_of_some_seconds_has_the_visits_of_a_look(seconds: float, count: int) -> None:
    import verdicts

    # Each visit times 0.36 s.
    assert verdicts.visits_within(visits(count=3, elapsed_noise=0.0), seconds) == count


@pytest.mark.usefixtures("benchmarks")
def test_collected_visits_come_back_with_their_sweeps() -> None:
    import verdicts

    swept = Samples(Clock.PROCESS_CPU, Plan(1, 10, "c"), (Round((5,), (1,), (5,), visit=2, sweep_ns=(7,)),), 1)
    condition = {name: [{**asdict(swept), "seconds": 2.5}] * 3 for name in ("torch", "numpy")}
    found = verdicts.loaded(json.loads(json.dumps(condition)))
    began = {name: [visit.rounds[0].at_seconds for visit in visits] for name, visits in found.items()}
    assert began == {"torch": [0, 5, 10], "numpy": [2, 8, 12]}  # by turns, 2.5 s each
    assert found["numpy"][0] == replace(swept, rounds=(replace(swept.rounds[0], at_seconds=2),))


@pytest.mark.usefixtures("benchmarks")
def test_visits_of_one_measurement_begin_with_the_first_and_go_on_behind_the_last() -> None:
    import verdicts

    made = [
        replace(visit, rounds=tuple(replace(each, at_seconds=at) for each in visit.rounds))
        for visit, at in zip(visits(count=4, elapsed_noise=0.0), (50, 62, 5, 17), strict=True)
    ]
    measured = verdicts.numbered(made)
    assert [(one.rounds[0].visit, one.rounds[0].at_seconds) for one in measured] == [
        (0, None),
        (1, 12),
        (2, 72),
        (3, 84),
    ]


@pytest.mark.usefixtures("benchmarks")
def test_the_table_tells_what_the_sweeps_take_from_the_noise() -> None:
    import verdicts

    draw = random.Random(3)
    made = []
    for number in range(40):
        memory = math.exp(draw.gauss(0, 0.1))
        # A workload that goes half with a memory that busy neighbours slow for a whole visit.
        workload = tuple(round(1e7 * memory**0.5 * math.exp(draw.gauss(0, 0.003))) for _ in range(6))
        round_ = Round(
            workload, (5_000_000,) * 6, workload, sweep_ns=(round(1e6 * memory),) * 6, at_seconds=12 * number
        )
        made.append(Samples(Clock.PROCESS_CPU, Plan(1, 10, "c"), (round_,), 1))
    own, alone, quiet = (
        float(word.rstrip("%")) for word in verdicts.noise(made, Floor()).split() if word.endswith("%")
    )
    assert quiet == 0
    # 5 % a visit; the median of eight against that of twelve: times sqrt(pi / 2 × (1 / 8 + 1 / 12)) = 0.57.
    assert alone == pytest.approx(2.9, rel=0.35)
    assert own < alone / 4


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
