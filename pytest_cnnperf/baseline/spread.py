"""What comparisons of unchanged cases have shown of a machine: the spread between runs, stored beside its baselines."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..cases import Case
from ..errors import BaselineError
from ..measuring.between_visits import RunToRun
from . import files

# One dot less than a file of cases, so that it is not taken for one.
FILE_NAME = "spread.json"
SCHEMA = 1
# Runs kept of each group: enough to know it, few enough to forget what the machine was like last year.
MOST_RUNS = 8

# By the name of a group of cases.
Spreads = Mapping[str, tuple[RunToRun, ...]]


def groups_of(case: Case) -> tuple[str, ...]:
    """The names of the groups that a case is in: its framework, and this with its pass, if it has one."""
    return (case.framework,) if case.pass_ is None else (case.framework, f"{case.framework} {case.pass_.value}")


def framework_of(group: str) -> str:
    """The framework of a group, which is the group of all its cases."""
    return group.partition(" ")[0]


def read(folder: Path) -> Spreads:
    """What is stored of each group of cases, the newest last; nothing where there is no file.

    Raises: BaselineError that names the file, what is wrong in it and what to do.
    """
    path = folder / FILE_NAME
    text = files.read(path)
    if text is None:
        return {}
    try:
        document = json.loads(text)
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema is {document['schema']!r}, expected {SCHEMA}")
        return {name: tuple(_parsed(one) for one in runs) for name, runs in document["runs"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BaselineError(
            f"{path}: not a file of spreads ({type(error).__name__}: {error}). "
            f"git checkout -- {path} restores the committed file; rm {path} and the next run that records makes it anew"
        ) from None


def _parsed(plain: Any) -> RunToRun:
    cases, spread = plain["cases"], plain["spread"]
    if type(cases) is not int or cases < 1:
        raise ValueError(f"cases is {cases!r}, expected a whole number of at least 1")
    if not isinstance(spread, (int, float)) or not math.isfinite(spread) or spread < 0:
        raise ValueError(f"spread is {spread!r}, expected a number of at least 0")
    return RunToRun(cases, float(spread))


def add(folder: Path, seen: Mapping[str, RunToRun]) -> None:
    """Put what a run has shown behind what is stored; the caller holds the lock of the baselines.

    Raises: BaselineError when the file is broken (it is not overwritten) or cannot be written.
    """
    held = read(folder)
    runs = {name: (*held.get(name, ()), *((seen[name],) if name in seen else ())) for name in {**held, **seen}}
    document = {"runs": {name: _plain(runs[name][-MOST_RUNS:]) for name in sorted(runs)}, "schema": SCHEMA}
    files.replace(folder / FILE_NAME, json.dumps(document, indent=1) + "\n")


def _plain(runs: Iterable[RunToRun]) -> list[dict[str, Any]]:
    return [{"cases": one.cases, "spread": float(f"{one.spread:.3g}")} for one in runs]
