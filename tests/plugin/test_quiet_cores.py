"""A core whose sibling thread works: what that makes of a case is learned from its recording, and allowed for."""

from __future__ import annotations

import pytest

from .conftest import DEFAULT

COMPARE = ("--cnnperf-compare", "--cnnperf-missing=record")
QUIET = {"default": {**DEFAULT, "probe_ns": 1000}}
# The sibling slows the case by a tenth more than the control.
BUSY = {"default": {**DEFAULT, "probe_ns": 1900, "workload_ns": 2_200_000}}
BUSY_AND_SLOWED = {"default": {**DEFAULT, "probe_ns": 1900, "workload_ns": 2_640_000}}


def verdicts(suite, *arguments):
    return {outcome["verdict"] for outcome in suite.outcomes(*arguments)}


def test_a_page_tells_how_much_was_taken_on_a_quiet_core(suite):
    suite.play(probe_ns=1000)
    suite.run().stdout.fnmatch_lines(["2 of 2 results right*100 % of samples on a quiet core*"])
    suite.play()
    suite.run().stdout.no_fnmatch_line("*quiet core*")


@pytest.mark.parametrize("distribution", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_what_a_sibling_makes_is_no_change_where_the_recording_has_seen_it(suite, distribution):
    suite.play_generations(*[QUIET, BUSY] * 6)
    outcomes = suite.outcomes(*COMPARE)
    assert all(0 < outcome["quiet_samples"] < outcome["samples"] for outcome in outcomes)

    suite.play_generations(BUSY)
    assert verdicts(suite, *COMPARE, *distribution) == {"SAME"}
    suite.play_generations(QUIET)
    assert verdicts(suite, *COMPARE, *distribution) == {"SAME"}
    suite.play_generations(BUSY_AND_SLOWED)
    assert verdicts(suite, *COMPARE, *distribution) == {"SLOWER"}


def test_where_the_recording_has_not_seen_a_sibling_nobody_knows_what_one_makes(suite):
    suite.play_generations(QUIET)
    assert verdicts(suite, *COMPARE) == {"UNKNOWN"}
    suite.play_generations(BUSY)
    assert verdicts(suite, *COMPARE) == {"UNDECIDED"}
    suite.play_generations({"default": {**DEFAULT, "probe_ns": 1000, "workload_ns": 2_400_000}})
    assert verdicts(suite, *COMPARE) == {"SLOWER"}
