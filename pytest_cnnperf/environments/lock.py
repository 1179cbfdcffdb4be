"""One process at a time makes or removes an environment; the lock goes with its processes, however they end."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..frameworks.environment import folder


@contextmanager
def locked(name: str, tell: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of this environment; whoever has to wait for it is told."""
    place = folder(name)
    place.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(place.parent / f".{name}.lock", os.O_RDWR | os.O_CREAT, 0o666)
    # A pip that outlives its parent keeps the lock, so that nobody works beside it in the same folder.
    os.set_inheritable(file, True)  # noqa: FBT003 - positional only
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(file, 20, 0).decode("ascii", "replace").strip() or "?"
            tell(f"{name}: waiting for process {holder}, which works on the same environment")
            fcntl.flock(file, fcntl.LOCK_EX)
        os.ftruncate(file, 0)
        os.pwrite(file, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(file)
