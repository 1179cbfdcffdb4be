"""Environments are moved aside before they are deleted, so that none that is half gone looks complete."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable

from ..frameworks.environment import folder
from .failed import EnvironmentFailed, from_disk
from .lock import locked


def remove(name: str, tell: Callable[[str], None]) -> bool:
    """Delete the environment of this name; False when there is none.

    Raises: EnvironmentFailed when the system does not let it go.
    """
    try:
        with locked(name, tell):
            return discard(name)
    except OSError as error:
        raise from_disk(error, folder(name)) from error


def discard(name: str) -> bool:
    """The same for whoever holds the lock; it also deletes what an interrupted removal has left."""
    place = folder(name)
    is_there = place.is_dir()
    if is_there:
        place.rename(place.parent / f".removed-{name}-{uuid.uuid4().hex[:8]}")
    for left in place.parent.glob(f".removed-{name}-*"):
        shutil.rmtree(left, ignore_errors=True)
        if left.exists():
            raise EnvironmentFailed(f"{name}: {left} cannot be deleted; next: delete it by hand: rm -rf {left}")
    return is_there
