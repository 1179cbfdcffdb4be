"""Frameworks in environments of their own, and commands of the user's, in whole runs."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_cnnperf.environments import make, remove
from pytest_cnnperf.frameworks import fake
from pytest_cnnperf.frameworks.environment import MARKER, folder
from pytest_cnnperf.frameworks.recipe import Launch, Recipe

CONFTEST = """
import sys
from dataclasses import replace
from pytest_cnnperf.frameworks import fake
from pytest_cnnperf.frameworks.recipe import Launch, Recipe

def pytest_cnnperf_frameworks():
    recipe = Recipe(launch=lambda folder: Launch((sys.executable,), {"BOX": str(folder)}))
    own = {"name": "boxed", "title": "Boxed", "install": "cnnperf frameworks install boxed"}
    return [replace(fake.SPEC, modules=("no_such_module",), recipe=recipe, **own)]
"""
BOXED = replace(fake.SPEC, name="boxed", title="Boxed", modules=("no_such_module",))
RECIPE = Recipe(launch=lambda place: Launch((sys.executable,), {"BOX": str(place)}))
BOTH = ("--cnnperf-frameworks=fake,boxed",)


@pytest.fixture
def boxed(suite, monkeypatch, tmp_path_factory):
    """A suite with a framework that has an environment of its own, made now."""
    monkeypatch.setenv("CNNPERF_HOME", str(tmp_path_factory.mktemp("home")))
    suite.pytester.makeconftest(CONFTEST)
    make(BOXED, RECIPE, print)
    return suite


@pytest.fixture
def interpreter(tmp_path):
    """A command that leaves a trace, then is this Python."""

    def interpreter(name):
        program = tmp_path / f"{name} python"
        program.write_text(f'#!/bin/sh\ntouch "{tmp_path}/{name}"\nexec {sys.executable} "$@"\n')
        program.chmod(0o755)
        return f"'{program}'"

    return interpreter


def reasons(document):
    return {hole["framework"]: hole["reason"] for hole in document["holes"] if "next: " in hole["reason"]}


def test_removing_an_environment_turns_its_cases_into_holes_with_the_command_and_nothing_else(boxed):
    before = boxed.document(*BOTH)
    assert {outcome["framework"] for outcome in before["outcomes"]} == {"fake", "boxed"}
    assert reasons(before) == {}

    remove("boxed", print)
    after = boxed.document(*BOTH)

    assert {outcome["key"] for outcome in after["outcomes"]} == {
        outcome["key"] for outcome in before["outcomes"] if outcome["framework"] == "fake"
    }
    assert reasons(after) == {"boxed": "Boxed is not installed here; next: cnnperf frameworks install boxed"}


def test_a_half_made_environment_is_a_hole_that_says_so_and_is_never_started(boxed):
    (folder("boxed") / MARKER).unlink()

    document = boxed.document(*BOTH)

    assert {outcome["framework"] for outcome in document["outcomes"]} == {"fake"}
    assert reasons(document) == {
        "boxed": f"Boxed is not ready: its environment in {folder('boxed')} is half made (its installation did not "
        "end); next: cnnperf frameworks install boxed"
    }


def test_the_ini_key_starts_a_framework_by_the_user_s_command(suite, interpreter, tmp_path):
    suite.pytester.makeini(f"[pytest]\ncnnperf_command_fake = {interpreter('ini')}\n")

    suite.run("--cnnperf-check-only").assert_outcomes(passed=2)

    assert (tmp_path / "ini").exists()


def test_the_variable_wins_over_the_ini_key(suite, interpreter, tmp_path, monkeypatch):
    suite.pytester.makeini(f"[pytest]\ncnnperf_command_fake = {interpreter('ini')}\n")
    monkeypatch.setenv("CNNPERF_COMMAND_FAKE", interpreter("variable"))

    suite.run("--cnnperf-check-only").assert_outcomes(passed=2)

    assert (tmp_path / "variable").exists()
    assert not (tmp_path / "ini").exists()


def test_a_command_that_makes_no_sense_is_a_usage_error_that_names_its_key(suite):
    suite.pytester.makeini("[pytest]\ncnnperf_command_fake = 'unclosed\n")

    result = suite.run()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(['*cnnperf_command_fake: "\'unclosed" is no command (No closing quotation)*'])


def test_a_command_that_is_not_there_fails_with_its_name(suite):
    suite.pytester.makeini(f"[pytest]\ncnnperf_command_fake = {Path('/no/such/python')}\n")

    result = suite.run("--cnnperf-check-only")

    result.stdout.fnmatch_lines(["*cannot start '/no/such/python'*"])
