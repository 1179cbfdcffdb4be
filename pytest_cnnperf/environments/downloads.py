"""Files from mirrors: kept in a cache, complete or not there at all, and what they are said to be."""

from __future__ import annotations

import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO

from ..frameworks.environment import home
from .failed import EnvironmentFailed

_CHUNK_BYTES = 1 << 18
_SILENCE_SECONDS = 60.0
_WAITS_SECONDS = (0.0, 1.0, 4.0)
_WORTH_TELLING_BYTES = 5_000_000


class NotThereError(EnvironmentFailed):
    """A mirror that was reached and does not have the file."""


def cache() -> Path:
    """Where downloads are kept; it may be deleted at any time."""
    return home() / "downloads"


def fetch(url: str, target: Path, *, sha256: str, tell: Callable[[str], None]) -> Path:
    """The file behind this address, from the cache where it lies there; `sha256` may be empty when nothing is known.

    Raises: NotThereError; EnvironmentFailed when there is no network or the content is another one.
    """
    if sha256 and target.is_file() and _digest(target) == sha256:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        got = _download(url, part, tell)
        if sha256 and got != sha256:
            raise EnvironmentFailed(
                f"{url} is not what its index promises: SHA256 {got}, expected {sha256}; next: try again later, or "
                "choose another mirror with CNNPERF_DEBIAN_MIRROR=URL"
            )
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def _download(url: str, part: Path, tell: Callable[[str], None]) -> str:
    """Write the file and return its SHA256; what goes wrong on the way is tried again, what is not there is not."""
    trouble: Exception = EnvironmentFailed(url)
    for wait_seconds in _WAITS_SECONDS:
        time.sleep(wait_seconds)
        try:
            with urllib.request.urlopen(url, timeout=_SILENCE_SECONDS) as source:
                if url.startswith("https://") and not source.geturl().startswith("https://"):
                    raise EnvironmentFailed(
                        f"{url} leads to {source.geturl()}, which is not https; choose another mirror"
                    )
                length = int(source.headers.get("Content-Length") or 0)
                if length >= _WORTH_TELLING_BYTES:
                    tell(f"  downloading {url.rpartition('/')[2]} ({length / 1e6:.0f} MB)")
                return _copy(source, part, length_bytes=length)
        except urllib.error.HTTPError as error:
            if error.code in (403, 404, 410):
                raise NotThereError(f"{url}: {error.code} {error.reason}") from error
            trouble = error
        except urllib.error.URLError as error:
            if isinstance(error.reason, FileNotFoundError) or "No such file" in str(error.reason):
                raise NotThereError(f"{url}: no such file") from error
            trouble = error
        except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
            trouble = error
        except ValueError as error:
            raise EnvironmentFailed(f"{url!r} is no address of a mirror ({error})") from error
    raise EnvironmentFailed(
        f"cannot download {url}: {getattr(trouble, 'reason', None) or trouble}; next: check the network (and "
        "http_proxy), then run the same command again: what is there already is kept"
    ) from trouble


def _copy(source: IO[bytes], part: Path, *, length_bytes: int) -> str:
    digest, got_bytes = hashlib.sha256(), 0
    with part.open("wb") as out:
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
            got_bytes += out.write(chunk)
    if got_bytes < length_bytes:  # urllib takes a connection that was cut for the end of the file
        raise ConnectionError(f"the connection was cut after {got_bytes} of {length_bytes} bytes")
    return digest.hexdigest()


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as source:
        while chunk := source.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
