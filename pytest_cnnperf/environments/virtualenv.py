"""A virtual environment of an interpreter of any version, with pinned packages."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from .failed import EnvironmentFailed, no_space
from .interpreters import clean

# The newest pip for each Python that needs an old one.
_PIP = {(3, 6): "21.3.1", (3, 7): "24.0", (3, 8): "25.0.1"}
_NEWEST_PIP = "25.3"
_LAST_LINES = 15
_DOWNLOAD = re.compile(r"^\s*Downloading (?:\S*/)?([^/\s]+) \(([\d.]+) MB\)")
_WORTH_TELLING_MB = 5.0


def make(interpreter: str, place: Path) -> None:
    """A fresh virtual environment here, whatever an interrupted attempt has left."""
    shutil.rmtree(place, ignore_errors=True)
    _run([interpreter, "-m", "venv", str(place)], place, "make a virtual environment")


def install(place: Path, packages: Sequence[str], tell: Callable[[str], None]) -> None:
    """A pip that this Python supports, then the packages, all at once so that they fit each other."""
    python = str(place / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    _run([*pip, "--quiet", f"pip=={_PIP.get(_version(python), _NEWEST_PIP)}"], place, "install pip")
    if packages:
        _run([*pip, "--progress-bar=off", *packages], place, f"install {' '.join(packages)}", tell=tell)


def version(place: Path) -> str:
    """The full version of its interpreter, e.g. 3.9.18."""
    asked = _run(
        [str(place / "bin" / "python"), "-c", "import platform; print(platform.python_version())"], place, "ask"
    )
    return asked[-1] if asked else "unknown"


def _version(python: str) -> tuple[int, int]:
    asked = _run([python, "-c", "import sys; print('%d %d' % sys.version_info[:2])"], Path(python), "ask its version")
    major, minor = asked[-1].split()
    return int(major), int(minor)


def _run(argv: list[str], place: Path, purpose: str, tell: Callable[[str], None] | None = None) -> list[str]:
    """Run to the end and return the lines that it wrote; large downloads are told as they begin.

    Raises: EnvironmentFailed with the last of those lines.
    """
    lines: list[str] = []
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=clean(),
        close_fds=False,  # it holds the environment's lock as long as it lives
    ) as process:
        assert process.stdout is not None
        try:
            for text in process.stdout:
                lines.append(text.rstrip())
                found = _DOWNLOAD.match(text)
                if tell and found and float(found[2]) >= _WORTH_TELLING_MB:
                    tell(f"  downloading {found[1]} ({float(found[2]):.0f} MB)")
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise EnvironmentFailed(_failure(purpose, lines, place))
    return lines


def _failure(purpose: str, lines: Sequence[str], place: Path) -> str:
    told = "\n".join(f"    {line}" for line in lines[-_LAST_LINES:])
    text = "\n".join(lines)
    if "No space left on device" in text:
        return no_space(place)
    if "ensurepip is not available" in text:
        next_ = "install the venv package of that Python (Debian: apt-get install pythonX.Y-venv)"
    elif re.search(r"NewConnectionError|ConnectTimeout|Temporary failure in name|Network is unreachable", text):
        next_ = "check the network and pip's configuration (pip config list), then run the same command again"
    else:
        next_ = "correct it, then run the same command again: what is there already is kept"
    return f"could not {purpose}; the end of what was written:\n{told}\nnext: {next_}"
