"""The interpreter of an old version that somebody has put somewhere on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from .failed import EnvironmentFailed

_PATIENCE_SECONDS = 30.0
_NOT_INHERITED = frozenset(
    {
        "PIP_CONSTRAINT",
        "PIP_BUILD_CONSTRAINT",
        "PIP_REQUIREMENT",
        "PIP_TARGET",
        "PIP_PREFIX",
        "PIP_USER",
        "VIRTUAL_ENV",
        "__PYVENV_LAUNCHER__",
    }
)
_ASK = "import sys, ssl, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"


def variable(version: str) -> str:
    """The environment variable that names the interpreter of a version, e.g. ``CNNPERF_PYTHON_3_6``."""
    return "CNNPERF_PYTHON_" + version.replace(".", "_")


def find(version: str) -> str:
    """Path of a Python of this version ("3.6") that can make virtual environments; "" is the one that runs this.

    Raises: EnvironmentFailed that says where was looked, what was wrong there, and how to get one.
    """
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    if version in ("", running) and not os.environ.get(variable(version)):
        return sys.executable
    looked = []
    for candidate in _candidates(version):
        trouble = _trouble(candidate, version)
        if trouble is None:
            return candidate
        looked.append(f"  {candidate}: {trouble}")
    raise EnvironmentFailed(_absent(version, looked))


def _candidates(version: str) -> Iterator[str]:
    """The user's own alone where there is one; else PATH, pyenv, uv, and where systems put what they build."""
    chosen = os.environ.get(variable(version))
    if chosen:
        yield chosen
        return
    program = f"python{version}"
    for folder in os.get_exec_path():
        if os.access(Path(folder) / program, os.X_OK):
            yield str(Path(folder) / program)
    home = Path.home()
    places = [
        (Path(root) / "versions", f"{version}*") for root in (os.environ.get("PYENV_ROOT"), home / ".pyenv") if root
    ]
    places += [(home / ".local/share/uv/python", f"cpython-{version}.*"), (Path("/opt/python"), f"{version}*")]
    for place, pattern in dict.fromkeys(places):
        for found in sorted(place.glob(f"{pattern}/bin/{program}"), reverse=True):
            yield str(found)


def _trouble(candidate: str, version: str) -> str | None:
    """Why this is not the Python that is looked for (a shim of pyenv may name a version that is not switched on)."""
    try:
        asked = subprocess.run(
            [candidate, "-c", _ASK],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
            env=clean(),
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if asked.returncode != 0:
        return (asked.stderr.strip().splitlines() or [f"exit status {asked.returncode}"])[-1]
    got = asked.stdout.strip()
    return None if got == version else f"it is Python {got}, expected {version}"


def _absent(version: str, looked: list[str]) -> str:
    chosen = variable(version)
    where = "$" + chosen if os.environ.get(chosen) else f"PATH (python{version}), pyenv, uv, /opt/python"
    tried = "\n" + "\n".join(looked) if looked else ""
    return (
        f"Python {version} is needed and was not found in {where}{tried}\n"
        f"next: get one (pyenv install {version}; conda create -n py{version} "
        f"python={version}; or your system's python{version} with python{version}-venv), or, where it lies elsewhere: "
        f"export {chosen}=/path/to/python{version}"
    )


def clean() -> dict[str, str]:
    """This process's environment without what belongs to its own Python, or to the tool that started it.

    pip's configuration stays, but not its constraints: those pin versions for this interpreter, not for another one.
    """
    return {key: value for key, value in os.environ.items() if not _is_unwanted(key)}


def _is_unwanted(variable: str) -> bool:
    return variable in _NOT_INHERITED or (variable.startswith("PYTHON") and variable != "PYTHONUTF8")
