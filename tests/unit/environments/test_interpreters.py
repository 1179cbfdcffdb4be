"""Looking for an interpreter of an old version."""

from __future__ import annotations

import os
import sys

import pytest

from pytest_cnnperf.environments import EnvironmentFailed, interpreters
from pytest_cnnperf.environments.interpreters import find

RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(autouse=True)
def empty_machine(tmp_path, monkeypatch):
    """A machine with an empty PATH and an empty home folder."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    for name in [name for name in os.environ if name.startswith("CNNPERF_PYTHON_")]:
        monkeypatch.delenv(name)


def program(path, answer, *, status=0):
    """A program that answers to any question."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{answer}'\n[ {status} = 0 ] || echo '{answer}' >&2\nexit {status}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("version", ["", RUNNING])
def test_the_version_that_runs_this_is_this_interpreter(version):
    assert find(version) == sys.executable


def test_it_is_found_on_the_path(tmp_path):
    wanted = program(tmp_path / "bin/python3.1", "3.1")

    assert find("3.1") == wanted


def test_it_is_found_in_pyenv_where_its_shim_does_not_work(tmp_path):
    program(tmp_path / "bin/python3.1", "pyenv: python3.1: command not found", status=127)
    wanted = program(tmp_path / ".pyenv/versions/3.1.5/bin/python3.1", "3.1")

    assert find("3.1") == wanted


def test_pyenv_s_own_root_comes_first(tmp_path, monkeypatch):
    program(tmp_path / ".pyenv/versions/3.1.5/bin/python3.1", "3.1")
    wanted = program(tmp_path / "root/versions/3.1.4/bin/python3.1", "3.1")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "root"))

    assert find("3.1") == wanted


def test_a_named_one_is_the_only_one(tmp_path, monkeypatch):
    program(tmp_path / "bin/python3.1", "3.1")
    wanted = program(tmp_path / "elsewhere/python", "3.1")
    monkeypatch.setenv("CNNPERF_PYTHON_3_1", wanted)

    assert find("3.1") == wanted


def test_a_named_one_of_another_version_is_refused_although_the_right_one_is_there(tmp_path, monkeypatch):
    program(tmp_path / "bin/python3.1", "3.1")
    monkeypatch.setenv("CNNPERF_PYTHON_3_1", program(tmp_path / "elsewhere/python", "3.2"))

    with pytest.raises(
        EnvironmentFailed, match=r"not found in \$CNNPERF_PYTHON_3_1\n  .*it is Python 3.2, expected 3.1"
    ):
        find("3.1")


def test_where_was_looked_and_how_to_get_one_is_told(tmp_path):
    program(tmp_path / "bin/python3.1", "pyenv: python3.1: command not found", status=127)

    with pytest.raises(EnvironmentFailed) as caught:
        find("3.1")

    assert str(caught.value) == (
        "Python 3.1 is needed and was not found in PATH (python3.1), pyenv, uv, /opt/python\n"
        f"  {tmp_path}/bin/python3.1: pyenv: python3.1: command not found\n"
        "next: get one (pyenv install 3.1; conda create -n py3.1 python=3.1; or your system's "
        "python3.1 with python3.1-venv), or, where it lies elsewhere: export CNNPERF_PYTHON_3_1=/path/to/python3.1"
    )


def test_pip_keeps_its_configuration_but_not_the_constraints_of_this_interpreter(monkeypatch):
    monkeypatch.setenv("PIP_CONSTRAINT", "constraints.txt")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")

    variables = interpreters.clean()

    assert variables["PIP_INDEX_URL"] == "https://mirror.example/simple"
    assert "PIP_CONSTRAINT" not in variables
    assert "PYTHONPATH" not in variables
