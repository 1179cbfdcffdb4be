"""A core whose sibling thread works: its samples do not count beside others, and alone they prove no change."""

from __future__ import annotations

import pytest

from .conftest import DEFAULT

QUIET, BUSY = 1000, 1900
COMPARE = ("--cnnperf-compare", "--cnnperf-missing=record")
SLOWED = 2_300_000


def told(suite, *arguments):
    return [
        (outcome["verdict"], outcome["quiet_samples"] == outcome["samples"], outcome["quiet_samples"])
        for outcome in suite.outcomes(*arguments)
    ]


def test_a_page_tells_how_much_was_taken_on_a_quiet_core(suite):
    suite.play(probe_ns=QUIET)
    suite.run().stdout.fnmatch_lines(["2 of 2 results right*100 % of samples on a quiet core*"])
    suite.play()
    suite.run().stdout.no_fnmatch_line("*quiet core*")


@pytest.mark.parametrize("distribution", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_a_slower_case_on_a_quiet_core_is_slower_and_beside_a_busy_sibling_is_not_sure(suite, distribution):
    suite.play(probe_ns=QUIET)
    assert {quiet for _, quiet, _ in told(suite, *COMPARE)} == {True}

    suite.play(probe_ns=QUIET, workload_ns=SLOWED)
    assert {verdict for verdict, _, _ in told(suite, *COMPARE, *distribution)} == {"SLOWER"}

    # The baseline knows what a look takes on a quiet core; this run never meets one.
    suite.play(probe_ns=BUSY, workload_ns=SLOWED)
    assert {(verdict, count) for verdict, _, count in told(suite, *COMPARE, *distribution)} == {("UNDECIDED", 0)}


def test_samples_beside_a_busy_sibling_do_not_count_beside_others(suite):
    suite.play(probe_ns=QUIET)
    told(suite, *COMPARE)
    # Most processes are beside a sibling that slows the case by a tenth, and only the third and the fifth are not.
    quiet = {"default": {**DEFAULT, "probe_ns": QUIET}}
    busy = {"default": {**DEFAULT, "probe_ns": BUSY, "workload_ns": 2_200_000}}
    suite.play_generations(busy, busy, quiet, busy, quiet)
    outcomes = suite.outcomes(*COMPARE)
    assert {outcome["verdict"] for outcome in outcomes} == {"SAME"}
    assert all(0 < outcome["quiet_samples"] < outcome["samples"] / 2 for outcome in outcomes)
    assert all(outcome["median_ns"] < 2_100_000 for outcome in outcomes)
    assert all(abs(outcome["baseline_ratio"] - 1) < 0.02 for outcome in outcomes)
