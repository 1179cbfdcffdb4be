"""Pipes to a child process: reads and writes that end by a deadline, and the kept end of its stderr."""

from __future__ import annotations

import fcntl
import os
import select
import threading
import time
from contextlib import suppress
from typing import IO

_PIPE_BYTES = 1 << 20
_TAIL_BYTES = 8 << 10
# A Ctrl-C that arrives between the interpreter's last look at signals and the kernel's call does not end that call.
_LONGEST_POLL_MS = 1000


class DeadlineExpired(Exception):
    """The child did not take or give all bytes in time."""


class PipeClosed(Exception):
    """The child closed its end."""


class Deadline:
    """A point in time, so many seconds from now."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def remaining_ms(self) -> int:
        """Milliseconds left.

        Raises: DeadlineExpired when there are none.
        """
        left = self._at - time.monotonic()
        if left <= 0:
            raise DeadlineExpired
        return int(left * 1000) + 1


class Pipes:
    """The two ends of the wire, never blocking longer than a deadline."""

    def __init__(self, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        self._stdin, self._stdout = stdin, stdout
        for pipe in (stdin, stdout):
            os.set_blocking(pipe.fileno(), False)
            _enlarge(pipe.fileno())

    def write(self, data: bytes | memoryview, deadline: Deadline) -> None:
        """All of these bytes.

        Raises: DeadlineExpired, PipeClosed.
        """
        view = memoryview(data).cast("B")
        while view:
            _wait(self._stdin.fileno(), select.POLLOUT, deadline)
            try:
                view = view[os.write(self._stdin.fileno(), view[:_PIPE_BYTES]) :]
            except BlockingIOError:
                continue  # less room than the kernel promised
            except BrokenPipeError:
                raise PipeClosed from None

    def read(self, count: int, deadline: Deadline) -> bytearray:
        """Exactly so many bytes.

        Raises: DeadlineExpired, PipeClosed.
        """
        data = bytearray(count)
        view, filled = memoryview(data), 0
        while filled < count:
            _wait(self._stdout.fileno(), select.POLLIN, deadline)
            try:
                got = os.readv(self._stdout.fileno(), [view[filled:]])
            except BlockingIOError:
                continue
            if not got:
                raise PipeClosed
            filled += got
        return data

    def close(self) -> None:
        """Close both ends."""
        self._stdin.close()
        self._stdout.close()


class StderrTail:
    """Drains a child's stderr in a thread, so that it never blocks, and keeps the last 8 KiB."""

    def __init__(self, stderr: IO[bytes]) -> None:
        self._stderr = stderr
        self._tail = bytearray()
        self._thread = threading.Thread(target=self._drain, name="cnnperf-stderr", daemon=True)
        self._thread.start()

    def _drain(self) -> None:
        while chunk := os.read(self._stderr.fileno(), 1 << 16):
            self._tail += chunk
            del self._tail[:-_TAIL_BYTES]

    def text(self) -> str:
        """What is kept, after the child's end or at most half a second."""
        self._thread.join(0.5)
        return bytes(self._tail).decode("utf-8", "replace").strip()

    def close(self) -> None:
        """Stop draining; the child has ended before."""
        self._thread.join(1.0)
        if not self._thread.is_alive():  # else a stray grandchild holds the pipe, and the thread still reads from it
            self._stderr.close()


def _wait(descriptor: int, event: int, deadline: Deadline) -> None:
    poll = select.poll()
    poll.register(descriptor, event)
    while not poll.poll(min(deadline.remaining_ms(), _LONGEST_POLL_MS)):
        pass


def _enlarge(descriptor: int) -> None:
    # Without it only speed is lost: another system, or the user's pipe quota is used up.
    with suppress(OSError, AttributeError):
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
