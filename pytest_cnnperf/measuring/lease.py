"""Cross-process leases of devices: one locked file per device, freed by the kernel when its holder dies."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..errors import CnnperfError

# Told so often, so early: a lease is normally held for a second.
TELL_SECONDS = 2.0
_POLL_SECONDS = 0.02
_RECORD = 24

OnWait = Callable[[str, "int | None", float], None]


class DeviceBusy(CnnperfError):
    """A device that other processes held for longer than this one would wait."""


def default_directory() -> Path:
    """The directory shared by all runs of this user on this host.

    Raises: DeviceBusy when somebody else owns it.
    """
    top = Path(tempfile.gettempdir()) / f"pytest-cnnperf-{os.getuid()}"
    if not top.is_dir():
        top.mkdir(mode=0o700, exist_ok=True)
    if top.stat().st_uid != os.getuid():
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


@contextmanager
def lease(
    devices: Sequence[str],
    *,
    count: int | None = None,
    directory: Path | None = None,
    wait_seconds: float = 3600.0,
    on_wait: OnWait | None = None,
) -> Iterator[tuple[str, ...]]:
    """Hold all of these devices, or any `count` of them, and tell which.

    Whoever waits for devices of a kind holds that kind's gate meanwhile, so that nobody waits for a device while
    another waits for one of his: no deadlock, and a waiter for several is not overtaken for ever by waiters for one.
    `on_wait(device, holder's pid, seconds)` is called every few seconds of waiting.
    Raises: DeviceBusy after `wait_seconds`, or when `count` exceeds the devices.
    """
    wanted = tuple(sorted(set(devices)))
    count = len(wanted) if count is None else count
    if count > len(wanted):
        raise DeviceBusy(f"{count} devices asked for, but there are only {len(wanted)}: {', '.join(wanted) or 'none'}")
    folder = directory or default_directory()
    folder.mkdir(parents=True, exist_ok=True)
    waiting = _Waiting(time.monotonic(), wait_seconds, on_wait)
    with ExitStack() as held:
        with ExitStack() as gates:
            for kind in sorted({device.partition("-")[0] for device in wanted}):
                _take_any(folder, (f"gate-{kind}",), held=gates, waiting=waiting)
            taken: list[str] = []
            while len(taken) < count:
                free = tuple(device for device in wanted if device not in taken)
                taken.append(_take_any(folder, free, held=held, waiting=waiting))
        yield tuple(sorted(taken))


class _Waiting:
    """How long one lease has waited, and whom it tells."""

    def __init__(self, began: float, limit_seconds: float, on_wait: OnWait | None) -> None:
        self.began = began
        self.limit_seconds = limit_seconds
        self.on_wait = on_wait
        self.tell_at = TELL_SECONDS

    def pause(self, path: Path) -> None:
        """Sleep a little; raise or tell when it is time to.

        Raises: DeviceBusy after the limit, naming the holder.
        """
        seconds = time.monotonic() - self.began
        if seconds >= self.limit_seconds:
            pid = _holder(path)
            raise DeviceBusy(
                f"device {path.stem} was busy for {seconds:.0f} s, held by process {pid or 'unknown'}; wait for it, "
                f"or end it if it hangs: ps -fp {pid or 'PID'}"
            )
        if self.on_wait is not None and seconds >= self.tell_at:
            self.on_wait(path.stem, _holder(path), seconds)
            self.tell_at = seconds + TELL_SECONDS
        time.sleep(_POLL_SECONDS)


def _take_any(folder: Path, names: Sequence[str], *, held: ExitStack, waiting: _Waiting) -> str:
    """Lock the first of these that becomes free, until `held` is closed."""
    while True:
        for name in names:
            descriptor = _try_lock(folder / f"{name}.lock")
            if descriptor is not None:
                held.callback(os.close, descriptor)
                return name
        waiting.pause(folder / f"{names[0]}.lock")


def _try_lock(path: Path) -> int | None:
    """A descriptor that holds the lock, or None when somebody else does."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    # One record of fixed length, written over the last one: a reader never sees an empty or half-cut file.
    os.pwrite(descriptor, f"{os.getpid()}".ljust(_RECORD - 1).encode() + b"\n", 0)
    return descriptor


def _holder(path: Path) -> int | None:
    """The pid in the file; a dead or unknown holder is None."""
    text = path.read_text(encoding="ascii", errors="replace").strip() if path.exists() else ""
    return int(text) if text.isdigit() else None
