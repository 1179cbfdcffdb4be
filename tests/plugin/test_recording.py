"""Entries are written while a run goes on: now and then, each once, and what failed in between again at the end."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from pytest_cnnperf.errors import BaselineError
from pytest_cnnperf.judging.verdict import Reason, Verdict
from pytest_cnnperf.plugin.recording import Recorder
from pytest_cnnperf.report.outcome import Outcome
from pytest_cnnperf.settings import Settings, Update


def outcome(key, **more):
    return Outcome(key, "test", Verdict.UNKNOWN, Reason.NO_BASELINE, **{"entry": {"key": key}, **more})


class Disk:
    """Keeps what it was given, or is full."""

    def __init__(self):
        self.keys, self.is_full, self.seconds = [], False, 0.0

    def write_baselines(self, outcomes, _measured_on):
        if self.is_full:
            raise BaselineError("no space left")
        self.keys += [each.key for each in outcomes]
        return (f"{len(self.keys)} written",)


@pytest.fixture
def disk():
    return Disk()


@pytest.fixture
def session(disk):
    return SimpleNamespace(outcomes=[], settings=Settings(update=Update.NEW), run=disk, measured_on={})


@pytest.fixture
def recorder(session, disk):
    return Recorder(session, now=lambda: disk.seconds)


def test_finished_cases_are_written_at_most_every_45_seconds_and_each_once(recorder, session, disk):
    session.outcomes.append(outcome("a"))
    recorder.now_and_then()
    assert disk.keys == []

    disk.seconds = 45.0
    recorder.now_and_then()
    session.outcomes.append(outcome("b"))
    recorder.now_and_then()
    assert disk.keys == ["a"]

    assert recorder.write() == ("2 written",)
    assert disk.keys == ["a", "b"]


def test_what_has_no_entry_or_is_not_asked_for_is_not_written(recorder, session, disk):
    session.outcomes += [outcome("wrong", entry=None), replace(outcome("known"), reason=Reason.WITHIN_THRESHOLD)]

    assert recorder.write() == ()
    assert disk.keys == []


def test_a_full_disk_in_between_is_met_again_at_the_end(recorder, session, disk):
    session.outcomes.append(outcome("a"))
    disk.seconds, disk.is_full = 45.0, True
    recorder.now_and_then()
    with pytest.raises(BaselineError):
        recorder.write()

    disk.is_full = False
    assert recorder.write() == ("1 written",)
