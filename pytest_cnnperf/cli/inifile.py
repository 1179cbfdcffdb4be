"""The project's pytest ini keys, for commands that run without pytest: they must start what a run would start."""

from __future__ import annotations

import configparser
import importlib
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..frameworks.locating import command_key

# File → the tables that hold pytest's keys, in pytest's own order; of one file the first table that is there counts.
# Source: "Configuration file formats" in pytest's documentation.
_PLACES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "pytest.toml": (("pytest",),),
    ".pytest.toml": (("pytest",),),
    "pytest.ini": (("pytest",),),
    ".pytest.ini": (("pytest",),),
    "pyproject.toml": (("tool", "pytest", "ini_options"), ("tool", "pytest")),
    "tox.ini": (("pytest",),),
    "setup.cfg": (("tool:pytest",),),
}


def commands_in_ini(names: Iterable[str], start: Path) -> dict[str, str]:
    """The commands that ``cnnperf_command_<name>`` keys give these frameworks, in the file that pytest would read.

    Raises: UsageError for a file that is not in its format.
    """
    keys = _keys(start)
    return {name: str(keys[command_key(name)]) for name in names if keys.get(command_key(name))}


def _keys(start: Path) -> Mapping[str, Any]:
    for folder in (start.absolute(), *start.absolute().parents):
        for name, tables in _PLACES.items():
            path = folder / name
            content = _content(path) if path.is_file() else None
            found = None if content is None else _table(content, tables)
            if found is not None:
                return found
    return {}


def _content(path: Path) -> Mapping[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".toml":
            # Before Python 3.11 pytest brings its own.
            toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
            parsed: Mapping[str, Any] = toml.loads(text)
            return parsed
        parser = configparser.RawConfigParser()
        parser.read_string(text)
        return {section: dict(parser[section]) for section in parser.sections()}
    except (OSError, ValueError, configparser.Error) as error:
        raise UsageError(f"{path} cannot be read: {error}; next: mend it, pytest needs it too") from error


def _table(content: Mapping[str, Any], tables: Iterable[tuple[str, ...]]) -> Mapping[str, Any] | None:
    for table in tables:
        found: Any = content
        for word in table:
            found = found.get(word) if isinstance(found, Mapping) else None
        if isinstance(found, Mapping):
            return found
    return None
