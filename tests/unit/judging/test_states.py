"""Verdicts on sides that met other states of the machine, or did not look at them."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from pytest_cnnperf.cases import Clock
from pytest_cnnperf.judging.judge import judge
from pytest_cnnperf.judging.verdict import Reason, Verdict
from pytest_cnnperf.measuring.between_visits import Floor
from pytest_cnnperf.measuring.samples import Plan, Round, Samples, unprobed, unswept
from pytest_cnnperf.measuring.sensitivity import Belief

from .conftest import SESSION, judged


def beside_a_sibling(quiet_visits: int, *, factor: float = 1.0, sibling: float = 1.3, visits: int = 8) -> Samples:
    """Visits of which so many were on a quiet core; on the others the case takes so many times as long."""
    chance = random.Random(str((quiet_visits, factor)))

    def visit(number: int) -> Round:
        is_quiet = number < quiet_visits
        pace = factor * (1.0 if is_quiet else sibling)
        ns = tuple(round(5e6 * pace * math.exp(chance.gauss(0, 0.01))) for _ in range(8))
        return Round(ns, (1_000_000,) * 8, ns, number, (), ((1000 if is_quiet else 1900),) * 8, 1000)

    return Samples(Clock.PROCESS_CPU, Plan(1, 5, "blend1"), tuple(map(visit, range(visits))), 1)


@pytest.mark.parametrize("now_quiet", [0, 2, 4])
def test_what_a_busy_sibling_makes_is_allowed_for_where_the_recording_has_seen_it(now_quiet: int) -> None:
    before, now = beside_a_sibling(4), beside_a_sibling(now_quiet, visits=4)
    judgement = judged(now, before)
    assert judgement.verdict is Verdict.SAME
    assert judgement.baseline_ratio == pytest.approx(1.0, abs=0.02)
    slower = judged(beside_a_sibling(now_quiet, visits=4, factor=1.15), before)
    assert slower.verdict is Verdict.SLOWER
    assert slower.baseline_ratio == pytest.approx(1.15, abs=0.02)


def test_where_the_recording_was_never_beside_a_sibling_a_change_must_be_larger_than_one_makes() -> None:
    quiet, busy = beside_a_sibling(8), beside_a_sibling(0, sibling=1.1)
    small = judged(busy, quiet)
    assert (small.verdict, small.reason) == (Verdict.UNDECIDED, Reason.INTERVAL_TOO_WIDE)
    assert small.baseline_ratio == pytest.approx(1.1, rel=0.05)
    assert judged(beside_a_sibling(0, sibling=2.0), quiet).verdict is Verdict.SLOWER
    # What other cases of the framework do is believed of this one: little doubt is left.
    known = Floor(visits=0.01, runs=0.0, belief=Belief(means=(0.0, 0.15), deviations=(0.3, 0.01)))
    assert judge(busy, quiet, threshold=0.05, level=SESSION, floor=known).verdict is Verdict.SAME


def in_a_mix(
    *, quiet: float = 1.0, busy: float = 1.3, visits: int = 8, seed: int = 1, probes: tuple[int, ...] = (1000, 1900) * 4
) -> Samples:
    """Visits with samples on a quiet core and samples beside a sibling, and these paces there."""
    chance = random.Random(seed)

    def visit(number: int) -> Round:
        paces = (quiet if probe == 1000 else busy for probe in probes)
        ns = tuple(round(5e6 * pace * math.exp(chance.gauss(0, 0.01))) for pace in paces)
        return Round(ns, (1_000_000,) * 8, ns, number, (), probes, 1000)

    return Samples(Clock.PROCESS_CPU, Plan(1, 5, "blend1"), tuple(map(visit, range(visits))), 1)


def test_a_sibling_that_disturbs_more_than_the_one_of_the_recording_makes_nothing_slower() -> None:
    mostly_busy = (1000, 1900, 1900, 1900) * 2
    before, now = in_a_mix(), in_a_mix(busy=1.6, visits=4, seed=2, probes=mostly_busy)
    # One figure for all samples would be SLOWER; on a quiet core nothing has changed.
    assert judged(now, before).verdict is Verdict.UNDECIDED
    slower = in_a_mix(quiet=1.2, busy=1.2 * 1.3, visits=4, seed=2, probes=mostly_busy)
    assert judged(slower, before).verdict is Verdict.SLOWER


def test_samples_of_a_quiet_core_decide_where_those_beside_siblings_scatter() -> None:
    before, now = in_a_mix(), in_a_mix(visits=4, seed=2)
    # The floors of a framework whose cases vary by 8 % beside siblings, and by 1 % on quiet cores.
    uneven = Floor(visits=0.05, runs=0.0, quiet_visits=0.01, busy_visits=0.08)
    even = Floor(visits=0.05, runs=0.0, quiet_visits=0.05, busy_visits=0.05)
    sharp, blunt = (judge(now, before, threshold=0.05, level=SESSION, floor=floor) for floor in (uneven, even))
    assert sharp.verdict is Verdict.SAME
    assert sharp.resolution is not None
    assert blunt.resolution is not None
    assert sharp.resolution < blunt.resolution / 1.5


def test_a_run_on_quiet_cores_only_is_compared_with_the_quiet_samples_of_a_mixed_recording() -> None:
    """Exponents that are drawn down by noise would leave a part of the difference between the two states."""
    floor = Floor(visits=0.01, runs=0.0, belief=Belief(deviations=(0.3, 0.01)))
    before, quiet = in_a_mix(), beside_a_sibling(4, visits=4)
    judgement = judge(quiet, before, threshold=0.05, level=SESSION, floor=floor)
    assert judgement.verdict is Verdict.SAME
    assert judgement.baseline_ratio == pytest.approx(1.0, abs=0.01)
    slower = judge(beside_a_sibling(4, visits=4, factor=1.15), before, threshold=0.05, level=SESSION, floor=floor)
    assert slower.baseline_ratio == pytest.approx(1.15, abs=0.01)


def test_a_case_that_is_slower_on_quiet_cores_is_no_moved_control() -> None:
    """A recording mostly beside siblings, which slow case and control, and a slower case on quiet cores now."""
    mostly_busy = (1000, 1900, 1900, 1900) * 2

    def with_control(samples: Samples) -> Samples:
        return replace(
            samples,
            rounds=tuple(
                replace(each, control_ns=tuple(1_200_000 if ns == 1900 else 1_000_000 for ns in each.probe_ns))
                for each in samples.rounds
            ),
        )

    before = with_control(in_a_mix(probes=mostly_busy))
    judgement = judged(with_control(beside_a_sibling(4, visits=4, factor=1.3)), before)
    # Over all samples its own time is 1.0, and the control's pace 0.83.
    assert (judgement.verdict, judgement.reason) == (Verdict.SLOWER, Reason.RATIO_ABOVE_THRESHOLD)
    assert judgement.control_pace == pytest.approx(1.0)


def test_whether_quiet_cores_are_lacking_is_told() -> None:
    before = in_a_mix()
    assert judged(beside_a_sibling(0, visits=4), before).lacks_quiet_core
    assert not judged(in_a_mix(visits=4), before).lacks_quiet_core
    # A clock that was too coarse for the sweeps of one batch left fewer of them than samples.
    short = replace(before, rounds=tuple(replace(each, sweep_ns=(1000,)) for each in before.rounds))
    assert judged(in_a_mix(visits=4), short).verdict is Verdict.SAME
    # Nobody ever saw one there, or nobody looked.
    assert not judged(beside_a_sibling(0, visits=4), beside_a_sibling(0)).lacks_quiet_core
    assert not judged(unprobed(beside_a_sibling(0, visits=4)), before).lacks_quiet_core


@pytest.mark.parametrize("blind", ["now", "before"])
def test_who_did_not_look_at_the_core_is_no_surer_for_that(blind: str) -> None:
    restless, busy = beside_a_sibling(4), beside_a_sibling(0, sibling=1.1, visits=4)
    now, before = (unprobed(busy), restless) if blind == "now" else (busy, unprobed(restless))
    judgement = judged(now, before)
    assert judgement.verdict not in (Verdict.SLOWER, Verdict.FASTER)
    # Of the log of 1.9 for half of the visits, by the prior: 0.2 × 0.32.
    assert judgement.resolution is not None
    assert judgement.resolution > 0.2
    # On a core that was quiet all the time nobody's sibling made anything.
    calm = beside_a_sibling(8)
    assert judged(unprobed(beside_a_sibling(8, factor=1.15)), calm).verdict is Verdict.SLOWER
    assert judged(unprobed(calm), unprobed(calm)).verdict is Verdict.SAME


@pytest.mark.parametrize("unseen", ["now", "before"])
def test_a_sweep_on_one_side_only_corrects_neither(unseen: str) -> None:
    swept = in_memory_states(0.0, 0.3, 0.0, 0.3)
    later = in_memory_states(0.3, 0.3, 0.3, 0.3)
    now, before = (unswept(later), swept) if unseen == "now" else (later, unswept(swept))
    plain = judged(unswept(later), unswept(swept))
    assert judged(now, before).baseline_ratio == plain.baseline_ratio
    assert judged(later, swept).baseline_ratio == pytest.approx(1.0, abs=0.02)


def in_memory_states(*states: float) -> Samples:
    """Visits in which the memory is so much slower, on a logarithmic scale, of a case that goes with it by half."""
    chance = random.Random(3)
    rounds = []
    for number, state in enumerate(states):
        ns = tuple(round(5e6 * math.exp(state / 2 + chance.gauss(0, 0.01))) for _ in range(8))
        rounds.append(Round(ns, (1_000_000,) * 8, ns, number, (round(2e6 * math.exp(state)),) * 8))
    return Samples(Clock.PROCESS_CPU, Plan(1, 5, "blend1"), tuple(rounds), 1)


def at_paces(*paces: float, factor: float = 1.0, follows: float = 1.0) -> Samples:
    """Visits at these paces of the machine, which the control follows, and the workload to this power."""
    chance = random.Random(str((paces, factor)))

    def visit(number: int, pace: float) -> Round:
        ns = tuple(round(5e6 * factor * pace**follows * math.exp(chance.gauss(0, 0.004))) for _ in range(8))
        return Round(ns, (round(1_000_000 * pace),) * 8, ns, number)

    rounds = tuple(visit(number, pace) for number, pace in enumerate(paces))
    return Samples(Clock.PROCESS_CPU, Plan(1, 5, "blend1"), rounds, 1)


def test_the_farther_two_paces_lie_apart_the_more_doubt_is_left() -> None:
    before = at_paces(*[1.0, 1.02] * 4)

    def width(pace: float) -> float:
        judgement = judged(at_paces(*[pace] * 4), before)
        assert judgement.low is not None
        assert judgement.high is not None
        return math.log(judgement.high / judgement.low)

    assert width(1.01) < width(0.99) < width(0.96)
    assert width(1.03) == pytest.approx(width(0.99), rel=0.1)
    # No pace is so strange that a real change is not seen.
    assert width(0.5) == pytest.approx(width(0.8), rel=0.1)
    assert judged(at_paces(*[0.5] * 4, factor=1.2), before).verdict is Verdict.SLOWER


def test_a_little_faster_at_another_pace_is_not_surely_faster() -> None:
    before = at_paces(*[1.0, 1.02] * 4)
    assert judged(at_paces(*[1.01] * 8, factor=0.94), before).verdict is Verdict.FASTER
    at_a_higher_clock_rate = judged(at_paces(*[0.94] * 8, factor=0.94), before)
    assert at_a_higher_clock_rate.verdict is Verdict.UNDECIDED
    assert at_a_higher_clock_rate.reason is Reason.INTERVAL_TOO_WIDE


def test_a_case_that_follows_the_pace_more_than_the_control_is_the_same_at_another() -> None:
    before = at_paces(*[0.99, 1.0, 1.02] * 3, follows=2.0)
    now = at_paces(*[0.955] * 4, follows=2.0)
    assert judged(now, before).baseline_ratio == pytest.approx(1.0, abs=0.015)
    # Where the recording did not see it, all of it is a part of the ratio.
    assert judged(now, at_paces(*[1.0] * 9, follows=2.0)).baseline_ratio == pytest.approx(0.955, abs=0.01)
    really_faster = at_paces(*[0.955] * 8, factor=0.8, follows=2.0)
    assert judged(really_faster, before).verdict is Verdict.FASTER


def beside_siblings(now: Samples, *, every: int) -> Samples:
    """The same samples with probes; each of so many was beside a busy sibling, which slowed control and workload."""

    def visit(round_: Round) -> Round:
        is_busy = [number % every == 0 for number in range(len(round_.workload_ns))]

        def slowed(ns: tuple[int, ...], by: float) -> tuple[int, ...]:
            return tuple(round(each * by) if busy else each for each, busy in zip(ns, is_busy, strict=True))

        return replace(
            round_,
            workload_ns=slowed(round_.workload_ns, 1.2),
            control_ns=slowed(round_.control_ns, 1.2),
            probe_ns=tuple(9_000 if busy else 5_000 for busy in is_busy),
            quiet_ns=5_000,
        )

    return replace(now, rounds=tuple(map(visit, now.rounds)))


@pytest.mark.parametrize(("before_every", "now_every"), [(2, 2), (2, 4), (4, 2)])
def test_what_siblings_do_to_the_control_is_no_pace(before_every: int, now_every: int) -> None:
    before = beside_siblings(at_paces(*[0.99, 1.0, 1.02] * 3, follows=1.8), every=before_every)
    same = beside_siblings(at_paces(*[1.0] * 8, follows=1.8), every=now_every)
    faster_host = beside_siblings(at_paces(*[0.96] * 8, follows=1.8), every=now_every)
    assert judged(same, before).baseline_ratio == pytest.approx(1.0, abs=0.01)
    assert judged(faster_host, before).baseline_ratio == pytest.approx(1.0, abs=0.02)


def test_where_no_core_was_quiet_nothing_is_said_of_the_pace() -> None:
    before = beside_siblings(at_paces(*[0.99, 1.0, 1.02] * 3, follows=1.8), every=2)
    now = beside_siblings(at_paces(*[1.0] * 8, follows=1.8), every=1)
    assert judged(now, before).baseline_ratio == pytest.approx(1.0, abs=0.03)


def test_an_interval_that_another_pace_makes_wide_says_so() -> None:
    before = at_paces(*[1.0, 1.02] * 4)
    detail = judged(at_paces(*[0.94] * 8, factor=0.94), before).detail
    assert "its control takes 0.93 times as long" in detail
    assert "--cnnperf-update-add" in detail
