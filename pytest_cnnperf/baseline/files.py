"""Baseline files on disk: one writer at a time, and a file is either the old one or the new one."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import BaselineError

# Holds the lock, and tells git to look away, in whatever repository the baselines lie.
OWN_FOLDER = ".cnnperf"
_TEMPORARY = ".tmp"


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Make the directory and hold it against other writers of any process; the kernel lets go when this one dies.

    Raises: BaselineError when the directory cannot be made or written.
    """
    own = directory / OWN_FOLDER
    try:
        own.mkdir(parents=True, exist_ok=True)
        (own / ".gitignore").write_text("*\n", encoding="utf-8")
        descriptor = os.open(own / "lock", os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise _unwritable(directory, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # What an interrupted writer left behind; nobody else writes while the lock is held.
        for leftover in directory.glob(f"*/.*{_TEMPORARY}"):
            with suppress(OSError):
                leftover.unlink()
        yield
    finally:
        os.close(descriptor)


def read(path: Path) -> str | None:
    """The text of a file, or None when there is none.

    Raises: BaselineError for what is not a readable text file.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise BaselineError(
            f"{path}: not UTF-8 text (byte {error.start}). git checkout -- {path} restores the committed file"
        ) from None
    except OSError as error:
        raise BaselineError(
            f"{path}: cannot be read ({error.strerror}); ls -l {path} shows why, or choose --cnnperf-baselines DIR"
        ) from None


def replace(path: Path, text: str) -> None:
    """Put the text in place of the file, whole or not at all.

    Raises: BaselineError when it cannot be written; the file is then what it was.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{_TEMPORARY}")
    try:
        path.parent.mkdir(exist_ok=True)
        with temporary.open("x", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)  # noqa: PTH105 (the name that says what matters here: it is atomic)
        _sync_folder(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def remove(path: Path) -> None:
    """Remove a file that holds nothing any more.

    Raises: BaselineError when the folder does not let it go.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut, where the file system can."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unwritable(path: Path, error: OSError) -> BaselineError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    remedy = f"make room (df -h {path.parent})" if full else f"make it writable (ls -ld {path.parent})"
    return BaselineError(
        f"{path}: cannot be written ({error.strerror or error}); what it held is unchanged. "
        f"{remedy}, or choose another folder: --cnnperf-baselines DIR, and run again"
    )
