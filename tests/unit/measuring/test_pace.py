"""How a case goes with the machine's pace, on made-up machines whose truth is known."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from pytest_cnnperf.cases import Clock
from pytest_cnnperf.measuring.between_visits import seen_floor, visit_spread
from pytest_cnnperf.measuring.figure import figure_of
from pytest_cnnperf.measuring.pace import MOST_ALLOWED, PRIOR_PACE, Pace, PaceBelief, Recorded
from pytest_cnnperf.measuring.samples import Plan, Round, Samples, joined

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
    factor: float = 1.0,
    run: int = 0,
) -> Samples:
    """A visit of twelve samples at each pace, of a case whose time is control ** (1 + slope)."""

    def ns(usual: float, log: float) -> tuple[int, ...]:
        return tuple(round(usual * math.exp(log + chance.gauss(0, 0.004))) for _ in range(12))

    rounds = []
    for visit, pace in enumerate(paces):
        workload_ns = ns(WORKLOAD_NS * factor, (1 + slope) * pace + chance.gauss(0, noise))
        rounds.append(Round(workload_ns, ns(CONTROL_NS, pace), workload_ns, visit, run=run))
    return Samples(Clock.PROCESS_CPU, Plan(1, 10, "c"), tuple(rounds), 1)


def as_measured(*runs: Samples) -> list[Recorded]:
    """Runs of a case that goes with nothing else."""
    return [(run, run) for run in runs]


def found_in(*runs: Samples, belief: PaceBelief | None = None) -> Pace:
    found = Pace.of(as_measured(*runs), belief or PaceBelief())
    assert found is not None
    return found


@pytest.mark.parametrize("slope", [-0.2, 0.0, 0.5, 0.9])
def test_what_a_case_makes_of_the_pace_is_seen_between_its_visits(chance: random.Random, slope: float) -> None:
    found = found_in(*(measured(chance, PACES, slope=slope, run=run) for run in range(3)))
    assert found.slope == pytest.approx(slope, abs=4 * found.error)
    assert found.error < 0.1


def test_at_the_usual_pace_its_visits_agree(chance: random.Random) -> None:
    recording = measured(chance, PACES, slope=1.0)
    found = found_in(recording)
    assert visit_spread(found.allowed_for(recording, recording)) < 0.6 * visit_spread(recording)


def test_a_faster_host_makes_no_faster_case(chance: random.Random) -> None:
    recording = measured(chance, PACES, slope=0.9)
    now = measured(chance, [-0.04, -0.035, -0.045, -0.04], slope=0.9)
    found = found_in(recording)
    assert figure_of(now) / figure_of(recording) == pytest.approx(math.exp(-0.9 * 0.04), abs=0.01)
    then = figure_of(found.allowed_for(recording, recording))
    # The slope of one run is drawn to none.
    assert figure_of(found.allowed_for(now, now)) / then == pytest.approx(1.0, abs=0.015)


def test_beyond_the_paces_that_recordings_know_nothing_more_is_allowed_for(chance: random.Random) -> None:
    found = found_in(measured(chance, PACES, slope=1.0))
    far = measured(chance, [-0.3, 0.3], slope=0.0, noise=0.0)
    pairs = zip(found.allowed_for(far, far).rounds, far.rounds, strict=True)
    logs = [math.log(allowed.control_ns[0] / round_.control_ns[0]) for allowed, round_ in pairs]
    assert logs == pytest.approx([-MOST_ALLOWED * found.slope, MOST_ALLOWED * found.slope], rel=0.01)


def test_what_runs_differ_by_is_no_matter_of_their_pace(chance: random.Random) -> None:
    slower = measured(chance, [pace + 0.03 for pace in PACES], slope=0.0, factor=1.2, run=1)
    found = found_in(measured(chance, PACES, slope=0.0), slower)
    assert found.slope == pytest.approx(0.0, abs=4 * found.error)


def test_there_is_no_doubt_at_the_same_pace_and_more_the_farther_it_is(chance: random.Random) -> None:
    recording = measured(chance, PACES, slope=0.3)
    found = found_in(recording)
    doubts = [found.doubt(measured(chance, [pace] * 4, slope=0.3), recording) for pace in (0.0, -0.02, -0.04, -0.4)]
    assert doubts == pytest.approx([0.0, 0.02 * found.error, 0.04 * found.error, MOST_ALLOWED * found.error], abs=4e-4)


def test_few_visits_are_drawn_to_what_the_other_cases_have_in_common(chance: random.Random) -> None:
    cases = [as_measured(measured(chance, PACES, slope=chance.gauss(0.5, 0.1))) for _ in range(40)]
    belief = PaceBelief.pooled(cases)
    assert belief.mean == pytest.approx(0.45, abs=0.08)
    assert belief.deviation < 0.2
    two = measured(chance, [0.0, 0.001], slope=0.0)
    assert found_in(two, belief=belief).slope == pytest.approx(belief.mean, abs=0.05)
    assert found_in(two).slope == pytest.approx(0.0, abs=0.05)


def test_nothing_is_believed_of_nothing(chance: random.Random) -> None:
    single = measured(chance, [0.0], slope=0.5)
    assert PaceBelief.pooled([]) == PaceBelief.pooled([as_measured(single)]) == PaceBelief(0.0, PRIOR_PACE)
    assert Pace.of(as_measured(single), PaceBelief()) is None


def test_rounds_without_usable_samples_are_left_out_and_left_alone(chance: random.Random) -> None:
    recording = measured(chance, PACES, slope=0.5)
    stopped = replace(recording.rounds[0], control_ns=(0,) * 12, visit=20)
    empty = Round((), (), (), visit=21)
    broken = replace(recording, rounds=(*recording.rounds, stopped, empty))
    found = found_in(broken)
    assert found == found_in(recording)
    assert found.allowed_for(broken, broken).rounds[-2:] == (stopped, empty)


def test_a_floor_knows_the_paces_of_its_recordings(chance: random.Random) -> None:
    recordings = [
        joined([measured(chance, PACES, slope=0.5, run=run, noise=0.002) for run in range(2)]) for _ in range(30)
    ]
    assert seen_floor(recordings, runs=0.01).pace.mean == pytest.approx(0.45, abs=0.08)
    assert seen_floor([], runs=0.01).pace == PaceBelief()
