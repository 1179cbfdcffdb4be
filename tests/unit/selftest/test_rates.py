"""Rates from made-up recordings whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_cnnperf.baseline.entry import MOST_SAMPLES
from pytest_cnnperf.judging.verdict import Verdict
from pytest_cnnperf.measuring.between_visits import Floor
from pytest_cnnperf.selftest.rates import Rate, rates
from pytest_cnnperf.selftest.recordings import Recording, Recordings

QUIET = Floor(visits=0.004, runs=0.004)


def rated(*recordings: Recording) -> Rate:
    """The rate of the one slowdown that is in these."""
    (rate,) = rates(Recordings("made", "Made up", "key", recordings), level=0.01, floor=QUIET)
    return rate


def test_each_is_compared_with_every_unchanged_one_of_another_turn_at_half_the_slowdown(quiet):
    found = rates(quiet, level=0.01, floor=QUIET)
    assert [(rate.slowdown, rate.threshold) for rate in found] == [(0.05, 0.025), (0.2, 0.1)]
    # Four turns: each with the three others.
    assert {tally.comparisons for rate in found for tally in (rate.unchanged, rate.slowed)} == {12}


def test_on_a_quiet_machine_all_is_found_and_nothing_else(quiet):
    for rate in rates(quiet, level=0.01, floor=QUIET):
        assert rate.slowed.verdicts == {Verdict.SLOWER: 12}
        assert rate.unchanged.verdicts == {Verdict.SAME: 12}
        # The median of dozens of values with 0.2 % noise.
        assert rate.slowed.ratio == pytest.approx(1 + rate.slowdown, abs=0.003)
        assert rate.unchanged.ratio == pytest.approx(1, abs=0.003)
        assert rate.slowed.resolution < 0.05


def test_recordings_that_share_their_processes_are_not_compared(record):
    rate = rated(record(0), record(0, slowdown=0.2))
    assert (rate.unchanged.comparisons, rate.slowed.comparisons) == (0, 0)
    assert rate.slowed.ratio is None


def test_an_unchanged_recording_that_strays_is_an_alarm_on_both_sides_of_every_comparison(record):
    others = [record(turn) for turn in (1, 2, 3)]
    rate = rated(record(0, visits=[1.3] * 8), *others, record(4, slowdown=0.2))
    # SLOWER against each of the three others, and each of those FASTER against it.
    assert (rate.unchanged[Verdict.SLOWER], rate.unchanged[Verdict.FASTER]) == (3, 3)
    assert rate.unchanged.changes == 6


def test_a_slowdown_that_only_the_first_visit_shows_is_not_found(record):
    slowed = replace(record(1, visits=[1.2] + [1.0] * 7), slowdown=0.2)
    assert rated(record(0), slowed).slowed[Verdict.SLOWER] == 0


def test_a_slowdown_that_only_the_first_half_of_the_visits_shows_is_not_found(record):
    # At the first look half of the visits show it, and of the three later ones one.
    slowed = replace(record(1, visits=[1.3, 1.3] + [1.0] * 6), slowdown=0.2)
    assert rated(record(0), slowed).slowed[Verdict.SLOWER] == 0


def test_after_the_visits_that_settle_the_judgement_no_other_is_looked_at(record):
    # Two are made in any case.
    slowed = replace(record(1, visits=[1.0, 1.0] + [1.5] * 6), slowdown=0.2)
    assert rated(record(0), slowed).slowed.verdicts == {Verdict.SAME: 1}


def test_a_baseline_has_the_round_of_each_visit_and_no_more_samples_than_are_stored(record):
    recording = record(0)
    stored = recording.as_baseline
    # A recording run makes eight visits at least (docs/verdicts.md, Visits).
    assert [round_.visit for round_ in stored.rounds] == list(range(8))
    assert stored.count <= MOST_SAMPLES
    assert set(stored.rounds[0].workload_ns) <= set(recording.visits[0].rounds[0].workload_ns)


def test_noise_is_undecided_and_no_alarm(record):
    unchanged = [record(turn, visits=[pace, 1 / pace] * 4) for turn, pace in enumerate((1.1, 0.9, 1.15))]
    rate = rated(*unchanged, record(3, slowdown=0.02))
    assert rate.unchanged.changes == 0
    assert rate.unchanged[Verdict.UNDECIDED] > 0
