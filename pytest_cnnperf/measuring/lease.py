"""Cross-process leases of devices, in order of arrival; what a dying process holds is free at once."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from ..errors import CnnperfError
from .claims import Claim, Place

# Told so early, since a lease is normally held for a second; then at doubled times, and at last once in a minute.
TELL_SECONDS = 2.0
_TELL_AGAIN_SECONDS = 60.0
# A waiter looks again after this share of what it has waited: a look costs CPU time that others are measured by.
_LOOK_AGAIN = 0.05
_LEAST_PAUSE_SECONDS = 0.01
_LONGEST_PAUSE_SECONDS = 0.1

OnWait = Callable[[str, int, float], None]


class DeviceBusy(CnnperfError):
    """A device that other processes held for longer than this one would wait."""


def default_directory() -> Path:
    """The directory shared by all runs of this user on this host.

    Raises: DeviceBusy when somebody else owns it.
    """
    return _directory_of(os.getuid(), below=tempfile.gettempdir())


@lru_cache(maxsize=1)
def _directory_of(user: int, *, below: str) -> Path:
    """Looked at once in a process; whoever finds it gone later makes it again (claims.py)."""
    top = Path(below) / f"pytest-cnnperf-{user}"
    if not top.is_dir():
        top.mkdir(mode=0o700, exist_ok=True)
    if top.stat().st_uid != user:
        owner = top.stat().st_uid
        raise DeviceBusy(
            f"{top} belongs to user {owner}, so leases in it mean nothing; set TMPDIR to another directory"
        )
    leases = top / "leases"
    if not leases.is_dir():
        leases.mkdir(exist_ok=True)
    return leases


def cores() -> tuple[int, ...]:
    """The CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def core_device(core: int) -> str:
    """The lease name of a CPU core; a GPU's is its UUID."""
    return f"cpu-{core}"


@lru_cache(maxsize=64)
def _claim_of(pid: int, devices: tuple[str, ...], count: int | None) -> Claim:
    """The claim for all of these devices, or for `count` of them.

    Raises: DeviceBusy when there are not so many.
    """
    wanted = tuple(sorted(set(devices)))
    count = len(wanted) if count is None else count
    if count > len(wanted):
        there = f"{len(wanted)}: {', '.join(wanted) or 'none'}"
        raise DeviceBusy(f"{count} devices asked for, but there are only {there}")
    return Claim(pid, wanted, count)


class Leases:
    """The leases of one process in a folder, until `close`.

    Between two leases its place in the queue is kept without any device. `on_wait(device, pid, seconds)` tells now and
    then who holds a wanted device, or is served before. Units: `wait_seconds` is how long a lease is waited for.
    """

    def __init__(
        self, directory: Path | None = None, *, wait_seconds: float = 3600.0, on_wait: OnWait | None = None
    ) -> None:
        self._directory = directory
        self._wait_seconds = wait_seconds
        self._on_wait = on_wait
        self._parked: list[Place] = []

    @contextmanager
    def hold(self, devices: Sequence[str], *, count: int | None = None) -> Iterator[tuple[str, ...]]:
        """Hold all of these devices, or any `count` of them, and tell which.

        They are taken all at once and in the order in which processes asked: nobody holds one device while waiting for
        another (no deadlock), and nobody is overtaken by a later one that wants the same.
        Raises: DeviceBusy after the time to wait, or when `count` exceeds the devices.
        """
        claim = _claim_of(os.getpid(), tuple(devices), count)
        if not claim.count:
            yield ()
            return
        place = self._place(claim)
        try:
            yield _turn_of(place, self._wait_seconds, self._on_wait)
        finally:
            self._park(place)

    def _place(self, claim: Claim) -> Place:
        """The place that is kept, or a new one."""
        if not self._parked:
            return Place(self._directory or default_directory(), claim)
        place = self._parked.pop()
        try:
            place.renew(claim)
        except BaseException:
            place.leave()
            raise
        return place

    def _park(self, place: Place) -> None:
        try:
            place.park()
        except BaseException:
            place.leave()
            raise
        self._parked.append(place)

    def close(self) -> None:
        """Leave the queue."""
        while self._parked:
            self._parked.pop().leave()


@contextmanager
def lease(
    devices: Sequence[str],
    *,
    count: int | None = None,
    directory: Path | None = None,
    wait_seconds: float = 3600.0,
    on_wait: OnWait | None = None,
) -> Iterator[tuple[str, ...]]:
    """Hold devices once, as `Leases.hold` does."""
    leases = Leases(directory, wait_seconds=wait_seconds, on_wait=on_wait)
    try:
        with leases.hold(devices, count=count) as taken:
            yield taken
    finally:
        leases.close()


def _turn_of(place: Place, limit_seconds: float, on_wait: OnWait | None) -> tuple[str, ...]:
    """Wait until it is this place's turn; returns what it got.

    Raises: DeviceBusy after the limit, naming the holder.
    """
    began = time.monotonic()
    tell_at = TELL_SECONDS
    while not (taken := place.take()):
        seconds = time.monotonic() - began
        device, pid = place.waits_for()
        if seconds >= limit_seconds:
            raise DeviceBusy(
                f"device {device} was busy for {seconds:.0f} s, held by process {pid}; wait for it, "
                f"or end it if it hangs: ps -fp {pid}"
            )
        if on_wait is not None and seconds >= tell_at:
            on_wait(device, pid, seconds)
            tell_at += min(tell_at, _TELL_AGAIN_SECONDS)
        time.sleep(min(_LONGEST_PAUSE_SECONDS, max(_LEAST_PAUSE_SECONDS, _LOOK_AGAIN * seconds)))
    return taken
