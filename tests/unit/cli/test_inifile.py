"""The ini keys that a command reads without pytest are those that pytest itself would read."""

from __future__ import annotations

import pytest

from pytest_cnnperf.cli.inifile import commands_in_ini
from pytest_cnnperf.errors import UsageError

KEY = "cnnperf_command_fake"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pytest.ini", f"[pytest]\n{KEY} = docker run -i 50%\n"),
        ("tox.ini", f"[tox]\nenv_list = a\n[pytest]\n{KEY} = docker run -i 50%\n"),
        ("setup.cfg", f"[tool:pytest]\n{KEY} = docker run -i 50%\n"),
        ("pyproject.toml", f'[tool.pytest.ini_options]\n{KEY} = "docker run -i 50%"\n'),
        ("pyproject.toml", f'[tool.pytest]\n{KEY} = "docker run -i 50%"\n'),
        ("pytest.toml", f'[pytest]\n{KEY} = "docker run -i 50%"\n'),
    ],
)
def test_every_file_of_pytest_is_read_from_a_folder_below_it(tmp_path, file, text):
    (tmp_path / file).write_text(text)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert commands_in_ini(["other", "fake"], below) == {"fake": "docker run -i 50%"}


def test_pytest_finds_the_same_file_and_value(pytester, monkeypatch):
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("CNNPERF_FAKE_SCRIPT", "none.json")  # only a scripted fake is known, and has its key
    # Both files have the key: the order between them is pytest's.
    pytester.makefile(".ini", tox=f"[pytest]\n{KEY} = from tox\n")
    pytester.makefile(".toml", pyproject=f'[tool.pytest.ini_options]\n{KEY} = "from pyproject"\n')
    pytester.makeconftest(f"def pytest_report_header(config): return 'read: ' + config.getini('{KEY}')")
    ours = commands_in_ini(["fake"], pytester.path)["fake"]
    pytester.runpytest("-p", "no:cacheprovider").stdout.fnmatch_lines([f"read: {ours}"])


def test_a_file_without_pytests_table_is_passed_by(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    (tmp_path / "setup.cfg").write_text(f"[tool:pytest]\n{KEY} = python3.6\n")
    assert commands_in_ini(["fake"], tmp_path) == {"fake": "python3.6"}


def test_the_nearest_file_alone_counts(tmp_path):
    (tmp_path / "pytest.ini").write_text(f"[pytest]\n{KEY} = far\n")
    near = tmp_path / "near"
    near.mkdir()
    (near / "pytest.ini").write_text("[pytest]\n")
    assert commands_in_ini(["fake"], near) == {}


@pytest.mark.parametrize(("file", "text"), [("pytest.ini", "[pytest\n"), ("pyproject.toml", "[tool.pytest\n")])
def test_a_file_that_is_not_in_its_format_is_named(tmp_path, file, text):
    (tmp_path / file).write_text(text)
    with pytest.raises(UsageError, match=f"{file} cannot be read"):
        commands_in_ini(["fake"], tmp_path)
