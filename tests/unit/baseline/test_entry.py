"""What is stored of a case."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_cnnperf.baseline import Entry
from pytest_cnnperf.baseline.entry import MOST_RUNS, MOST_SAMPLES_OF_RUNS, thinned
from pytest_cnnperf.measuring.figure import figure_of, visit_logs
from pytest_cnnperf.measuring.samples import Round
from pytest_cnnperf.measuring.sensitivity import corrected_by_itself

MakeEntry = Callable[..., Entry]


def counting(count: int, *, is_swept: bool = False) -> Round:
    numbers = tuple(range(1, count + 1))
    return Round(numbers, numbers, numbers, sweep_ns=numbers if is_swept else ())


@pytest.mark.parametrize("sweep_ns", [(), (2_000_000, 2_100_000, 2_200_000)], ids=["not swept", "swept"])
def test_plain_fields_come_back_as_the_same_entry_through_json(
    make_entry: MakeEntry, sweep_ns: tuple[int, ...]
) -> None:
    entry = make_entry(sweep_ns=sweep_ns)
    plain = json.loads(json.dumps(entry.to_plain()))
    assert Entry.from_plain(entry.key, plain) == entry
    assert entry.samples.sweep_ns == 2 * sweep_ns
    # Where nothing was swept nothing is said of it.
    assert ["sweep_ns" in round_ for round_ in plain["rounds"]] == [bool(sweep_ns)] * 2


def test_medians_and_ratio_are_derived_from_the_samples(make_entry: MakeEntry) -> None:
    entry = make_entry(workload_ns=(4_000_000, 9_000_000, 5_000_000))
    assert (entry.median_ns, entry.control_median_ns) == (5_000_000, 1_000_000)
    assert entry.ratio == pytest.approx(figure_of(entry.samples), rel=1e-5)


def test_the_samples_of_an_entry_are_those_that_were_stored(make_entry: MakeEntry) -> None:
    samples = make_entry(rounds=2).samples
    assert samples.count == 6
    assert samples.first_call_ns == 9_000_000
    assert visit_logs(samples) == pytest.approx((math.log(5.1),) * 2, rel=1e-3)


@pytest.mark.parametrize(
    ("counts", "kept"),
    [
        ((100,), [96]),
        ((60, 60), [48, 48]),
        ((100, 100, 100), [32, 32, 32]),
        ((20, 0, 30), [20, 30]),
        ((1,) * 100, [1] * 96),
    ],
)
def test_at_most_96_samples_are_kept_evenly_from_all_rounds(counts: tuple[int, ...], kept: list[int]) -> None:
    assert [len(round_.workload_ns) for round_ in thinned([counting(count) for count in counts])] == kept


def test_kept_samples_lie_equally_far_apart_and_stay_pairs() -> None:
    (round_,) = thinned([counting(192, is_swept=True)])
    assert round_.workload_ns == round_.control_ns == round_.wall_ns == round_.sweep_ns == tuple(range(1, 192, 2))
    assert thinned([counting(192)])[0].sweep_ns == ()


def test_a_thinned_round_stays_of_its_visit() -> None:
    kept = thinned([replace(counting(40, is_swept=True), visit=number) for number in (4, 7)])
    assert [round_.visit for round_ in kept] == [4, 7]


def test_the_figures_of_the_visits_are_those_beside_the_control_that_goes_as_the_case_does(
    make_entry: MakeEntry,
) -> None:
    # A case that goes with a memory which is a tenth slower at every other visit.
    rounds = []
    for visit in range(8):
        pace = 1.1 if visit % 2 else 1.0
        workload_ns, sweep_ns = ((round(ns * pace),) * 12 for ns in (5_000_000, 2_000_000))
        rounds.append(Round(workload_ns, (1_000_000,) * 12, workload_ns, visit, sweep_ns))
    entry = replace(make_entry(), rounds=tuple(rounds))
    alone = replace(entry, rounds=tuple(replace(round_, sweep_ns=()) for round_ in rounds))
    logs = (visit_logs(corrected_by_itself(each.samples)) for each in (alone, entry))
    apart, together = (max(each) - min(each) for each in logs)
    assert apart == pytest.approx(math.log(1.1))
    # A tenth that varies in 96 samples is believed, but for what is believed before.
    assert together < 0.03 * apart
    # What a reader of the file sees is what was measured.
    assert entry.control_median_ns == 1_000_000


@pytest.mark.parametrize("workload_ns", [(), (0, 1, 2), (-1, 1, 2)])
def test_samples_without_a_figure_never_become_a_baseline(make_entry: MakeEntry, workload_ns: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="cannot become a baseline"):
        make_entry(workload_ns=workload_ns)


def test_runs_of_an_entry_stay_apart_through_json(make_entry: MakeEntry) -> None:
    older, newer = make_entry(), replace(make_entry(workload_ns=(6_000_000,) * 3), recorded="2026-11-27")
    both = older.with_run(newer)
    assert Entry.from_plain(both.key, json.loads(json.dumps(both.to_plain()))) == both
    assert [run.workload_ns for run in both.samples.runs] == [older.samples.workload_ns, newer.samples.workload_ns]
    assert both.recorded == "2026-11-27"
    assert older.ratio < both.ratio < newer.ratio
    # A single run says nothing of runs.
    assert not any("run" in round_ for round_ in older.to_plain()["rounds"])


def test_when_visits_began_is_kept_through_json(make_entry: MakeEntry) -> None:
    made = make_entry(rounds=2)
    visits = (made.rounds[0], replace(made.rounds[1], visit=1, at_seconds=75))
    entry = replace(made, rounds=visits)
    assert Entry.from_plain(entry.key, json.loads(json.dumps(entry.to_plain()))) == entry
    assert ["at_seconds" in each for each in entry.to_plain()["rounds"]] == [False, True]


def test_the_newest_runs_are_kept_with_as_many_samples_as_all_may_have(make_entry: MakeEntry) -> None:
    def run(number: int) -> Entry:
        return make_entry(workload_ns=tuple(number * 1_000_000 + sample for sample in range(48)), rounds=2)

    entry, counts = run(1), []
    for number in range(2, 6):
        entry = entry.with_run(run(number))
        counts.append([each.count for each in entry.samples.runs])
    assert counts == [[96, 96], [64, 64, 64], [64, 64, 64], [64, 64, 64]]
    assert len(entry.samples.runs) == MOST_RUNS
    assert entry.samples.count <= MOST_SAMPLES_OF_RUNS
    assert [each.workload_ns[0] // 1_000_000 for each in entry.samples.runs] == [3, 4, 5]
    assert {round_.run for round_ in entry.rounds} == {0, 1, 2}


@pytest.mark.parametrize(
    ("changed", "names"),
    [({"versions": {"torch": "2.14.0"}}, "versions"), ({"resolved": "im2col", "versions": {}}, "resolved, versions")],
)
def test_what_ran_otherwise_is_no_other_run_of_the_same(make_entry: MakeEntry, changed: Any, names: str) -> None:
    other = replace(make_entry(), **changed)
    assert make_entry().unlike(other) == names
    with pytest.raises(ValueError, match=f"other {names}"):
        make_entry().with_run(other)
