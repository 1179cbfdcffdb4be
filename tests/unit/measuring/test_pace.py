"""How a case goes with the machine's pace, on made-up machines whose truth is known."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from pytest_cnnperf.cases import Clock
from pytest_cnnperf.measuring.between_visits import seen_floor
from pytest_cnnperf.measuring.pace import MOST_ALLOWED, PRIOR_PACE, PaceBelief, Recorded, allowed_for, pace_slope
from pytest_cnnperf.measuring.samples import MOMENT_SECONDS, Plan, Round, Samples, joined

CONTROL_NS, WORKLOAD_NS = 5e6, 2e7
# Logarithms of the control's time beside the usual, of visits of a quiet host.
PACES = [-0.02, 0.01, 0.0, 0.015, -0.01, 0.02, -0.015, 0.005, 0.0]


@pytest.fixture
def chance() -> random.Random:
    return random.Random(20261128)


def measured(
    chance: random.Random,
    paces: Sequence[float],
    *,
    slope: float,
    noise: float = 0.003,
    of_control: float = 0.004,
    factor: float = 1.0,
    run: int = 0,
    every_seconds: int = MOMENT_SECONDS,
) -> Samples:
    """A visit of twelve samples at each pace, of a case whose time is control ** (1 + slope).

    `noise` is of a visit, `of_control` of a sample of the control.
    """

    def ns(usual: float, log: float, scatter: float) -> tuple[int, ...]:
        return tuple(round(usual * math.exp(log + chance.gauss(0, scatter))) for _ in range(12))

    rounds = []
    for visit, pace in enumerate(paces):
        workload_ns = ns(WORKLOAD_NS * factor, (1 + slope) * pace + chance.gauss(0, noise), 0.004)
        control_ns = ns(CONTROL_NS, pace, of_control)
        at_seconds = visit * every_seconds if visit else None
        rounds.append(Round(workload_ns, control_ns, workload_ns, visit, run=run, at_seconds=at_seconds))
    return Samples(Clock.PROCESS_CPU, Plan(1, 10, "c"), tuple(rounds), 1)


def as_measured(*runs: Samples) -> list[Recorded]:
    """Runs of a case that goes with nothing else."""
    return [(run, run) for run in runs]


def slope_of(*runs: Samples, belief: PaceBelief | None = None) -> float:
    return pace_slope(as_measured(*runs), belief or PaceBelief())


@pytest.mark.parametrize("slope", [-0.2, 0.0, 0.5, 0.9])
def test_what_a_case_makes_of_the_pace_is_seen_between_its_visits(chance: random.Random, slope: float) -> None:
    assert slope_of(*(measured(chance, PACES, slope=slope, run=run) for run in range(3))) == pytest.approx(
        slope, abs=0.15
    )


@pytest.mark.parametrize("of_control", [0.004, 0.02, 0.04])
def test_the_noise_of_the_control_is_no_pace(chance: random.Random, of_control: float) -> None:
    cases = [
        as_measured(*(measured(chance, [0.0] * 9, slope=0.0, of_control=of_control, run=run) for run in range(3)))
        for _ in range(20)
    ]
    assert PaceBelief.pooled(cases).mean == pytest.approx(0.0, abs=0.06)


def test_what_runs_differ_by_is_no_matter_of_their_pace(chance: random.Random) -> None:
    slower = measured(chance, [pace + 0.03 for pace in PACES], slope=0.0, factor=1.2, run=1)
    assert slope_of(measured(chance, PACES, slope=0.0), slower) == pytest.approx(0.0, abs=0.2)


def test_what_happens_within_a_moment_is_not_the_pace_of_the_host(chance: random.Random) -> None:
    assert slope_of(measured(chance, PACES, slope=0.9, every_seconds=1)) == 0.0
    assert slope_of(measured(chance, PACES, slope=0.9)) > 0.6


def test_visits_of_few_moments_tell_less_than_as_many_at_moments_of_their_own(chance: random.Random) -> None:
    apart = measured(chance, PACES, slope=0.9)
    few = replace(apart, rounds=tuple(replace(each, at_seconds=8 * each.visit or None) for each in apart.rounds))
    assert few.moment_count == 2
    spreads = [PaceBelief.pooled([as_measured(side)] * 40).deviation for side in (apart, few)]
    assert spreads[0] < spreads[1]


def test_beyond_the_paces_that_recordings_know_nothing_more_is_allowed_for() -> None:
    assert [allowed_for(0.5, pace) for pace in (0.0, -0.02, 0.02)] == pytest.approx([0.0, -0.01, 0.01])
    assert allowed_for(0.5, -0.4) == -allowed_for(0.5, 0.4) == -0.5 * MOST_ALLOWED


def test_few_visits_are_drawn_to_what_the_other_cases_have_in_common(chance: random.Random) -> None:
    cases = [as_measured(measured(chance, PACES, slope=chance.gauss(0.5, 0.1))) for _ in range(40)]
    belief = PaceBelief.pooled(cases)
    assert belief.mean == pytest.approx(0.43, abs=0.1)
    assert belief.deviation < PRIOR_PACE
    two = measured(chance, [0.0, 0.001], slope=0.0)
    assert slope_of(two, belief=belief) == pytest.approx(belief.mean, abs=0.1)
    assert slope_of(two) == pytest.approx(0.0, abs=0.1)


def test_nothing_is_believed_of_nothing(chance: random.Random) -> None:
    single = measured(chance, [0.0], slope=0.5)
    assert PaceBelief.pooled([]) == PaceBelief.pooled([as_measured(single)]) == PaceBelief(0.0, PRIOR_PACE)
    assert slope_of(single, belief=PaceBelief(mean=0.4)) == 0.4


def test_rounds_without_usable_samples_are_left_out_and_the_others_of_their_visit_are_not(
    chance: random.Random,
) -> None:
    recording = measured(chance, PACES, slope=0.5)
    stopped = replace(recording.rounds[0], control_ns=(0,) * 12)
    broken = replace(recording, rounds=(*recording.rounds, stopped, Round((), (), (), visit=0)))
    assert slope_of(broken) == slope_of(recording)


def test_a_floor_knows_the_paces_of_its_recordings(chance: random.Random) -> None:
    recordings = [
        joined([measured(chance, PACES, slope=0.5, run=run, noise=0.002) for run in range(2)]) for _ in range(30)
    ]
    assert seen_floor(recordings, runs=0.01).pace.mean == pytest.approx(0.43, abs=0.1)
    assert seen_floor([], runs=0.01).pace == PaceBelief()
