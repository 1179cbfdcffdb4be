"""What can go wrong in the making of an environment, as one error."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from ..errors import CnnperfError
from ..frameworks.environment import HOME_VARIABLE


class EnvironmentFailed(CnnperfError):
    """An environment that cannot be made or removed; what was done so far stays, and is used by the next attempt."""


def from_disk(error: OSError, place: Path) -> EnvironmentFailed:
    """A full disk, a folder that may not be written, or any other refusal of the system, as a sentence."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EnvironmentFailed(no_space(place))
    where = error.filename or place
    return EnvironmentFailed(
        f"cannot write {where}: {error.strerror or error}; next: correct it, or choose another folder with "
        f"{HOME_VARIABLE}=DIR"
    )


def no_space(place: Path) -> str:
    """The sentence for a full disk. Units: megabytes of 10^6 bytes."""
    free = f"{shutil.disk_usage(existing(place)).free / 1e6:.0f} MB free"
    return (
        f"no space left for {place} ({free}); next: make room, or choose another folder with {HOME_VARIABLE}=DIR; "
        "what is there already is kept"
    )


def existing(place: Path) -> Path:
    """The nearest folder above that exists."""
    return next(each for each in (place, *place.parents) if each.exists())
