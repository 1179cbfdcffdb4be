"""How the environment of a framework is made, as data; `environments/` does it, and nothing is done here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Launch:
    """How a worker is started in an environment: an argv prefix that ends where a script's path would follow."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Need:
    """A program that must be there already, why, and the command that brings it."""

    program: str
    purpose: str
    remedy: str


@dataclass(frozen=True)
class Recipe:
    """What is put into the folder of an environment, and how a worker is started from it.

    `python` is the version of the interpreter whose virtual environment lies in ``python/`` ("3.9"; "" is the version
    that runs this; None makes none), and `packages` are its pinned requirements. `debian` names packages of Debian 11
    that are unpacked, with what they depend on, into ``debian/``; nothing is installed on the machine and no root is
    needed. They hold their own C library only if `whole`. `links` are made last: path in the environment → target
    relative to it. `launch` makes the command from the folder. `probe` is Python code that must run in it at the end.
    """

    launch: Callable[[Path], Launch]
    python: str | None = None
    packages: tuple[str, ...] = ()
    debian: tuple[str, ...] = ()
    whole: bool = False
    links: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[Need, ...] = ()
    probe: str = ""


DEBIAN_LIBRARIES = Path("usr/lib/x86_64-linux-gnu")


def debian_libraries(folder: Path) -> Path:
    """Where the unpacked Debian packages of an environment have their libraries."""
    return folder / "debian" / DEBIAN_LIBRARIES


def venv_python(folder: Path) -> str:
    """The interpreter of an environment that has one of its own."""
    return str(folder / "python" / "bin" / "python")
