"""A restless case that lies beyond the threshold by noise alone, from the run to its page, JUnit and exit code."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from .conftest import DEFAULT

ONE = ("--cnnperf-batches=1", "-k", "tiny-a-")
# A comparison makes two visits in a process; its standard error is 4 % behind twelve.
RESTLESS = (1.1, 0.91, 1.08, 0.9, 1.11, 0.92)


def restless(suite, factor=1.0):
    """Every new process makes the case faster or slower than the one before."""
    scripts = [{"default": {**DEFAULT, "workload_ns": round(2_000_000 * factor * pace)}} for pace in RESTLESS * 8]
    suite.script.with_suffix(".count").unlink(missing_ok=True)
    suite.play_generations(*scripts)


@pytest.fixture
def recorded(suite):
    restless(suite)
    suite.run("--cnnperf-update", *ONE)
    return suite


def test_it_is_the_same_and_everybody_is_told_that_it_is_noise(recorded):
    restless(recorded, 1.07)
    result = recorded.run("--cnnperf-compare", "--junitxml=junit.xml", "--cnnperf-json=out.json", *ONE)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        [
            "WITHIN NOISE  1 case",
            "    SAME: within what noise may do: +*% (95 % interval *",
            "1 case: 1 SAME (1 within noise)",
        ]
    )
    root = ElementTree.parse(recorded.pytester.path / "junit.xml").getroot()
    properties = {each.get("name"): each.get("value") for each in root.iter("property")}
    assert (properties["verdict"], properties["reason"]) == ("SAME", "within_noise")
    assert float(properties["ratio"]) > 0


def test_all_visits_are_made_before_it_is_said(recorded):
    restless(recorded, 1.07)
    (outcome,) = recorded.outcomes("--cnnperf-compare", *ONE)
    assert outcome["reason"] == "within_noise"
    assert outcome["samples"] == 12 * 12


def test_a_change_that_is_certain_is_told_of_a_restless_case_too(recorded):
    restless(recorded, 1.3)
    result = recorded.run("--cnnperf-compare", *ONE)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["1 case: 1 SLOWER"])


def test_what_it_shows_is_no_baseline_of_its_own(recorded):
    (file,) = recorded.baseline_files
    before = file.read_text()
    restless(recorded, 1.07)
    (outcome,) = recorded.outcomes("--cnnperf-compare", "--cnnperf-missing=record", *ONE)
    assert (outcome["reason"], file.read_text()) == ("within_noise", before)
