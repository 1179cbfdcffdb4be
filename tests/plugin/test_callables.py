"""A callable that nobody compares: what is said at once, and what waits until somebody asks."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import pytest

TESTS = """
import pytest

def busy():
    return sum(range(1000))

def test_right(cnnperf):
    cnnperf.time(busy, reference=499500.0)

def test_wrong(cnnperf):
    cnnperf.time(busy, reference=499000.0)

@pytest.mark.cnnperf(max_seconds=1e-9, min_samples=1)
def test_hasty(cnnperf):
    cnnperf.time(busy)
"""

# How many outcomes have their numbers whenever a test is over, and at the end.
COUNTING = """
import pytest
import pytest_cnnperf.run.callables as callables

reckoned = []
original = callables.finished

def finished(*arguments, **keywords):
    reckoned.append(True)
    return original(*arguments, **keywords)

callables.finished = finished

def pytest_runtest_logfinish(nodeid):
    print(f"\\nreckoned behind {nodeid}: {len(reckoned)}")

def pytest_unconfigure():
    print(f"reckoned at the end: {len(reckoned)}")
"""


@pytest.fixture
def callables(suite):
    suite.pytester.makepyfile(test_own=TESTS)
    return suite


def outcome_of(suite, name):
    outcomes = json.loads((suite.pytester.path / "out.json").read_text())["outcomes"]
    return next(each for each in outcomes if each["nodeid"].endswith(name))


def test_its_numbers_are_reckoned_behind_the_last_test(callables):
    callables.pytester.makeconftest(COUNTING)
    result = callables.run("test_own.py::test_right", "-s")
    result.stdout.fnmatch_lines(["reckoned behind *test_right: 0", "reckoned at the end: 1"])


@pytest.mark.parametrize("processes", ["0", "1"])
def test_they_stand_in_every_report(callables, processes):
    result = callables.run("test_own.py::test_right", "--cnnperf-json=out.json", "--junitxml=out.xml", "-n", processes)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*test_right*busy*±*", "1 case: 1 UNKNOWN", "UNKNOWN because: 1 not compared"])
    outcome = outcome_of(callables, "test_right")
    assert outcome["verdict"] == "UNKNOWN"
    assert outcome["reason"] == "not_compared"
    assert outcome["ratio_low"] <= outcome["ratio"] <= outcome["ratio_high"]
    (case,) = ElementTree.parse(callables.pytester.path / "out.xml").iter("testcase")
    told = {each.get("name"): each.get("value") for each in case.iter("property")}
    assert (told["key"], told["verdict"], told["ratio"]) == (outcome["key"], "UNKNOWN", str(outcome["ratio"]))


def test_its_verdict_is_shown_beside_the_test(callables):
    callables.run("test_own.py::test_right", "-v").stdout.fnmatch_lines(["*::test_right UNKNOWN *"])


def test_what_is_wrong_or_cannot_be_used_is_said_at_once(callables):
    result = callables.run("test_own.py", "--cnnperf-json=out.json", "-v")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*::test_right UNKNOWN *",
            "*::test_wrong WRONG *",
            "*::test_hasty UNDECIDED *",
            "*WRONG (result_outside_bound)*",
        ]
    )
    assert outcome_of(callables, "test_hasty")["reason"] == "too_few_samples"


def test_a_test_may_ask_for_them(callables):
    callables.pytester.makepyfile(
        test_asking="""
        def test_asking(cnnperf):
            outcome = cnnperf.time(lambda: sum(range(1000)))
            assert outcome.ratio_low <= outcome.ratio <= outcome.ratio_high
            assert outcome.samples >= 3 and outcome.median_ns > 0
        """
    )
    callables.run("test_asking.py").assert_outcomes(passed=1)
