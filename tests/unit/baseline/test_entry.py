"""What is stored of a case."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

import pytest

from pytest_cnnperf.baseline import Entry
from pytest_cnnperf.baseline.entry import thinned
from pytest_cnnperf.measuring.samples import Round

MakeEntry = Callable[..., Entry]


def counting(count: int) -> Round:
    return Round(tuple(range(1, count + 1)), tuple(range(1, count + 1)), tuple(range(1, count + 1)))


def test_plain_fields_come_back_as_the_same_entry_through_json(make_entry: MakeEntry) -> None:
    entry = make_entry()
    assert Entry.from_plain(entry.key, json.loads(json.dumps(entry.to_plain()))) == entry


def test_medians_and_ratio_are_derived_from_the_samples(make_entry: MakeEntry) -> None:
    entry = make_entry(workload_ns=(4_000_000, 9_000_000, 5_000_000))
    assert (entry.median_ns, entry.control_median_ns, entry.ratio) == (5_000_000, 1_000_000, 5.0)


def test_the_samples_of_an_entry_are_those_that_were_stored(make_entry: MakeEntry) -> None:
    samples = make_entry(rounds=2).samples
    assert samples.count == 6
    assert samples.first_call_ns == 9_000_000
    assert make_entry(rounds=2).visit_logs == pytest.approx((math.log(5.1),) * 2)


@pytest.mark.parametrize(
    ("counts", "kept"),
    [
        ((100,), [64]),
        ((40, 40), [32, 32]),
        ((100, 100, 100), [21, 21, 21]),
        ((20, 0, 30), [20, 30]),
        ((1,) * 100, [1] * 64),
    ],
)
def test_at_most_64_samples_are_kept_evenly_from_all_rounds(counts: tuple[int, ...], kept: list[int]) -> None:
    assert [len(round_.workload_ns) for round_ in thinned([counting(count) for count in counts])] == kept


def test_kept_samples_lie_equally_far_apart_and_stay_pairs() -> None:
    (round_,) = thinned([counting(128)])
    assert round_.workload_ns == round_.control_ns == round_.wall_ns == tuple(range(1, 128, 2))


@pytest.mark.parametrize("workload_ns", [(), (0, 1, 2), (-1, 1, 2)])
def test_samples_without_a_figure_never_become_a_baseline(make_entry: MakeEntry, workload_ns: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="cannot become a baseline"):
        make_entry(workload_ns=workload_ns)
