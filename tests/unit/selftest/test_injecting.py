"""Every fault goes through the real line: processes, wire, checks, judge and baseline."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping

import pytest

from pytest_cnnperf.selftest.faults import FAULTS, SOUND, Fault
from pytest_cnnperf.selftest.injecting import Shown, shown

# Workload and control, now and then, are each off by at most so much; how many samples there are hangs on real time.
NOISE = 4.1 * SOUND["noise"]


@pytest.fixture(scope="module")
def results() -> Mapping[str, Shown]:
    return {each.fault.name: each for each in shown(FAULTS)}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_caught(results: Mapping[str, Shown], fault: Fault) -> None:
    outcome = results[fault.name].outcome
    assert results[fault.name].is_caught, f"{outcome.verdict} {outcome.reason} {outcome.detail}"


def test_without_a_fault_the_result_is_right(results):
    assert results["nothing"].outcome.correct
    assert results["nothing"].outcome.baseline_ratio == pytest.approx(1, abs=NOISE)


def test_a_machine_that_slows_down_leaves_the_ratio_where_it_was(results):
    outcome = results["throttling"].outcome
    assert outcome.baseline_ratio == pytest.approx(1, abs=NOISE)
    # More than half of its samples were taken at 4 / 3 of the usual time.
    assert "1.33 times as long" in outcome.detail


def test_nothing_is_left_behind(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert [each.is_caught for each in shown(FAULTS[:1])] == [True]
    # The leases of this user's runs stay for the next one.
    assert [path for path in tmp_path.iterdir() if not path.name.startswith("pytest-cnnperf-")] == []
