"""Where a framework is started from: the user's own command, an environment of its own, or this interpreter."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from ..errors import UsageError
from .environment import State, inspect
from .spec import FrameworkSpec

_STATES = {
    State.ABSENT: "is not installed here",
    State.HALF_MADE: "is not ready: its environment in {folder} is half made (its installation did not end)",
    State.OUTDATED: "is not ready: its environment in {folder} was made by another version's recipe",
    State.BROKEN: "is not ready: the interpreter of its environment in {folder} is gone",
    State.COMPLETE: "was installed after this run had begun",
}


def command_variable(name: str) -> str:
    """The environment variable that says how this framework is started."""
    return "CNNPERF_COMMAND_" + re.sub(r"\W", "_", name).upper()


def command_key(name: str) -> str:
    """The ini key that says it."""
    return "cnnperf_command_" + re.sub(r"\W", "_", name).lower()


def located(spec: FrameworkSpec, commands: Mapping[str, str]) -> FrameworkSpec:
    """The framework with the command that starts it here.

    The variable wins over `commands` (name → text as in a shell), and both over an environment that is complete.
    Raises: UsageError for a text that is no command.
    """
    variable = command_variable(spec.name)
    for source, text in ((f"${variable}", os.environ.get(variable)), (command_key(spec.name), commands.get(spec.name))):
        if text:
            return replace(spec, command=_words(text, source))
    if spec.recipe is None or spec.command:
        return spec
    found = inspect(spec.name, spec.recipe)
    if found.state is not State.COMPLETE:
        return spec
    launch = spec.recipe.launch(found.folder)
    return replace(spec, command=launch.command, environment={**spec.environment, **launch.environment})


def why_missing(spec: FrameworkSpec) -> str | None:
    """Why this framework cannot be started here, with the command that brings it; None when it can.

    A framework with a command of its own cannot be looked into from here, and is not missing.
    """
    if spec.command:
        return None
    absent = ", ".join(name for name in spec.modules if not is_findable(name))
    if spec.modules and not absent:
        return None
    if spec.recipe is None:
        return f"{spec.title} is not installed here (no module {absent}); next: {spec.install}" if absent else None
    found = inspect(spec.name, spec.recipe)
    why = _STATES[found.state].format(folder=found.folder)
    if found.state is State.COMPLETE:
        return f"{spec.title} {why}; next: run again"
    next_ = spec.install if found.state is State.ABSENT else install_command(spec)
    return f"{spec.title} {why}; next: {next_}"


def install_command(spec: FrameworkSpec) -> str:
    """What makes the environment of a framework that has a recipe."""
    return f"cnnperf frameworks install {spec.name}"


@cache
def is_findable(module: str) -> bool:
    """Whether this interpreter has a module; nothing is imported, so that below a package nothing is looked for.

    A namespace (a folder without code, as several wheels share one) is looked into.
    """
    top, _, below = module.partition(".")
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:  # somebody put a module without a __spec__ into sys.modules
        return True
    if spec is None or not below or spec.origin is not None:
        return spec is not None
    inside = below.replace(".", "/")
    return any(Path(place, inside).is_dir() for place in spec.submodule_search_locations or ())


def _words(text: str, source: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"{source}: {text!r} is no command ({error}); expected words as in a shell") from None
    if not words:
        raise UsageError(f"{source}: got {text!r}, expected a command such as: /opt/other/bin/python")
    return words
