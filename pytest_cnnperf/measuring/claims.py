"""The queue for devices: one locked file per claim, served in order of arrival.

Whoever looks does so under one lock that is held for an instant, sees the claims of all living processes, and computes
by the same rule what is his. A claim that is not locked belongs to a dead process, since the kernel unlocks what a
process leaves behind, and is removed by whoever sees it first. In the lock's file stands the last number that was
given: whoever was alone and has that one still is, and need not look into the folder.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from weakref import WeakSet

_SUFFIX = ".claim"
_DIGITS = 8


@dataclass(frozen=True)
class Claim:
    """What a process asks for: any `count` of the `wanted` devices; `held` are those that it has got.

    One for no device waits for nothing, and nobody waits for it.
    """

    pid: int
    wanted: tuple[str, ...]
    count: int
    held: tuple[str, ...] = ()

    @property
    def waits(self) -> bool:
        """Whether it goes on asking."""
        return self.count > 0 and not self.held


def shares(claims: Mapping[int, Claim]) -> dict[int, tuple[str, ...]]:
    """What each waiting claim may have now, by its number: fewer than it asked for means that it goes on waiting.

    What is free goes to the waiting in their order, also where it is not all that one of them needs. So a claim for
    two devices is not overtaken for ever by claims for one, and nobody waits for devices that nobody before him wants.
    """
    taken = {device for claim in claims.values() for device in claim.held}
    found = {}
    for number, claim in sorted(claims.items()):
        if claim.waits:
            found[number] = tuple(device for device in claim.wanted if device not in taken)[: claim.count]
            taken.update(found[number])
    return found


class Place:
    """A place in the queue of a folder until `leave`; where nobody is before it, it is served at once.

    From `park` to `renew` it asks for nothing, and only its file stays: to make and remove one takes longer than all
    the rest. A child that this process forks has no part in it.
    """

    def __init__(self, folder: Path, claim: Claim) -> None:
        self._folder = folder
        self._claim = claim
        self._descriptor = -1
        self._lock = _Lock(folder)
        _PLACES.add(self)
        try:
            with self._lock:
                self._join()
        except BaseException:
            self._lock.forget()
            raise

    def _join(self) -> None:
        self._others = _living(self._folder)
        self._number = max(self._lock.last_number(), *self._others, 0) + 1
        self._path = f"{self._folder}/{self._number:0{_DIGITS}d}{_SUFFIX}"
        self._held = self._share()
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        self._length = 0
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write()
            self._lock.give(self._number)
        except BaseException:
            self._withdraw()
            raise

    def _share(self) -> tuple[str, ...]:
        """All that was asked for, if it can be had now; otherwise nothing."""
        claims = {**self._others, self._number: self._claim}
        share = shares(claims).get(self._number, ()) if self._others else self._claim.wanted[: self._claim.count]
        return share if len(share) == self._claim.count else ()

    def take(self) -> tuple[str, ...]:
        """The devices of this claim when it is its turn, all at once; otherwise nothing."""
        if self._held:
            return self._held
        with self._lock:
            if not self._stands():  # a forked child, or somebody cleaned the folder
                self._withdraw()
                self._join()
                return self._held
            self._others = _living(self._folder, but=self._number)
            self._held = self._share()
            if self._held:
                self._write()
            return self._held

    def park(self) -> None:
        """Give back what is held, or stop waiting, and keep the file."""
        self._claim, self._held = _nothing_for(self._claim.pid), ()
        if self._descriptor >= 0:
            self._write()

    def renew(self, claim: Claim) -> None:
        """Ask again, behind all who wait."""
        self._claim = claim
        with self._lock:
            if self._stands():
                if self._others or self._lock.last_number() != self._number:
                    self._others = _living(self._folder, but=self._number)
                if not any(other.waits for other in self._others.values()):  # none whom its old number would overtake
                    self._held = self._share()
                    self._write()
                    return
            self._withdraw()
            self._join()

    def waits_for(self) -> tuple[str, int]:
        """A device that was missing when this claim last looked, and the process that has it, or will have it first."""
        before = {number: claim for number, claim in self._others.items() if claim.held or number < self._number}
        having = [(claim.held, claim.pid) for claim in before.values()]
        having += [(share, before[number].pid) for number, share in shares(before).items()]
        return next((device, pid) for devices, pid in having for device in devices if device in self._claim.wanted)

    def leave(self) -> None:
        """Give back what is held, or stop waiting; a second time does nothing."""
        self._withdraw()
        self._lock.forget()

    def _withdraw(self) -> None:
        """Remove the file of this claim, if there is one."""
        if self._stands():
            with suppress(FileNotFoundError):
                os.unlink(self._path)  # noqa: PTH108 (a Path costs more than the call)
        self._descriptor = _closed(self._descriptor)

    def forget(self) -> None:
        """Close the files, and leave them to the process that this one was forked from."""
        self._descriptor = _closed(self._descriptor)
        self._lock.forget()

    def _stands(self) -> bool:
        """Whether there is a file of this claim, which nobody removed."""
        return self._descriptor >= 0 and _is_linked(self._descriptor)

    def _write(self) -> None:
        """Over what stood there, with blanks behind: a truncated file is written to the disk when it is closed."""
        data = _text(self._claim, self._held).ljust(self._length)
        self._length = len(data)
        os.pwrite(self._descriptor, data, 0)


# A file stays locked while any process has it open: a child that outlives this process would keep what it held.
_PLACES: WeakSet[Place] = WeakSet()


def _forget_all() -> None:
    for place in tuple(_PLACES):
        place.forget()


os.register_at_fork(after_in_child=_forget_all)


class _Lock:
    """The file that whoever looks at the queue locks for an instant; it stays open, since opening takes longest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor = -1

    def __enter__(self) -> None:
        try:
            self._take()
        except BaseException:
            self.forget()  # an interrupt may come when it is locked already
            raise

    def __exit__(self, *error: object) -> None:
        if self._descriptor >= 0:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _take(self) -> None:
        while True:
            if self._descriptor < 0:
                self._descriptor = self._opened()
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            if _is_linked(self._descriptor):
                return
            self.forget()  # somebody cleaned the folder: others will meet at another file

    def _opened(self) -> int:
        path = f"{self._folder}/queue.lock"
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except FileNotFoundError:
            self._folder.mkdir(parents=True, exist_ok=True)
            return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def last_number(self) -> int:
        """The number that was given last; 0 where nothing says so."""
        told = os.pread(self._descriptor, _DIGITS, 0)
        return int(told) if len(told) == _DIGITS and told.isdigit() else 0

    def give(self, number: int) -> None:
        """This number is given."""
        os.pwrite(self._descriptor, b"%0*d" % (_DIGITS, number), 0)

    def forget(self) -> None:
        """Close the file."""
        self._descriptor = _closed(self._descriptor)


def _is_linked(descriptor: int) -> bool:
    """Whether this open file still has a name."""
    return os.fstat(descriptor).st_nlink > 0


def _closed(descriptor: int) -> int:
    """Close what is open; -1 stands for nothing."""
    if descriptor >= 0:
        os.close(descriptor)
    return -1


def _living(folder: Path, *, but: int = 0) -> dict[int, Claim]:
    """The claims of living processes by number, `but` that of this number; what dead ones left is removed."""
    names = [name.removesuffix(_SUFFIX) for name in os.listdir(folder) if name.endswith(_SUFFIX)]  # noqa: PTH208
    found = {int(name): _read(folder / f"{name}{_SUFFIX}") for name in names if name.isdigit() and int(name) != but}
    return {number: claim for number, claim in found.items() if claim is not None}


def _read(path: Path) -> Claim | None:
    """The claim in this file, or None where its owner has ended or just left."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _parsed(os.pread(descriptor, os.fstat(descriptor).st_size, 0))
    else:
        path.unlink(missing_ok=True)
        return None
    finally:
        os.close(descriptor)


@lru_cache(maxsize=4)
def _nothing_for(pid: int) -> Claim:
    return Claim(pid, (), 0)


@lru_cache(maxsize=64)
def _text(claim: Claim, held: tuple[str, ...]) -> bytes:
    return json.dumps({**vars(claim), "held": held}).encode()


def _parsed(data: bytes) -> Claim:
    """What is written there; a claim for nothing where that cannot be read: its owner gives back what it had just now.

    Or it could not write, since the disk is full, and leaves.
    """
    try:
        plain = json.loads(data)
    except ValueError:
        return Claim(0, (), 0)
    return Claim(plain["pid"], tuple(plain["wanted"]), plain["count"], tuple(plain["held"]))
