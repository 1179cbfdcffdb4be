"""At how many moments the visits of a case were made."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_cnnperf.cases import Clock
from pytest_cnnperf.measuring.samples import Plan, Round, Samples, joined


def visits_at(*began: int | None, run: int = 0) -> Samples:
    """A visit at each of these times; the first of a run has none."""
    rounds = (Round((5,), (1,), (5,), visit, run=run, at_seconds=at) for visit, at in enumerate(began))
    return Samples(Clock.PROCESS_CPU, Plan(1, 1, "c"), tuple(rounds), 1)


@pytest.mark.parametrize(
    ("began", "moments"),
    [
        pytest.param((None,), 1, id="one visit"),
        pytest.param((None, 3, 20, 59), 1, id="within a minute"),
        pytest.param((None, 3, 60, 63), 2, id="a minute after the first"),
        pytest.param((None, 59, 118), 2, id="a moment begins with its first visit"),
        pytest.param((None, 10, 130, 140, 200), 3, id="clusters"),
        pytest.param((None, None, None), 3, id="nobody knows when"),
        pytest.param((30, 40, 100), 2, id="the first visit has no sample of this kind"),
        pytest.param((), 0, id="no visit"),
    ],
)
def test_visits_of_the_same_minute_are_of_one_moment(began: tuple[int | None, ...], moments: int) -> None:
    assert visits_at(*began).moment_count == moments


@pytest.mark.parametrize("first", [(None, 200), (None, None), (150, 290)])
@pytest.mark.parametrize("second", [(None, 70), (10, 70), (250, 310)])
def test_runs_have_no_moment_in_common(first: tuple[int | None, ...], second: tuple[int | None, ...]) -> None:
    assert joined([visits_at(*first), visits_at(*second, run=1)]).moment_count == 4


def test_a_visit_without_a_sample_is_no_moment() -> None:
    samples = visits_at(None, 100, 200)
    rounds = (samples.rounds[0], replace(samples.rounds[1], workload_ns=(), control_ns=(), wall_ns=()))
    assert replace(samples, rounds=(*rounds, samples.rounds[2])).moment_count == 2


def test_a_visit_is_given_its_number_and_its_time_once() -> None:
    samples = visits_at(None)
    assert samples.of_visit(0) is samples
    later = samples.of_visit(3, at_seconds=90)
    assert [(each.visit, each.at_seconds) for each in later.rounds] == [(3, 90)]
    assert later.of_visit(3, at_seconds=90) is later
