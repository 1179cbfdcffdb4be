"""Where the environments of frameworks lie, and in what state each is; nothing is made or changed here."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from .recipe import Recipe

HOME_VARIABLE = "CNNPERF_HOME"
MARKER = "environment.json"


class State(str, Enum):
    """How far an environment is."""

    ABSENT = "not there"
    HALF_MADE = "half made"
    OUTDATED = "outdated"
    BROKEN = "broken"
    COMPLETE = "complete"


@dataclass(frozen=True)
class Environment:
    """What was found of one environment; `versions` are those that its marker tells, the framework's own first."""

    name: str
    folder: Path
    state: State
    versions: Mapping[str, str] = field(default_factory=dict)
    made: str = ""


def home() -> Path:
    """Where everything lies that is made: $CNNPERF_HOME, or a folder in the user's cache directory."""
    chosen = os.environ.get(HOME_VARIABLE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache").absolute() / "pytest-cnnperf"


def folder(name: str) -> Path:
    """Where the environment of this framework lies, or would."""
    return home() / "environments" / name


def fingerprint(recipe: Recipe) -> str:
    """Changes when something else would be made; a remedy's wording, a probe or a command changes nothing."""
    parts = [recipe.python, recipe.packages, recipe.debian, recipe.whole, sorted(recipe.links.items())]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def inspect(name: str, recipe: Recipe) -> Environment:
    """The environment of this name as it is now: only a marker of this very recipe makes it complete."""
    place = folder(name)
    if not place.is_dir():
        return Environment(name, place, State.ABSENT)
    try:
        marker = json.loads((place / MARKER).read_text(encoding="utf-8"))
        versions = {str(key): str(value) for key, value in marker["versions"].items()}
        found, made = marker["recipe"], str(marker["made"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Environment(name, place, State.HALF_MADE)  # no marker, or none of ours
    if found != fingerprint(recipe):
        return Environment(name, place, State.OUTDATED, versions, made)
    # A virtual environment outlives the interpreter that it points to.
    program = recipe.launch(place).command[0]
    return Environment(name, place, State.COMPLETE if shutil.which(program) else State.BROKEN, versions, made)
