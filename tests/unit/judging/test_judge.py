"""Verdicts on made-up measurements whose truth is known."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import starmap

import pytest

from pytest_cnnperf.cases import Clock
from pytest_cnnperf.judging.judge import judge
from pytest_cnnperf.judging.statistics import doubt_level, session_level
from pytest_cnnperf.judging.verdict import Reason, Verdict
from pytest_cnnperf.measuring.between_visits import Floor
from pytest_cnnperf.measuring.samples import Plan, Round, Samples
from pytest_cnnperf.run.believing import at_the_end

from .conftest import SESSION, judged

Draw = Callable[..., Samples]


def verdicts(draw: Draw, times: int, *, factor: float = 1.0, floor: float = 0.01, **how: float) -> Counter[str]:
    return Counter(judged(draw(factor=factor, **how), draw(**how), floor=floor).verdict.value for _ in range(times))


@pytest.mark.parametrize("how", [{}, {"tail": 2}, {"outliers": 0.05}], ids=["normal", "heavy tails", "outliers"])
def test_nothing_changed_is_never_slower_however_noisy(draw: Draw, how: dict[str, float]) -> None:
    # At 140 cases a session and 1 % of sessions with an alarm, 2000 comparisons may give 2000 × 0.01 / 140 = 0.14.
    noisy = {"noise": 0.08, "between": 0.005, "count": 20, **how}
    judgements = [judged(draw(**noisy), draw(**noisy)) for _ in range(2000)]
    assert sum(judgement.verdict in (Verdict.SLOWER, Verdict.FASTER) for judgement in judgements) <= 1
    # The threshold alone would have cried all the time: 5 % is about 1.5 standard errors of such a difference.
    assert sum(judgement.baseline_ratio > 1.05 for judgement in judgements if judgement.baseline_ratio) > 60


@pytest.mark.parametrize("how", [{}, {"tail": 2}, {"outliers": 0.05}], ids=["normal", "heavy tails", "outliers"])
def test_a_fifth_slower_is_found_with_twenty_samples_of_two_percent_noise(draw: Draw, how: dict[str, float]) -> None:
    counted = verdicts(draw, 300, factor=1.2, noise=0.02, between=0.005, count=20, **how)
    assert counted["SLOWER"] >= 300 - (0 if not how else 2)


def test_a_fifth_faster_is_found_as_well(draw: Draw) -> None:
    assert verdicts(draw, 100, factor=1 / 1.2, noise=0.02, count=20) == {"FASTER": 100}


def test_a_quiet_machine_says_same_in_two_rounds(draw: Draw) -> None:
    counted = verdicts(draw, 300, noise=0.01, between=0.005, count=10, visits=2, floor=0.005)
    assert counted["SAME"] >= 298


def test_the_threshold_holds_however_certain_a_smaller_change_is(draw: Draw) -> None:
    counted = verdicts(draw, 100, factor=1.04, noise=0.002, count=40, floor=0.0005)
    assert counted == {"SAME": 100}


def test_what_lies_on_the_threshold_is_undecided_and_tells_its_numbers(draw: Draw) -> None:
    judgement = judged(draw(noise=0.05, factor=1.06), draw(noise=0.05))
    assert (judgement.verdict, judgement.reason) == (Verdict.UNDECIDED, Reason.INTERVAL_TOO_WIDE)
    assert "95 % interval" in judgement.detail
    assert judgement.resolution is not None
    assert f"{judgement.resolution:.1%}" in judgement.detail


def test_noise_that_lets_only_four_thresholds_be_excluded_is_told(draw: Draw) -> None:
    judgement = judged(draw(noise=0.13), draw(noise=0.13))
    assert (judgement.verdict, judgement.reason) == (Verdict.SAME, Reason.WITHIN_RESOLUTION)
    assert "noise here lets no change be excluded below" in judgement.detail


def test_a_fifth_slower_is_hardly_ever_the_same_however_noisy_the_samples(draw: Draw) -> None:
    verdicts = Counter(
        judged(draw(noise=noise, factor=1.2), draw(noise=noise)).verdict
        for noise in (0.02, 0.05, 0.1, 0.2)
        for _ in range(100)
    )
    assert verdicts[Verdict.SAME] <= 4


def test_noise_that_would_hide_four_thresholds_is_undecided_and_tells_its_numbers(draw: Draw) -> None:
    judgement = judged(draw(noise=0.3), draw(noise=0.3))
    assert (judgement.verdict, judgement.reason) == (Verdict.UNDECIDED, Reason.INTERVAL_TOO_WIDE)
    assert judgement.resolution is not None
    assert judgement.resolution > 4 * 0.05
    assert "95 % interval" in judgement.detail
    assert "take more rounds" in judgement.detail
    assert judgement.resolution is not None
    assert f"{judgement.resolution:.1%}" in judgement.detail


def taken_for_noise(draw: Draw, *, factor: float, noise: float = 0.1) -> tuple[int, int]:
    """How many of 400 comparisons are UNDECIDED, and how many of these are within the noise."""
    judgements = [judged(draw(noise=noise, factor=factor), draw(noise=noise)) for _ in range(400)]
    open_ = [each for each in judgements if each.verdict is Verdict.UNDECIDED]
    return len(open_), sum(each.is_noise for each in open_)


def test_an_unchanged_case_beyond_the_threshold_is_mostly_within_the_noise(draw: Draw) -> None:
    # One standard error is 3.5 %, so one in seven lies beyond 5 %, one in 250 beyond 10 %, and one in 1400 farther off
    # than one of 140 is in a session of ten.
    undecided, within_noise = taken_for_noise(draw, factor=1.0)
    assert undecided > 35
    assert within_noise >= undecided - 4


@pytest.mark.parametrize(("factor", "least", "most"), [(1.05, 130, 220), (1.1, 120, 200), (1.15, 15, 60), (1.2, 0, 8)])
def test_how_often_a_change_is_taken_for_noise(draw: Draw, factor: float, least: int, most: int) -> None:
    # One standard error is 3.5 %: it is where the ratio lies between 1.05 and 1.1.
    _, within_noise = taken_for_noise(draw, factor=factor)
    assert least <= within_noise <= most


def test_alone_a_case_is_in_doubt_where_among_many_it_is_within_the_noise(draw: Draw) -> None:
    now, before = draw(noise=0.08, factor=1.06), draw(noise=0.08)
    floor = Floor(visits=0.01, runs=0.0)
    levels = [{"level": session_level(n) / 3, "doubt": doubt_level(session_level(n))} for n in (1, 140)]
    alone, among_many = (judge(now, before, threshold=0.05, floor=floor, **each) for each in levels)
    assert (alone.verdict, among_many.verdict) == (Verdict.UNDECIDED, Verdict.UNDECIDED)
    assert (alone.is_noise, among_many.is_noise) == (False, True)


def test_noise_that_could_hide_a_large_change_is_no_excuse(draw: Draw) -> None:
    undecided, within_noise = taken_for_noise(draw, factor=1.0, noise=0.3)
    assert (undecided > 240, within_noise) == (True, 0)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_ratio_beyond_twice_the_threshold_is_never_within_the_noise(draw: Draw, sign: int) -> None:
    # One standard error is 3.5 %: up to +11.5 % the interval ends inside 20 %.
    judgements = [judged(draw(noise=0.1, factor=1.1**sign), draw(noise=0.1)) for _ in range(400)]
    far = [(max(each.baseline_ratio or 1, 1 / (each.baseline_ratio or 1)), each.is_noise) for each in judgements]
    assert 1.09 < max(ratio for ratio, is_noise in far if is_noise) < 1.1
    assert sum(1.1 <= ratio < 1.11 for ratio, is_noise in far if not is_noise) > 20


def test_a_threshold_that_is_a_promise_excuses_nothing(draw: Draw) -> None:
    judgement = at_the_end(judged(draw(noise=0.02, factor=1.025), draw(noise=0.02), threshold=0.02))
    assert (judgement.verdict, judgement.reason) == (Verdict.UNDECIDED, Reason.THRESHOLD_BELOW_DETECTABLE)


def test_the_floor_keeps_precise_samples_of_one_visit_from_crying(draw: Draw) -> None:
    # Within a visit 0.1 %, between visits 3 %: 8 % difference are nothing for one visit, and 20 % something for 16.
    now, before = draw(noise=0.001, factor=1.08), draw(noise=0.001)
    assert judged(now, before, floor=0.03).verdict is Verdict.UNDECIDED
    assert judged(now, before, floor=0.003).verdict is Verdict.SLOWER
    many = draw(noise=0.001, factor=1.2, visits=16), draw(noise=0.001, visits=16)
    assert judged(*many, floor=0.03).verdict is Verdict.SLOWER


def test_visits_of_the_case_itself_that_disagree_count_beside_a_calm_floor(draw: Draw) -> None:
    now, before = (draw(noise=0.001, visits=4, between=0.06, factor=factor) for factor in (1.1, 1.0))
    assert judged(now, before, floor=0.005).verdict is Verdict.UNDECIDED


def test_what_runs_differ_by_is_lowered_by_no_number_of_visits(draw: Draw) -> None:
    now, before = draw(noise=0.001, factor=1.1, visits=16), draw(noise=0.001, visits=16)
    assert judged(now, before, floor=0.005).verdict is Verdict.SLOWER
    calm, restless = (judged(now, before, floor=0.005, runs=runs) for runs in (0.005, 0.03))
    assert calm.verdict is Verdict.SLOWER
    assert restless.verdict is Verdict.UNDECIDED
    # The variance of the one run does not know of it.
    assert calm.within_run == restless.within_run


def test_a_change_of_the_size_that_is_called_detectable_is_found_four_times_in_five(draw: Draw) -> None:
    floor = Floor(visits=0.01, runs=0.0)
    level = session_level(1)
    how = {"noise": 0.005, "between": 0.01, "visits": 3}
    told = [
        judge(draw(**how), draw(**how), threshold=0.01, level=level, floor=floor).resolution or 0.0 for _ in range(200)
    ]
    size = sorted(told)[100]
    found = sum(
        judge(draw(factor=1 + size, **how), draw(**how), threshold=0.01, level=level, floor=floor).verdict
        is Verdict.SLOWER
        for _ in range(400)
    )
    # 80 % of 400 is 320 with a standard deviation of 8; what is detectable is itself an estimate of each judgement.
    assert 285 <= found <= 392


def test_a_threshold_below_what_can_be_seen_is_refused_with_the_one_that_can_be_had(draw: Draw) -> None:
    judgement = judged(draw(noise=0.02), draw(noise=0.02), threshold=0.02)
    assert (judgement.verdict, judgement.reason) == (Verdict.UNDECIDED, Reason.THRESHOLD_BELOW_DETECTABLE)
    assert judgement.resolution is not None
    assert "a threshold of 2.0% is refused" in judgement.detail
    assert f"--cnnperf-threshold {math.ceil(100 * judgement.resolution)}" in judgement.detail


def test_a_small_threshold_that_can_be_seen_is_not_refused(draw: Draw) -> None:
    how = {"noise": 0.002, "count": 40}
    assert judged(draw(**how), draw(**how), floor=0.001, threshold=0.02).verdict is Verdict.SAME
    assert judged(draw(factor=1.03, **how), draw(**how), floor=0.001, threshold=0.02).verdict is Verdict.SLOWER


def test_more_samples_make_a_smaller_change_visible(draw: Draw) -> None:
    few, many = (
        judged(draw(noise=0.05, count=count), draw(noise=0.05, count=count), floor=0.004) for count in (10, 60)
    )
    assert few.resolution is not None
    assert many.resolution is not None
    assert many.resolution < few.resolution / 2


def test_the_ratio_and_its_interval_are_now_divided_by_the_baseline(draw: Draw) -> None:
    judgement = judged(draw(noise=0.005, factor=1.3), draw(noise=0.005))
    assert judgement.baseline_ratio == pytest.approx(1.3, rel=0.01)
    assert judgement.low is not None
    assert judgement.high is not None
    assert 1 < judgement.low < 1.3 < judgement.high


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"clock": Clock.WALL}, "clock wall now and process_cpu in the baseline"),
        ({"plan": Plan(1, 5, "blend2")}, "control blend2 now and blend1 in the baseline"),
        ({"plan": Plan(2, 7, "blend1")}, "repeats 2 now and 1 in the baseline, control_units 7 now and 5"),
    ],
)
def test_another_way_of_timing_is_unknown_and_says_what_differs(
    draw: Draw, changed: dict[str, object], told: str
) -> None:
    before = draw(noise=0.01)
    judgement = judged(replace(before, **changed), before)  # type: ignore[arg-type]
    assert (judgement.verdict, judgement.reason) == (Verdict.UNKNOWN, Reason.OTHER_METHOD)
    assert told in judgement.detail
    assert "--cnnperf-update" in judgement.detail


@pytest.mark.parametrize("side", ["now", "baseline"])
@pytest.mark.parametrize(
    ("ns", "reason"),
    [((5, 5), Reason.TOO_FEW_SAMPLES), ((0, 0, 0), Reason.NOT_A_NUMBER), ((5, float("nan"), 5), Reason.NOT_A_NUMBER)],
)
def test_what_cannot_be_computed_is_undecided_on_either_side(
    draw: Draw, side: str, ns: tuple[int, ...], reason: Reason
) -> None:
    sound = draw(noise=0.01)
    broken = replace(sound, rounds=(Round(ns, (1000,) * len(ns), ns),))
    judgement = judged(broken, sound) if side == "now" else judged(sound, broken)
    assert (judgement.verdict, judgement.reason) == (Verdict.UNDECIDED, reason)
    assert judgement.detail.startswith(f"{side}: ")
    assert judgement.baseline_ratio is None


def test_a_control_that_changed_its_pace_is_told_and_allowed_for(draw: Draw) -> None:
    before = draw(noise=0.002, visits=2)
    rounds = tuple(
        Round(tuple(2 * ns for ns in one.workload_ns), tuple(2 * ns for ns in one.control_ns), one.wall_ns, one.visit)
        for one in before.rounds
    )
    judgement = judged(replace(before, rounds=rounds), before, floor=0.005)
    assert judgement.verdict is Verdict.SAME
    assert "control took 2.00 times as long" in judgement.detail


@pytest.mark.parametrize("factor", [0.75, 1.33])
def test_a_control_that_moved_alone_proves_nothing_of_the_case(draw: Draw, factor: float) -> None:
    before = draw(noise=0.002, visits=3)
    rounds = tuple(replace(one, control_ns=tuple(round(factor * ns) for ns in one.control_ns)) for one in before.rounds)
    judgement = judged(replace(before, rounds=rounds), before, floor=0.005)
    assert (judgement.verdict, judgement.reason) == (Verdict.UNDECIDED, Reason.CONTROL_MOVED)
    assert "only the control moved" in judgement.detail


@pytest.mark.parametrize("factor", [0.91, 1.09])
def test_a_control_that_moved_alone_by_less_proves_as_little_to_a_session_of_one_case(
    draw: Draw, factor: float
) -> None:
    before = draw(noise=0.002, visits=3)
    rounds = tuple(replace(one, control_ns=tuple(round(factor * ns) for ns in one.control_ns)) for one in before.rounds)
    floor = Floor(visits=0.005, runs=0.0)
    judgement = judge(replace(before, rounds=rounds), before, threshold=0.05, level=session_level(1), floor=floor)
    assert (judgement.verdict, judgement.reason) == (Verdict.UNDECIDED, Reason.CONTROL_MOVED)


def test_a_case_that_moved_beside_a_control_of_another_pace_is_judged(draw: Draw) -> None:
    before = draw(noise=0.002, visits=3)
    rounds = tuple(
        replace(
            one,
            workload_ns=tuple(round(1.5 * ns) for ns in one.workload_ns),
            control_ns=tuple(round(1.2 * ns) for ns in one.control_ns),
        )
        for one in before.rounds
    )
    assert judged(replace(before, rounds=rounds), before, floor=0.005).verdict is Verdict.SLOWER


def half_of_memory(states: list[float], *, factor: float = 1.0) -> Samples:
    """A visit at each of these states of the memory, with which half of the case's time goes; the core stays."""
    chance = random.Random(str((states, factor)))

    def visit(number: int, pace: float) -> Round:
        ns = tuple(round(5e6 * factor * pace**0.5 * math.exp(chance.gauss(0, 0.003))) for _ in range(12))
        return Round(ns, (1_000_000,) * 12, ns, number, (round(2e6 * pace),) * 12)

    return Samples(Clock.PROCESS_CPU, Plan(1, 5, "blend1"), tuple(starmap(visit, enumerate(states))), 1)


RESTLESS, TAKEN = [0.9, 1.1, 1.0, 1.05, 0.95, 1.1, 0.9, 1.0], [1.35] * 8


def test_a_neighbour_that_takes_the_memory_of_a_case_that_goes_with_it_is_no_change() -> None:
    now, before = half_of_memory(TAKEN), half_of_memory(RESTLESS)
    judgement = judged(now, before)
    assert judgement.verdict is Verdict.SAME
    assert judgement.baseline_ratio == pytest.approx(1.0, abs=0.02)
    # Without the sweeps of either side it is a change of sqrt(1.35).
    for sides in ((without_sweeps(now), before), (now, without_sweeps(before))):
        told = judged(*sides)
        assert told.verdict is Verdict.SLOWER
        assert told.baseline_ratio == pytest.approx(math.sqrt(1.35), rel=0.03)


def test_a_state_of_the_memory_that_a_calm_recording_has_not_seen_is_no_proof_of_a_change() -> None:
    now, before = half_of_memory(TAKEN), half_of_memory([1.0] * 8)
    judgement = judged(now, before)
    assert (judgement.verdict, judgement.reason) == (Verdict.UNDECIDED, Reason.INTERVAL_TOO_WIDE)
    assert judgement.baseline_ratio == pytest.approx(math.sqrt(1.35), rel=0.01)
    # In the state of the recording a change of this size is found.
    assert judged(half_of_memory([1.0] * 8, factor=math.sqrt(1.35)), before).verdict is Verdict.SLOWER


def test_a_true_change_beside_that_neighbour_is_found() -> None:
    judgement = judged(half_of_memory(TAKEN, factor=1.2), half_of_memory(RESTLESS))
    assert judgement.verdict is Verdict.SLOWER
    assert judgement.baseline_ratio == pytest.approx(1.2, rel=0.02)


def test_the_pace_of_the_control_is_told_as_it_was_measured() -> None:
    # What goes with the memory is no pace of the control, which has not moved.
    judgement = judged(half_of_memory(TAKEN), half_of_memory(RESTLESS))
    assert judgement.control_pace == 1.0
    assert "control took" not in judgement.detail


def without_sweeps(samples: Samples) -> Samples:
    return replace(samples, rounds=tuple(replace(each, sweep_ns=()) for each in samples.rounds))


def test_identical_samples_without_any_noise_are_the_same(draw: Draw) -> None:
    still = draw(noise=0.0)
    assert judged(still, still).verdict is Verdict.SAME
    assert judge(still, still, threshold=0.05, level=SESSION, floor=Floor(visits=0.0, runs=0.0)).verdict is Verdict.SAME
