"""How a case goes with core, memory and sibling, on made-up machines whose truth is known."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import starmap

import pytest

from pytest_cnnperf.cases import Clock
from pytest_cnnperf.measuring.between_visits import visit_spread
from pytest_cnnperf.measuring.figure import figure_of
from pytest_cnnperf.measuring.samples import Plan, Round, Samples, unprobed
from pytest_cnnperf.measuring.sensitivity import (
    PRIOR_MEMORY,
    PRIOR_SIBLING,
    Belief,
    Sensitivity,
    corrected_by_itself,
)

CONTROL_NS, SWEEP_NS, PROBE_NS, WORKLOAD_NS = 5e6, 2e6, 5e3, 2e7
NOISE = 0.005
# The machine's state at a visit, its core, its memory and the core's sibling: logarithms of how much slower control,
# sweep and probe are than usual.
State = tuple[float, float, float]
CALM: list[State] = [(0.0, 0.0, 0.0)] * 8


@pytest.fixture
def chance() -> random.Random:
    return random.Random(20261126)


def busy(chance: random.Random, *, visits: int = 8) -> list[State]:
    """States that neighbours change by a tenth from visit to visit, each sign for itself."""
    return [(chance.gauss(0, 0.1), chance.gauss(0, 0.1), chance.gauss(0.3, 0.1)) for _ in range(visits)]


def measured(
    chance: random.Random,
    states: Sequence[State],
    *,
    memory: float = 0.0,
    sibling: float = 0.0,
    noise: float = NOISE,
    own_noise: float = 0.0,
    factor: float = 1.0,
) -> Samples:
    """A visit of twelve samples in each state, of a case whose time is control ** (the rest) × sweep ** memory × probe
    ** sibling.

    `own_noise` is what the signs scatter by themselves, from sample to sample.
    """

    def signs(ns: float, state: float) -> tuple[int, ...]:
        return tuple(round(ns * math.exp(state + chance.gauss(0, own_noise))) for _ in range(12))

    rounds = []
    for visit, (of_core, of_memory, of_sibling) in enumerate(states):
        log = (1 - memory - sibling) * of_core + memory * of_memory + sibling * of_sibling
        workload_ns = tuple(round(WORKLOAD_NS * factor * math.exp(log + chance.gauss(0, noise))) for _ in range(12))
        control_ns, sweep_ns = signs(CONTROL_NS, of_core), signs(SWEEP_NS, of_memory)
        rounds.append(
            Round(workload_ns, control_ns, workload_ns, visit, sweep_ns, signs(PROBE_NS, of_sibling), round(PROBE_NS))
        )
    return Samples(Clock.PROCESS_CPU, Plan(1, 10, "c"), tuple(rounds), 1)


def found_in(recording: Samples, belief: Belief | None = None) -> Sensitivity:
    found = Sensitivity.of(recording, belief)
    assert found is not None
    return found


def change(now: Samples, before: Samples) -> float:
    """Now ÷ baseline beside the control that goes as the baseline's case does."""
    found = found_in(before)
    return figure_of(found.corrected(now)) / figure_of(found.corrected(before))


def without(samples: Samples, **fields: object) -> Samples:
    return replace(samples, rounds=tuple(replace(each, **fields) for each in samples.rounds))


@pytest.mark.parametrize(("memory", "sibling"), [(0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (0.2, 0.3), (-0.1, 0.2)])
def test_what_a_case_goes_with_is_seen_in_a_recording_beside_changing_neighbours(
    chance: random.Random, memory: float, sibling: float
) -> None:
    found = found_in(measured(chance, busy(chance), memory=memory, sibling=sibling))
    # A slope over eight states that vary by 10 % is known to about 1 % ÷ (10 % × sqrt(8 × 12)) = 0.01.
    assert (found.memory, found.sibling) == pytest.approx((memory, sibling), abs=0.04)
    assert found.core == pytest.approx(1 - found.memory - found.sibling)


def test_beside_the_control_that_goes_as_the_case_does_its_visits_agree(chance: random.Random) -> None:
    recording = measured(chance, busy(chance), memory=0.4, sibling=0.3)
    # Beside the control alone they scatter by 10 % × 0.7, 0.4 and 0.3 in three directions.
    assert visit_spread(recording) > 0.05
    assert visit_spread(corrected_by_itself(recording)) < 0.006


def test_where_the_machine_did_not_vary_nothing_is_learned_and_nothing_is_corrected(chance: random.Random) -> None:
    recording = measured(chance, CALM, memory=0.5, noise=0.05)
    found = found_in(recording)
    assert (found.core, found.memory, found.sibling) == (1.0, 0.0, 0.0)
    # Also of a later run in another state: its control alone is divided by.
    later = measured(chance, busy(chance), memory=0.5)
    assert figure_of(found.corrected(later)) == pytest.approx(figure_of(later), rel=1e-12)


def test_where_the_machine_hardly_varied_little_is_believed(chance: random.Random) -> None:
    states = [(0.0, chance.gauss(0, 0.001), 0.0) for _ in range(8)]
    found = found_in(measured(chance, states, memory=0.5, noise=0.03))
    # 96 samples of 3 % see a slope over 0.1 % with a standard error of 3, ten times what is believed before.
    assert abs(found.memory) < PRIOR_MEMORY / 3
    assert found.sibling == pytest.approx(0.0, abs=PRIOR_SIBLING / 3)


def test_the_more_the_machine_varied_the_more_is_believed(chance: random.Random) -> None:
    base = busy(chance)

    def of(scale: float) -> float:
        states = [(core * scale, memory * scale, 0.0) for core, memory, _ in base]
        return found_in(measured(random.Random(1), states, memory=0.5, noise=0.02)).memory

    # Information is the square of what varied: 10 % against the noise of 2 % is plenty, a hundredth of it is nothing.
    assert abs(of(0.001)) < 0.05
    assert of(1.0) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("odd", [3.0, 1 / 3])
def test_one_odd_sample_does_not_pull(chance: random.Random, odd: float) -> None:
    recording = measured(chance, busy(chance), memory=0.3, sibling=0.1)
    # In the visit that pulls most, the one with the slowest memory.
    number = max(range(8), key=lambda visit: recording.rounds[visit].sweep_ns[0])
    rounds = list(recording.rounds)
    workload_ns = list(rounds[number].workload_ns)
    workload_ns[0] = round(odd * workload_ns[0])
    rounds[number] = replace(rounds[number], workload_ns=tuple(workload_ns))
    pulled, sound = found_in(replace(recording, rounds=tuple(rounds))), found_in(recording)
    assert pulled.slopes == pytest.approx(sound.slopes, abs=0.02)


def test_a_visit_gone_astray_does_not_pull(chance: random.Random) -> None:
    recording = measured(chance, busy(chance), memory=0.3, sibling=0.1)
    astray = replace(recording.rounds[3], workload_ns=tuple(2 * ns for ns in recording.rounds[3].workload_ns))
    found = found_in(replace(recording, rounds=(*recording.rounds[:3], astray, *recording.rounds[4:])))
    assert found.slopes == pytest.approx((0.3, 0.1), abs=0.1)


def test_a_probe_that_met_an_interrupt_does_not_pull(chance: random.Random) -> None:
    recording = measured(chance, busy(chance), sibling=0.3)
    probe_ns = (100 * recording.rounds[0].probe_ns[0], *recording.rounds[0].probe_ns[1:])
    rounds = (replace(recording.rounds[0], probe_ns=probe_ns), *recording.rounds[1:])
    found = found_in(replace(recording, rounds=rounds))
    assert found.sibling == pytest.approx(0.3, abs=0.06)


@pytest.mark.parametrize("spoilt", [(), (1, 2), (0,) * 12], ids=["none", "too few", "zeros of a coarse clock"])
def test_a_sign_that_a_round_lacks_is_not_used_and_without_any_nothing_is_learned(
    chance: random.Random, spoilt: tuple[int, ...]
) -> None:
    recording = measured(chance, busy(chance), memory=0.4, sibling=0.2)

    def lacking(**fields: object) -> Samples:
        return replace(recording, rounds=(*recording.rounds[:-1], replace(recording.rounds[-1], **fields)))

    unswept, blind = found_in(lacking(sweep_ns=spoilt)), found_in(lacking(probe_ns=spoilt))
    assert (unswept.memory, blind.sibling) == (0.0, 0.0)
    assert unswept.sibling > 0.05
    assert blind.memory > 0.2
    neither = lacking(sweep_ns=spoilt, probe_ns=spoilt)
    assert Sensitivity.of(neither) is None
    assert corrected_by_itself(neither) is neither


def test_nothing_is_learned_from_no_round_or_from_times_that_are_none(chance: random.Random) -> None:
    recording = measured(chance, busy(chance))
    assert Sensitivity.of(replace(recording, rounds=())) is None
    broken = replace(recording.rounds[0], control_ns=(0,) * 12)
    assert Sensitivity.of(replace(recording, rounds=(broken, *recording.rounds[1:]))) is None


def test_rounds_that_lack_a_sign_of_the_recording_stay_beside_the_control_alone(chance: random.Random) -> None:
    recording = measured(chance, busy(chance), memory=0.5)
    for lacking in (without(recording, sweep_ns=()), unprobed(recording)):
        assert found_in(recording).corrected(lacking).rounds == lacking.rounds
        assert found_in(recording).doubt(lacking, recording) == 0.0


@pytest.mark.parametrize(("memory", "sibling"), [(0.0, 0.0), (0.5, 0.0), (0.2, 0.2)])
@pytest.mark.parametrize("factor", [1.2, 1 / 1.2, 1.05])
def test_a_true_change_is_not_corrected_away(
    chance: random.Random, memory: float, sibling: float, factor: float
) -> None:
    before = measured(chance, busy(chance), memory=memory, sibling=sibling)
    now = measured(chance, busy(chance, visits=4), memory=memory, sibling=sibling, factor=factor)
    assert change(now, before) == pytest.approx(factor, rel=0.01)


def test_a_case_that_follows_memory_is_the_same_beside_a_neighbour_that_takes_the_memory(chance: random.Random) -> None:
    before = measured(chance, busy(chance), memory=0.5)
    now = measured(chance, [(0.02, 0.3, 0.0)] * 4, memory=0.5)
    # Beside the control alone it seems slower by exp(0.5 × 0.3 - 0.5 × 0.02) = 15 %.
    assert figure_of(now) / figure_of(measured(chance, CALM)) == pytest.approx(math.exp(0.14), rel=0.01)
    assert change(now, before) == pytest.approx(1.0, abs=0.015)


def test_a_case_that_fills_its_core_is_the_same_beside_a_sibling_that_works(chance: random.Random) -> None:
    before = measured(chance, [(0.0, 0.0, 0.0), (0.2, 0.05, 0.65)] * 4, sibling=0.2)
    now = measured(chance, [(0.2, 0.05, 0.65)] * 4, sibling=0.2)
    # Beside the control alone it seems slower by exp(0.2 × (0.65 - 0.2)) = 9 %.
    assert figure_of(now) / figure_of(measured(chance, CALM)) == pytest.approx(math.exp(0.09), rel=0.01)
    assert change(now, before) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("own_noise", [0.0, 0.01, 0.03])
@pytest.mark.parametrize("pace", [1.3, 2.0, 1 / 1.5])
def test_a_machine_of_another_pace_leaves_the_figure_whatever_was_learned(
    chance: random.Random, pace: float, own_noise: float
) -> None:
    log = math.log(pace)
    for states in (CALM, busy(chance)):
        before = measured(chance, states, memory=0.3, sibling=0.3, own_noise=own_noise)
        now = measured(chance, [tuple(state + log for state in each) for each in states], memory=0.3, sibling=0.3)
        now = without(now, quiet_ns=round(PROBE_NS * pace))
        assert change(now, before) == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ((0.0, 0.0, 0.0), 0.0),
        # Of a memory that is 30 % slower: what is believed of the part that goes with it, times 30 %.
        ((0.0, 0.3, 0.0), 0.3 * PRIOR_MEMORY),
        ((0.0, -0.3, 0.0), 0.3 * PRIOR_MEMORY),
        ((0.0, 0.0, 0.5), 0.5 * PRIOR_SIBLING),
        ((0.3, 0.3, 0.3), 0.0),
    ],
)
def test_a_state_that_a_calm_recording_has_not_seen_is_allowed_for_with_the_doubt_of_what_is_believed(
    chance: random.Random, state: State, expected: float
) -> None:
    recording = measured(chance, CALM)
    now = measured(chance, [state] * 4)
    assert found_in(recording).doubt(now, recording) == pytest.approx(expected, abs=1e-3)


def test_the_doubt_of_a_state_like_those_of_the_recording_is_small(chance: random.Random) -> None:
    recording = measured(chance, busy(chance), memory=0.4)
    near, far = (measured(chance, [(0.0, memory, 0.3)] * 4) for memory in (0.1, 0.2))
    # Eight visits that vary by 10 % and scatter by 1 % at least know a slope to 1 % ÷ (10 % × sqrt(8)) = 0.035 or so.
    assert found_in(recording).doubt(near, recording) < 0.1 * 0.1
    assert found_in(recording).doubt(far, recording) > found_in(recording).doubt(near, recording)
    # What lies between the two sides is in doubt, and not how far both are from the middle of the recording.
    assert found_in(recording).doubt(far, far) == 0.0


def test_visits_of_a_single_sample_tell_of_the_state_as_well(chance: random.Random) -> None:
    recording = measured(chance, busy(chance, visits=12), memory=0.5)
    found = found_in(replace(recording, rounds=tuple(each.picked([0]) for each in recording.rounds)))
    # Twelve samples, whose slope is known to 1 % ÷ (10 % × sqrt(12)) = 0.03, drawn to what is believed before by less.
    assert found.slopes == pytest.approx((0.5, 0.0), abs=0.12)


def of_many(chance: random.Random, truths: Sequence[tuple[float, float]]) -> list[Samples]:
    return [measured(chance, busy(chance), memory=memory, sibling=sibling) for memory, sibling in truths]


def test_what_cases_of_a_framework_have_in_common_is_believed_of_all(chance: random.Random) -> None:
    truths = [(chance.gauss(0.2, 0.1), chance.gauss(0.15, 0.05)) for _ in range(60)]
    belief = Belief.pooled(of_many(chance, truths))
    # A mean of 60 is known to 0.1 ÷ sqrt(60) = 0.013, a deviation to a tenth; five cases of the prior draw a little.
    assert belief.means == pytest.approx((0.2, 0.15), abs=0.05)
    assert belief.deviations == pytest.approx((0.1, 0.05), rel=0.7)
    calm = found_in(measured(chance, CALM, memory=0.2), belief)
    assert calm.slopes == pytest.approx(belief.means, abs=0.02)


def test_without_recordings_or_from_calm_ones_nothing_new_is_believed(chance: random.Random) -> None:
    assert Belief.pooled([]) == Belief()
    unseen = Samples(Clock.PROCESS_CPU, Plan(1, 10, "c"), (Round((1,), (1,), (1,)),), 1)
    assert Belief.pooled([unseen]) == Belief()
    calm = Belief.pooled(starmap(measured, [(chance, CALM)] * 30))
    assert calm.means == pytest.approx((0.0, 0.0), abs=0.01)
    assert calm.deviations == pytest.approx(Belief().deviations, rel=0.05)


def test_a_recording_without_a_sign_says_nothing_of_its_slope(chance: random.Random) -> None:
    probed = of_many(chance, [(0.2, 0.2)] * 12)
    blind = [unprobed(each) for each in of_many(chance, [(0.2, 0.0)] * 40)]
    alone, mixed = Belief.pooled(probed), Belief.pooled([*probed, *blind])
    assert mixed.means[1] == pytest.approx(alone.means[1], abs=0.01)
    assert mixed.deviations[1] == pytest.approx(alone.deviations[1], rel=0.1)
    assert Belief.pooled(blind).deviations[1] == PRIOR_SIBLING


def test_a_few_odd_cases_do_not_move_what_is_believed(chance: random.Random) -> None:
    ordinary = of_many(chance, [(0.2, 0.1)] * 20)
    odd = of_many(chance, [(2.0, -1.0)] * 3)
    assert Belief.pooled([*ordinary, *odd]).means == pytest.approx(Belief.pooled(ordinary).means, abs=0.03)
