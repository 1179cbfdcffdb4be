"""Where a framework is started from, and what is said when it cannot be."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_cnnperf.errors import UsageError
from pytest_cnnperf.frameworks import FrameworkSpec, Registry
from pytest_cnnperf.frameworks.environment import fingerprint, folder, home
from pytest_cnnperf.frameworks.locating import why_missing
from pytest_cnnperf.frameworks.recipe import Launch, Recipe

RECIPE = Recipe(
    launch=lambda place: Launch((sys.executable, "-s"), environment={"PLACE": str(place), "SHARED": "launch"}),
    packages=("mine==1.0",),
)
SPEC = FrameworkSpec(
    name="my-own",
    title="Mine",
    adapter=Path("adapter.py"),
    install="cnnperf frameworks install my-own",
    offers=(),
    modules=("no_such_framework",),
    environment={"SHARED": "spec", "OWN": "spec"},
    recipe=RECIPE,
)


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNPERF_HOME", str(tmp_path))
    monkeypatch.delenv("CNNPERF_COMMAND_MY_OWN", raising=False)


def located(spec=SPEC, **commands):
    return Registry([spec]).located({name.replace("_", "-"): text for name, text in commands.items()}).get(spec.name)


def complete(recipe=RECIPE):
    place = folder(SPEC.name)
    place.mkdir(parents=True, exist_ok=True)
    marker = {"recipe": fingerprint(recipe), "versions": {"mine": "1.0"}, "made": "2026-01-01"}
    (place / "environment.json").write_text(json.dumps(marker))
    return place


def test_the_home_is_the_variable_s_else_the_user_s_cache(monkeypatch, tmp_path):
    assert home() == tmp_path
    monkeypatch.delenv("CNNPERF_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert home() == tmp_path / "cache" / "pytest-cnnperf"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home() == tmp_path / ".cache" / "pytest-cnnperf"


def test_a_complete_environment_starts_the_framework_with_its_variables_over_the_framework_s():
    place = complete()

    spec = located()

    assert spec.command == (sys.executable, "-s")
    assert spec.environment == {"OWN": "spec", "SHARED": "launch", "PLACE": str(place)}
    assert why_missing(spec) is None


def test_without_an_environment_the_spec_stays_as_it_is_and_is_missing():
    assert located() is SPEC
    assert why_missing(SPEC) == "Mine is not installed here; next: cnnperf frameworks install my-own"


def test_the_user_s_command_wins_over_an_environment_and_keeps_the_framework_s_variables():
    complete()

    spec = located(my_own="docker run -i 'my image' python3")

    assert spec.command == ("docker", "run", "-i", "my image", "python3")
    assert spec.environment == SPEC.environment


def test_the_variable_wins_over_the_ini_key(monkeypatch):
    monkeypatch.setenv("CNNPERF_COMMAND_MY_OWN", "from-variable")

    assert located(my_own="from-ini").command == ("from-variable",)


@pytest.mark.parametrize("text", ["'unclosed", "   "])
def test_a_text_that_is_no_command_names_its_key(text):
    with pytest.raises(UsageError, match="cnnperf_command_my_own"):
        located(my_own=text)


def test_a_half_made_environment_is_not_started_and_is_told():
    folder(SPEC.name).mkdir(parents=True)

    assert located() is SPEC
    assert why_missing(SPEC) == (
        f"Mine is not ready: its environment in {folder(SPEC.name)} is half made (its installation did not end); "
        "next: cnnperf frameworks install my-own"
    )


def test_an_environment_of_another_recipe_is_not_started_and_is_told():
    complete(replace(RECIPE, packages=("mine==0.9",)))

    assert located() is SPEC
    assert "was made by another version's recipe; next: cnnperf frameworks install my-own" in (why_missing(SPEC) or "")


def test_an_environment_whose_interpreter_is_gone_is_not_started_and_is_told(tmp_path):
    complete()
    spec = replace(SPEC, recipe=replace(RECIPE, launch=lambda place: Launch((str(tmp_path / "gone"),))))

    assert located(spec) is spec
    assert "the interpreter of its environment" in (why_missing(spec) or "")


def test_a_framework_that_this_interpreter_has_is_not_missing_without_an_environment_of_its_own():
    assert why_missing(replace(SPEC, modules=("json",))) is None


def test_an_environment_that_became_complete_later_is_found_by_the_next_run():
    complete()

    assert why_missing(SPEC) == "Mine was installed after this run had begun; next: run again"


@pytest.mark.parametrize(
    ("changed", "matters"),
    [
        ({"packages": ("mine==1.1",)}, True),
        ({"python": "3.6"}, True),
        ({"debian": ("libmpi",)}, True),
        ({"whole": True}, True),
        ({"links": {"a": "b"}}, True),
        ({"probe": "import mine"}, False),
        ({"launch": lambda place: Launch(("python",))}, False),
    ],
)
def test_only_what_is_put_into_an_environment_makes_it_another_one(changed, matters):
    assert (fingerprint(replace(RECIPE, **changed)) != fingerprint(RECIPE)) is matters
