"""The spread between runs, stored beside the baselines."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pytest_cnnperf.baseline.spread import FILE_NAME, MOST_RUNS
from pytest_cnnperf.baseline.store import Baselines
from pytest_cnnperf.cases import Case, DeviceKind, Pass
from pytest_cnnperf.errors import BaselineError
from pytest_cnnperf.measuring.between_visits import RunToRun, run_floor

from .conftest import MakeEntry


def test_what_runs_have_shown_is_stored_and_pooled(baselines: Baselines, make_entry: MakeEntry) -> None:
    baselines.write([make_entry()])
    first, second = RunToRun(100, 0.03), RunToRun(50, 0.01)
    for seen in (first, second):
        path = baselines.learn(DeviceKind.CPU, {"torch": seen})
    fresh = Baselines.open(baselines.directory, baselines.machine)
    assert fresh.floor("torch").runs == run_floor([first, second])
    assert fresh.floor("numpy").runs == run_floor([])
    assert path.parent == baselines.path_for(make_entry().key).parent
    # It is not taken for a file of cases.
    assert fresh.load_all() == {make_entry().key: make_entry()}


def test_what_one_framework_has_shown_leaves_the_others_as_they_are(baselines: Baselines) -> None:
    baselines.learn(DeviceKind.CPU, {"torch": RunToRun(100, 0.03)})
    baselines.learn(DeviceKind.CPU, {"numpy": RunToRun(100, 0.02)})
    assert baselines.floor("torch").runs == run_floor([RunToRun(100, 0.03)])


def test_what_a_pass_has_shown_counts_for_its_cases_where_it_is_more(
    baselines: Baselines, make_entry: MakeEntry
) -> None:
    forward = Case.parse(make_entry().key)
    backward = replace(forward, pass_=Pass.BACKWARD_FILTER)
    group, other = (f"{case.framework} {case.pass_}" for case in (backward, forward))
    calm, restless = RunToRun(100, 0.01), RunToRun(40, 0.04)
    baselines.learn(DeviceKind.CPU, {forward.framework: calm, group: restless, other: RunToRun(40, 0.002)})
    # Drawn to what its framework shows, of which it is a part.
    assert baselines.floor_of(backward).runs == run_floor([restless], prior=run_floor([calm]))
    # Never less than its framework's.
    assert baselines.floor_of(forward) == baselines.floor(forward.framework)
    assert baselines.floor(forward.framework).runs == run_floor([calm])
    # What is learned later counts at once.
    baselines.learn(DeviceKind.CPU, {group: RunToRun(4000, 0.08)})
    assert baselines.floor_of(backward).runs > 0.07


def test_only_the_latest_runs_are_kept(baselines: Baselines) -> None:
    for number in range(MOST_RUNS + 3):
        path = baselines.learn(DeviceKind.CPU, {"torch": RunToRun(20 + number, 0.01)})
    kept = json.loads(path.read_text())["runs"]["torch"]
    assert [run["cases"] for run in kept] == list(range(23, 23 + MOST_RUNS))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "JSONDecodeError"),
        ("[]", "TypeError"),
        ('{"schema": 7, "runs": {}}', "schema is 7, expected 1"),
        ('{"schema": 1}', "KeyError: 'runs'"),
        ('{"schema": 1, "runs": {"torch": [{"cases": 0, "spread": 0.1}]}}', "cases is 0, expected a whole number"),
        ('{"schema": 1, "runs": {"torch": [{"cases": 9, "spread": -1}]}}', "spread is -1, expected a number"),
    ],
)
def test_a_broken_file_is_named_and_not_overwritten(baselines: Baselines, text: str, complaint: str) -> None:
    folder = baselines.directory / baselines.machine.slug_for(DeviceKind.CPU)
    folder.mkdir(parents=True)
    (folder / FILE_NAME).write_text(text)
    for touch in (lambda: baselines.floor("torch"), lambda: baselines.learn(DeviceKind.CPU, {"torch": RunToRun(9, 0)})):
        with pytest.raises(BaselineError) as caught:
            touch()
        assert str(folder / FILE_NAME) in str(caught.value)
        assert complaint in str(caught.value)
        assert "git checkout -- " in str(caught.value)
    assert (folder / FILE_NAME).read_text() == text
