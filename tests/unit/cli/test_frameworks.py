"""`cnnperf frameworks`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_cnnperf.cli import frameworks
from pytest_cnnperf.cli.frameworks import disk_bytes
from pytest_cnnperf.cli.main import main
from pytest_cnnperf.frameworks import FrameworkSpec, Registry
from pytest_cnnperf.frameworks.environment import folder
from pytest_cnnperf.frameworks.recipe import Launch, Recipe

RECIPE = Recipe(launch=lambda place: Launch((sys.executable,)))
OWN = FrameworkSpec("own", "Own", Path("own.py"), "cnnperf frameworks install own", (), recipe=RECIPE)
OTHER = replace(OWN, name="other", title="Other", install="cnnperf frameworks install other")
HERE = FrameworkSpec("here", "Here", Path("here.py"), "pip install here", (), modules=("pytest",))
AWAY = FrameworkSpec("away", "Away", Path("away.py"), "pip install away", (), modules=("no_such_module",))


@pytest.fixture(autouse=True)
def known(tmp_path, monkeypatch):
    """Two frameworks with recipes that need nothing, one that this Python has, and one that it lacks."""
    monkeypatch.setenv("CNNPERF_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setattr(frameworks, "builtin", lambda: Registry([OWN, OTHER, HERE, AWAY]))


def rows(capsys):
    assert main(["frameworks", "list"]) == 0
    return {line.split()[0]: " ".join(line.split()[1:]) for line in capsys.readouterr().out.splitlines()}


def test_the_list_says_state_place_and_next_command(capsys):
    main(["frameworks", "install", "own"])
    folder("other").mkdir(parents=True)
    capsys.readouterr()

    told = rows(capsys)

    assert told["own"].startswith("complete")
    assert told["own"].endswith(str(folder("own")))
    assert told["other"].startswith("half made")
    assert told["other"].endswith("cnnperf frameworks install other")
    assert told["here"] == f"installed pytest {pytest.__version__} the Python that runs pytest"
    assert told["away"] == "not there pip install away"


def test_the_list_names_the_variable_that_holds_a_command(capsys, monkeypatch):
    monkeypatch.setenv("CNNPERF_COMMAND_OWN", "docker run")

    assert rows(capsys)["own"] == "your command $CNNPERF_COMMAND_OWN"


def test_the_list_names_the_ini_key_that_holds_a_command(capsys, monkeypatch, tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\ncnnperf_command_own = docker run\n")
    monkeypatch.chdir(tmp_path)

    assert rows(capsys)["own"] == "your command cnnperf_command_own"


def test_install_makes_what_is_named_and_a_second_time_does_nothing(capsys):
    assert main(["frameworks", "install", "own", "other", "own"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"own: complete, in {folder('own')}",
        f"other: complete, in {folder('other')}",
    ]
    assert main(["frameworks", "install", "own"]) == 0
    assert capsys.readouterr().out == f"own: is there already, in {folder('own')}\n"


def test_one_that_fails_is_told_and_does_not_keep_the_others_from_being_made(capsys, monkeypatch):
    failing = replace(OWN, recipe=replace(RECIPE, probe="import gone"))
    monkeypatch.setattr(frameworks, "builtin", lambda: Registry([failing, OTHER]))

    assert main(["frameworks", "install", "own", "other"]) == 2
    captured = capsys.readouterr()
    assert "other: complete" in captured.out
    assert captured.err.startswith("cnnperf: Own was installed, but cannot start")
    assert captured.err.endswith("cnnperf: not installed: own\n")


@pytest.mark.parametrize("action", ["install", "remove", "path"])
def test_an_unknown_name_lists_the_known_ones_and_the_nearest_before_anything_is_done(capsys, action):
    names = ["owm"] if action == "path" else ["other", "owm"]

    assert main(["frameworks", action, *names]) == 2
    assert capsys.readouterr().err == (
        "cnnperf: unknown framework 'owm'; known: own, other, here, away; did you mean 'own'?; "
        "next: cnnperf frameworks list\n"
    )
    assert not folder("other").exists()


def test_installing_what_lives_in_this_python_says_so_or_tells_the_pip_command(capsys):
    assert main(["frameworks", "install", "here"]) == 0
    assert capsys.readouterr().out == f"here: is there already, in {sys.executable}\n"
    assert main(["frameworks", "install", "away"]) == 2
    assert "lives in the Python that runs pytest" in (told := capsys.readouterr().err)
    assert "next: pip install away\n" in told


def test_remove_deletes_and_says_when_there_was_nothing(capsys):
    main(["frameworks", "install", "own"])
    capsys.readouterr()

    assert main(["frameworks", "remove", "own", "other"]) == 0
    assert capsys.readouterr().out == "own: removed\nother: there was nothing to remove\n"
    assert not folder("own").exists()


def test_what_lives_in_this_python_is_not_removed(capsys):
    assert main(["frameworks", "remove", "here"]) == 2
    assert f"{sys.executable} -m pip uninstall here" in capsys.readouterr().err


def test_path_prints_the_folder_alone_and_tells_apart_from_it_what_is_wrong_with_it(capsys):
    assert main(["frameworks", "path", "own"]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{folder('own')}\n"
    assert captured.err == "cnnperf: this environment is not there; next: cnnperf frameworks install own\n"


def test_an_interruption_is_exit_code_130_and_tells_how_to_go_on(capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(frameworks, "make", interrupted)

    assert main(["frameworks", "install", "own"]) == 130
    assert capsys.readouterr().err.strip() == ("cnnperf: own is half made; go on with: cnnperf frameworks install own")


def test_a_file_of_two_names_takes_its_place_on_disk_once(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    alone = disk_bytes(tmp_path)
    (tmp_path / "b").hardlink_to(tmp_path / "a")

    assert disk_bytes(tmp_path) == alone >= 100_000
