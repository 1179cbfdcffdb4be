"""How a case goes with core and memory, on made-up machines whose truth is known."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from pytest_cnnperf.cases import Clock
from pytest_cnnperf.measuring.between_visits import visit_spread
from pytest_cnnperf.measuring.median import median_ratio
from pytest_cnnperf.measuring.samples import Plan, Round, Samples
from pytest_cnnperf.measuring.sensitivity import PRIOR_MEMORY, PRIOR_MORE, Sensitivity, corrected_by_itself

CONTROL_NS, SWEEP_NS, WORKLOAD_NS = 5e6, 2e6, 2e7
NOISE = 0.005
# The machine's state at a visit, its core and its memory: logarithms of how much slower they are than usual.
State = tuple[float, float]
CALM: list[State] = [(0.0, 0.0)] * 8


@pytest.fixture
def chance() -> random.Random:
    return random.Random(20261126)


def busy(chance: random.Random, *, visits: int = 8) -> list[State]:
    """States that neighbours change by a tenth from visit to visit, of core and memory each for itself."""
    return [(chance.gauss(0, 0.1), chance.gauss(0, 0.1)) for _ in range(visits)]


def measured(
    chance: random.Random,
    states: Sequence[State],
    *,
    core: float = 1.0,
    memory: float = 0.0,
    noise: float = NOISE,
    own_noise: float = 0.0,
    factor: float = 1.0,
) -> Samples:
    """A visit of twelve samples in each of these states, of a case whose time is control ** core × sweep ** memory.

    `own_noise` is what control and sweep scatter by themselves, from sample to sample.
    """
    rounds = []
    for visit, (of_core, of_memory) in enumerate(states):
        logs = [core * of_core + memory * of_memory + chance.gauss(0, noise) for _ in range(12)]
        workload_ns = tuple(round(WORKLOAD_NS * factor * math.exp(log)) for log in logs)
        control_ns, sweep_ns = (
            tuple(round(ns * math.exp(state + chance.gauss(0, own_noise))) for _ in range(12))
            for ns, state in ((CONTROL_NS, of_core), (SWEEP_NS, of_memory))
        )
        rounds.append(Round(workload_ns, control_ns, workload_ns, visit, sweep_ns))
    return Samples(Clock.PROCESS_CPU, Plan(1, 10, "c"), tuple(rounds), 1)


def found_in(recording: Samples) -> Sensitivity:
    found = Sensitivity.of(recording)
    assert found is not None
    return found


def change(now: Samples, before: Samples) -> float:
    """Now ÷ baseline beside the control that goes as the baseline's case does."""
    found = found_in(before)
    return median_ratio(found.corrected(now)) / median_ratio(found.corrected(before))


@pytest.mark.parametrize(("core", "memory"), [(1.0, 0.0), (0.5, 0.5), (0.0, 1.0), (1.3, 0.2)])
def test_what_a_case_goes_with_is_seen_in_a_recording_beside_changing_neighbours(
    chance: random.Random, core: float, memory: float
) -> None:
    found = found_in(measured(chance, busy(chance), core=core, memory=memory))
    # A slope over eight states that vary by 10 % is known to about 0.5 % ÷ (10 % × sqrt(8 × 12)) = 0.005.
    assert (found.core, found.memory) == pytest.approx((core, memory), abs=0.03)


def test_beside_the_control_that_goes_as_the_case_does_its_visits_agree(chance: random.Random) -> None:
    recording = measured(chance, busy(chance), core=0.5, memory=0.5)
    # Beside the control alone they scatter by sqrt(2) × 0.5 × 10 %, otherwise by the median of twelve samples of 0.5 %.
    assert visit_spread(recording) > 0.05
    assert visit_spread(corrected_by_itself(recording)) < 0.005


def test_where_the_machine_did_not_vary_nothing_is_learned_and_nothing_is_corrected(chance: random.Random) -> None:
    recording = measured(chance, CALM, core=0.5, memory=0.5, noise=0.05)
    found = found_in(recording)
    assert (found.core, found.memory) == (1.0, 0.0)
    # Also of a later run in another state: its control alone is divided by.
    later = measured(chance, busy(chance), core=0.5, memory=0.5)
    assert median_ratio(found.corrected(later)) == pytest.approx(median_ratio(later), rel=1e-12)


def test_where_the_machine_hardly_varied_little_is_believed(chance: random.Random) -> None:
    states = [(0.0, chance.gauss(0, 0.001)) for _ in range(8)]
    found = found_in(measured(chance, states, memory=0.5, core=0.5, noise=0.03))
    # 96 samples of 3 % see a slope over 0.1 % with a standard error of 3, ten times what is believed before.
    assert abs(found.memory) < PRIOR_MEMORY / 3
    assert found.core == pytest.approx(1.0, abs=PRIOR_MEMORY / 3)


def test_the_more_the_machine_varied_the_more_is_believed(chance: random.Random) -> None:
    base = busy(chance)

    def of(scale: float) -> float:
        states = [(core * scale, memory * scale) for core, memory in base]
        return found_in(measured(random.Random(1), states, core=0.5, memory=0.5, noise=0.02)).memory

    # Information is the square of what varied: 10 % against the noise of 2 % is plenty, a hundredth of it is nothing.
    assert abs(of(0.001)) < 0.05
    assert of(1.0) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("odd", [3.0, 1 / 3])
def test_one_odd_sample_does_not_pull(chance: random.Random, odd: float) -> None:
    recording = measured(chance, busy(chance), core=0.7, memory=0.3)
    # In the visit that pulls most, the one with the slowest memory.
    number = max(range(8), key=lambda visit: recording.rounds[visit].sweep_ns[0])
    rounds = list(recording.rounds)
    workload_ns = list(rounds[number].workload_ns)
    workload_ns[0] = round(odd * workload_ns[0])
    rounds[number] = replace(rounds[number], workload_ns=tuple(workload_ns))
    pulled, sound = found_in(replace(recording, rounds=tuple(rounds))), found_in(recording)
    assert (pulled.core, pulled.memory) == pytest.approx((sound.core, sound.memory), abs=0.02)


def test_a_visit_gone_astray_does_not_pull(chance: random.Random) -> None:
    states = busy(chance)
    recording = measured(chance, states, core=0.7, memory=0.3)
    astray = replace(recording.rounds[3], workload_ns=tuple(2 * ns for ns in recording.rounds[3].workload_ns))
    found = found_in(replace(recording, rounds=(*recording.rounds[:3], astray, *recording.rounds[4:])))
    assert (found.core, found.memory) == pytest.approx((0.7, 0.3), abs=0.1)


@pytest.mark.parametrize("sweep_ns", [(), (1, 2), (0,) * 12], ids=["none", "too few", "zeros of a coarse clock"])
def test_a_recording_with_a_round_that_was_not_swept_shows_nothing(
    chance: random.Random, sweep_ns: tuple[int, ...]
) -> None:
    recording = measured(chance, busy(chance))
    spoilt = replace(recording, rounds=(*recording.rounds[:-1], replace(recording.rounds[-1], sweep_ns=sweep_ns)))
    assert Sensitivity.of(spoilt) is None
    assert corrected_by_itself(spoilt) is spoilt


def test_nothing_is_learned_from_no_round_or_from_times_that_are_none(chance: random.Random) -> None:
    recording = measured(chance, busy(chance))
    assert Sensitivity.of(replace(recording, rounds=())) is None
    broken = replace(recording.rounds[0], control_ns=(0,) * 12)
    assert Sensitivity.of(replace(recording, rounds=(broken, *recording.rounds[1:]))) is None


def test_rounds_without_sweeps_stay_beside_the_control_alone(chance: random.Random) -> None:
    recording = measured(chance, busy(chance), core=0.5, memory=0.5)
    unswept = tuple(replace(each, sweep_ns=()) for each in recording.rounds)
    assert found_in(recording).corrected(replace(recording, rounds=unswept)).rounds == unswept


@pytest.mark.parametrize(("core", "memory"), [(1.0, 0.0), (0.5, 0.5), (0.2, 0.8)])
@pytest.mark.parametrize("factor", [1.2, 1 / 1.2, 1.05])
def test_a_true_change_is_not_corrected_away(chance: random.Random, core: float, memory: float, factor: float) -> None:
    before = measured(chance, busy(chance), core=core, memory=memory)
    now = measured(chance, busy(chance, visits=4), core=core, memory=memory, factor=factor)
    assert change(now, before) == pytest.approx(factor, rel=0.01)


def test_a_case_that_follows_memory_is_the_same_beside_a_neighbour_that_takes_the_memory(chance: random.Random) -> None:
    before = measured(chance, busy(chance), core=0.5, memory=0.5)
    now = measured(chance, [(0.02, 0.3)] * 4, core=0.5, memory=0.5)
    # Beside the control alone it seems slower by exp(0.5 × 0.3 - 0.5 × 0.02) = 15 %.
    assert median_ratio(now) / median_ratio(measured(chance, CALM)) == pytest.approx(math.exp(0.14), rel=0.01)
    assert change(now, before) == pytest.approx(1.0, abs=0.015)


@pytest.mark.parametrize("pace", [1.3, 2.0, 1 / 1.5])
def test_a_uniform_change_of_the_machines_pace_leaves_the_figure(chance: random.Random, pace: float) -> None:
    log = math.log(pace)
    before = measured(chance, busy(chance), core=0.6, memory=0.4)
    now = measured(chance, [(log, log)] * 4, core=0.6, memory=0.4)
    assert abs(math.log(change(now, before))) < 0.05 * abs(log)
    # Where nothing was learned the control alone allows for it all.
    calm = measured(chance, CALM, core=0.6, memory=0.4)
    assert change(now, calm) == pytest.approx(1.0, abs=0.005)


@pytest.mark.parametrize("own_noise", [0.001, 0.003, 0.01, 0.03])
@pytest.mark.parametrize("pace", [1.3, 1 / 1.3])
def test_what_control_and_sweep_scatter_by_themselves_is_not_taken_for_the_machines_state(
    chance: random.Random, own_noise: float, pace: float
) -> None:
    log = math.log(pace)
    calm = measured(chance, CALM, own_noise=own_noise)
    now = measured(chance, [(log, log)] * 8, own_noise=own_noise)
    # The control alone allows for it all; who believes that the case does not go with it cries at 5 %.
    assert median_ratio(now) / median_ratio(calm) == pytest.approx(1.0, abs=0.01)
    assert abs(math.log(change(now, calm))) < 0.15 * abs(log)


def test_a_control_that_scatters_by_itself_beside_busy_neighbours_is_still_followed(chance: random.Random) -> None:
    found = found_in(measured(chance, busy(chance), core=0.6, memory=0.4, own_noise=0.015))
    # Of a state that varies by 10 % a scatter of 1.5 % is a fiftieth of the variance.
    assert (found.core, found.memory) == pytest.approx((0.6, 0.4), abs=0.08)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ((0.0, 0.0), 0.0),
        # Of a memory that is 30 % slower: what is believed of the part that goes with it, times 30 %.
        ((0.0, 0.3), 0.3 * PRIOR_MEMORY),
        ((0.0, -0.3), 0.3 * PRIOR_MEMORY),
        # Of a machine that is slower altogether: what is believed of how much more or less it is felt.
        ((0.3, 0.3), 0.3 * PRIOR_MORE),
    ],
)
def test_a_state_that_a_calm_recording_has_not_seen_is_allowed_for_with_the_doubt_of_what_is_believed(
    chance: random.Random, state: State, expected: float
) -> None:
    found = found_in(measured(chance, CALM))
    assert found.doubt(measured(chance, [state] * 4)) == pytest.approx(expected, abs=1e-3)


def test_the_doubt_of_a_state_like_those_of_the_recording_is_small(chance: random.Random) -> None:
    found = found_in(measured(chance, busy(chance), core=0.6, memory=0.4))
    # Eight visits that vary by 10 % and scatter by 1 % at least know a slope to 1 % ÷ (10 % × sqrt(8)) = 0.035 or so.
    assert found.doubt(measured(chance, [(0.0, 0.1)] * 4)) < 0.1 * 0.1
    assert found.doubt(measured(chance, [(0.0, 0.2)] * 4)) > found.doubt(measured(chance, [(0.0, 0.1)] * 4))


def test_what_was_not_swept_is_not_corrected_and_without_doubt(chance: random.Random) -> None:
    now = measured(chance, [(0.3, 0.3)] * 4)
    unswept = replace(now, rounds=tuple(replace(each, sweep_ns=()) for each in now.rounds))
    assert found_in(measured(chance, CALM)).doubt(unswept) == 0.0


def test_visits_of_a_single_sample_tell_of_the_state_as_well(chance: random.Random) -> None:
    def first_of(round_: Round) -> Round:
        names = ("workload_ns", "control_ns", "wall_ns", "sweep_ns")
        return replace(round_, **{name: getattr(round_, name)[:1] for name in names})

    recording = measured(chance, busy(chance, visits=12), core=0.5, memory=0.5)
    found = found_in(replace(recording, rounds=tuple(map(first_of, recording.rounds))))
    # Twelve samples, whose slope is known to 1 % ÷ (10 % × sqrt(12)) = 0.03, drawn to what is believed before by less.
    assert (found.core, found.memory) == pytest.approx((0.5, 0.5), abs=0.1)
