"""Verdicts beside a recording of several runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_cnnperf.judging.verdict import Reason, Verdict
from pytest_cnnperf.measuring.samples import Samples

from .conftest import Draw, judged


def of_runs(*runs: Samples) -> Samples:
    """These as the runs of one recording."""
    rounds = tuple(replace(each, run=number) for number, run in enumerate(runs) for each in run.rounds)
    return replace(runs[0], rounds=rounds)


def probed(samples: Samples, *probes: int) -> Samples:
    """The same beside probes of a core, sample by sample; a quiet one takes 1000 ns."""
    rounds = (
        replace(each, probe_ns=(probes * len(each.workload_ns))[: len(each.workload_ns)], quiet_ns=1000)
        for each in samples.rounds
    )
    return replace(samples, rounds=tuple(rounds))


def test_runs_keep_their_visits_apart(draw: Draw) -> None:
    first, second = draw(noise=0.01, count=4, visits=3), draw(noise=0.01, count=4, visits=2)
    both = of_runs(first, second)
    assert [(each[0].run, each[0].visit) for each in both.visits] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
    assert both.runs[0] == first
    assert [len(run.visits) for run in both.runs] == [3, 2]
    assert first.runs == (first,)


def test_a_case_whose_runs_lie_far_apart_needs_a_larger_change(draw: Draw) -> None:
    """What one recording alone calls SLOWER is what another run of the unchanged case did, too."""
    low, high = draw(noise=0.005, visits=8), draw(noise=0.005, visits=8, factor=1.25)
    now = draw(noise=0.005, visits=4, factor=1.2)
    assert judged(now, low, floor=0.005, runs=0.01).verdict is Verdict.SLOWER
    both = judged(now, of_runs(low, high), floor=0.005, runs=0.01)
    assert (both.verdict, both.reason) == (Verdict.UNDECIDED, Reason.INTERVAL_TOO_WIDE)
    assert both.baseline_ratio == pytest.approx(1.2 / 1.25**0.5, rel=0.01)


def test_a_case_that_is_slower_than_a_quiet_run_is_no_moved_control_beside_busy_runs(draw: Draw) -> None:
    def beside(samples: Samples, probe: int, pace: float) -> Samples:
        rounds = (
            replace(
                each,
                control_ns=tuple(round(pace * ns) for ns in each.control_ns),
                probe_ns=(probe,) * len(each.workload_ns),
                quiet_ns=1000,
            )
            for each in samples.rounds
        )
        return replace(samples, rounds=tuple(rounds))

    quiet = beside(draw(noise=0.003, visits=8), 1000, 1.0)
    busy = [beside(draw(noise=0.003, visits=8, factor=1.25), 1900, 1.2) for _ in range(2)]
    now = beside(draw(noise=0.003, visits=4, factor=1.2), 1000, 1.0)
    judgement = judged(now, of_runs(quiet, *busy), floor=0.004, runs=0.005)
    assert judgement.reason is not Reason.CONTROL_MOVED
    assert judgement.control_pace == pytest.approx(1.0, abs=0.05)


def test_runs_that_agree_show_a_smaller_change_than_one_of_them(draw: Draw) -> None:
    runs = [draw(noise=0.005, visits=8) for _ in range(3)]
    now = draw(noise=0.005, visits=4)
    one, three = (judged(now, before, floor=0.005, runs=0.005) for before in (runs[0], of_runs(*runs)))
    assert three.resolution is not None
    assert one.resolution is not None
    assert three.resolution < one.resolution


def test_a_run_on_quiet_cores_and_one_beside_a_sibling_are_each_compared_with_their_like(draw: Draw) -> None:
    quiet, busy = probed(draw(noise=0.005, visits=8), 1000), probed(draw(noise=0.005, visits=8, factor=1.3), 1900)
    now = probed(draw(noise=0.005, visits=4), 1000)
    judgement = judged(now, of_runs(quiet, busy), floor=0.005, runs=0.01)
    # A recording that never met a quiet core says less, and weighs less: 1 / 1.3 would pull it down to 0.88.
    assert judgement.baseline_ratio == pytest.approx(1.0, abs=0.05)
    assert not judgement.lacks_quiet_core
    assert judged(probed(draw(noise=0.005, visits=4), 1900), of_runs(quiet, busy)).lacks_quiet_core


def at_times(samples: Samples, *seconds: int) -> Samples:
    """The same visits, of which all but the first began so long after it."""
    times = (None, *seconds[1:])
    rounds = (replace(each, at_seconds=at) for each, at in zip(samples.rounds, times, strict=True))
    return replace(samples, rounds=tuple(rounds))


def test_what_one_recorded_run_saw_of_a_case_is_believed_of_the_others(draw: Draw) -> None:
    """A run that happened to meet one state only does not make a restless case a calm one."""
    restless, calm, other = (draw(noise=0.003, visits=12, between=between) for between in (0.04, 0.0, 0.0))
    now = at_times(draw(noise=0.003, visits=8, factor=0.93), *range(8))
    alone, beside = (judged(now, of_runs(calm, run), floor=0.005, runs=0.005) for run in (other, restless))
    assert alone.verdict is Verdict.FASTER
    assert (beside.verdict, beside.reason) == (Verdict.UNDECIDED, Reason.INTERVAL_TOO_WIDE)
    assert "from minute to minute, which more visits in the same minutes do not average out" in beside.detail


def test_at_as_many_moments_as_visits_no_moment_is_to_blame(draw: Draw) -> None:
    """Between runs these are known badly, whatever their visits differ by."""
    before, now = draw(noise=0.003, visits=12, between=0.03), draw(noise=0.003, visits=12, between=0.03, factor=1.06)
    at_once, apart = (
        judged(at_times(now, *seconds), before, floor=0.005, runs=0.04) for seconds in (range(12), range(0, 1200, 100))
    )
    assert (at_once.reason, apart.reason) == (Reason.INTERVAL_TOO_WIDE, Reason.INTERVAL_TOO_WIDE)
    assert apart.detail.endswith("take more rounds, or a quieter machine")


def test_what_is_only_noisy_asks_for_more_rounds(draw: Draw) -> None:
    before, now = draw(noise=0.2, visits=6), at_times(draw(noise=0.2, visits=4, factor=1.08), *range(4))
    found = judged(now, before, floor=0.005, runs=0.005)
    assert found.reason is Reason.INTERVAL_TOO_WIDE
    assert found.detail.endswith("take more rounds, or a quieter machine")


def test_as_many_visits_at_one_moment_say_less_of_a_restless_case(draw: Draw) -> None:
    before, now = draw(noise=0.003, visits=12, between=0.03), draw(noise=0.003, visits=12)

    def seen_at(*seconds: int) -> float:
        judgement = judged(at_times(now, *seconds), before, floor=0.005, runs=0.005)
        assert judgement.resolution is not None
        return judgement.resolution

    assert seen_at(*range(0, 1200, 100)) < seen_at(*range(12)) / 1.3


@pytest.mark.parametrize("probes", [(), (1900,)], ids=["nobody looked at the core", "beside a sibling only"])
def test_a_run_that_was_restless_on_no_quiet_core_counts_for_those_on_one(draw: Draw, probes: tuple[int, ...]) -> None:
    calm, restless, other = (draw(noise=0.003, visits=12, between=between) for between in (0.0, 0.04, 0.0))
    now = at_times(probed(draw(noise=0.003, visits=8, factor=0.93), 1000), *range(8))

    def beside(run: Samples) -> Verdict:
        recorded = of_runs(probed(calm, 1000), probed(run, *probes) if probes else run)
        return judged(now, recorded, floor=0.005, runs=0.005).verdict

    assert beside(other) is Verdict.FASTER
    assert beside(restless) is Verdict.UNDECIDED


def test_a_case_of_samples_from_quiet_and_busy_cores_is_told_to_be_restless(draw: Draw) -> None:
    restless, calm = draw(noise=0.003, visits=12, between=0.06), draw(noise=0.003, visits=12)
    now = at_times(probed(draw(noise=0.003, visits=8, factor=0.94), 1000, 1900), *range(8))
    found = judged(now, of_runs(*(probed(run, 1000, 1900) for run in (calm, restless))), floor=0.005, runs=0.005)
    assert found.reason is Reason.INTERVAL_TOO_WIDE
    assert "from minute to minute" in found.detail
