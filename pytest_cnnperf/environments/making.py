"""An environment is made in steps, in place; the marker that makes it complete is written last."""

from __future__ import annotations

import datetime
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from ..frameworks.environment import MARKER, Environment, State, fingerprint, folder, inspect
from ..frameworks.recipe import Recipe
from ..frameworks.spec import FrameworkSpec
from . import debian, interpreters, virtualenv
from .failed import EnvironmentFailed, from_disk
from .lock import locked
from .probing import probe
from .removing import discard
from .steps import Steps

Tell = Callable[[str], None]
_PIN = re.compile(r"([\w.-]+)(?:\[[^\]]*\])?==([^;\s]+)")


def make(spec: FrameworkSpec, recipe: Recipe, tell: Tell) -> Environment:
    """Make the environment of this framework, or what an interrupted attempt has left to do; the same one is kept.

    Raises: EnvironmentFailed, after which the environment is half made and is never taken for a complete one.
    """
    try:
        with locked(spec.name, tell):
            found = inspect(spec.name, recipe)
            if found.state is State.COMPLETE:
                tell(f"{spec.name}: is there already, in {found.folder}")
                return found
            _refuse_what_is_missing(spec, recipe)
            interpreter = None if recipe.python is None else interpreters.find(recipe.python)
            steps = _begun(spec, recipe, tell)
            versions = _make(spec, recipe, tell, interpreter=interpreter, steps=steps)
            _write_marker(found.folder, fingerprint(recipe), versions=versions)
            made = inspect(spec.name, recipe)
            tell(f"{spec.name}: complete, in {made.folder}")
            return made
    except OSError as error:
        raise from_disk(error, folder(spec.name)) from error


def _refuse_what_is_missing(spec: FrameworkSpec, recipe: Recipe) -> None:
    missing = [need for need in recipe.needs if shutil.which(need.program) is None]
    if missing:
        listed = "\n".join(f"  {need.program}: {need.purpose}; {need.remedy}" for need in missing)
        raise EnvironmentFailed(
            f"{spec.title} needs what is not on this machine:\n{listed}\nnext: bring it, then: "
            f"cnnperf frameworks install {spec.name}"
        )
    if recipe.debian:
        debian.refuse_other_machine()


def _begun(spec: FrameworkSpec, recipe: Recipe, tell: Tell) -> Steps:
    """The steps of an attempt that was interrupted; else fresh ones, and what lies there of another recipe goes."""
    place, recipe_text = folder(spec.name), fingerprint(recipe)
    steps = Steps(place)
    if inspect(spec.name, recipe).state is State.HALF_MADE and steps.belong_to(recipe_text):
        tell(f"{spec.name}: goes on where the last attempt ended")
    else:
        discard(spec.name)
    steps.begin(recipe_text)
    return steps


def _make(spec: FrameworkSpec, recipe: Recipe, tell: Tell, *, interpreter: str | None, steps: Steps) -> dict[str, str]:
    """All steps in their order; the versions of what was installed, the framework's own first."""
    place = folder(spec.name)
    versions = {found[1]: found[2] for package in recipe.packages if (found := _PIN.match(package))}
    python = place / "python"
    if interpreter is not None:
        tell(f"{spec.name}: virtual environment of {interpreter}")
        steps.once(f"venv {interpreter}", lambda: virtualenv.make(interpreter, python))
        tell(f"{spec.name}: {', '.join(recipe.packages) or 'no packages'}")
        steps.once(f"packages {interpreter}", lambda: virtualenv.install(python, recipe.packages, tell))
        versions["python"] = virtualenv.version(python)
    if recipe.debian:
        tell(f"{spec.name}: packages of Debian 11: {', '.join(recipe.debian)}")
        plan = debian.plan(recipe.debian, tell, whole=recipe.whole)
        debian.unpack(plan, place / "debian", tell, steps=steps)
        versions.update({each.name: each.version for each in plan.packages if each.name in recipe.debian})
    for name, target in recipe.links.items():
        _link(place, name, target)
    if recipe.probe:
        tell(f"{spec.name}: first start")
        probe(spec, recipe.probe, place, launch=recipe.launch(place))
    return versions


def _link(place: Path, name: str, target: str) -> None:
    """A symbolic link that stays right when the whole environment is moved."""
    link = place / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(os.path.relpath(place / target, link.parent))
    if not link.exists():
        raise EnvironmentFailed(f"the link {link} leads nowhere: there is no {target} in {place}")


def _write_marker(place: Path, recipe: str, *, versions: dict[str, str]) -> None:
    marker = {
        "recipe": recipe,
        "versions": versions,
        "made": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }
    part = place / (MARKER + ".part")
    with part.open("w", encoding="utf-8") as file:
        json.dump(marker, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    part.replace(place / MARKER)
