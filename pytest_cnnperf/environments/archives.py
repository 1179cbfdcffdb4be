"""Unpacking of .deb archives into a tree, without root and without leaving the tree."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from .failed import EnvironmentFailed

# As on a Debian system of today: the folders of the root are links into usr.
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_MAGIC = b"!<arch>\n"
_HEADER_BYTES = 60


def prepare(tree: Path) -> None:
    """An empty tree whose ``/lib`` is ``/usr/lib``, and so on."""
    for name in _MERGED:
        (tree / "usr" / name).mkdir(parents=True, exist_ok=True)
        if not (tree / name).is_symlink():
            (tree / name).symlink_to(f"usr/{name}")


def unpack(archive: Path, tree: Path) -> None:
    """Unpack the files of one package; unpacking it again changes nothing.

    Ownership, set-user-id bits and device files are left out; absolute links become relative to the tree.
    Raises: EnvironmentFailed for an archive that is damaged or that would write outside the tree.
    """
    root = Path(os.path.realpath(tree))
    try:
        with _data(archive) as content:
            for member in content:
                _extract(content, member, root)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise EnvironmentFailed(
            f"{archive} is no Debian package that can be unpacked ({error}); next: delete it and run the same command "
            "again"
        ) from error


@contextmanager
def _data(archive: Path) -> Iterator[tarfile.TarFile]:
    """The tar file inside a .deb, which is an `ar` archive of three."""
    with archive.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ValueError("it does not begin as an ar archive")
        while header := file.read(_HEADER_BYTES):
            name, size = header[:16].decode("ascii").strip().rstrip("/"), int(header[48:58])
            if file.tell() + size > archive.stat().st_size:
                raise ValueError("it is cut off")
            if name.startswith("data.tar"):
                with tarfile.open(fileobj=_Window(file, size), mode="r|*") as content:  # type: ignore[call-overload]
                    yield content
                return
            file.seek(size + size % 2, os.SEEK_CUR)
    raise ValueError("it has no data.tar")


class _Window:
    """The next bytes of a file, as a file of their own that ends where they end."""

    def __init__(self, file: IO[bytes], size_bytes: int) -> None:
        self._file = file
        self._left_bytes = size_bytes

    def read(self, count: int) -> bytes:
        piece = self._file.read(min(count, self._left_bytes))
        self._left_bytes -= len(piece)
        return piece


def _extract(content: tarfile.TarFile, member: tarfile.TarInfo, root: Path) -> None:
    path = _inside(root, member.name, member.name)
    if path == root:
        return
    # Through links that earlier members made: where it really lands is what counts.
    parent = Path(os.path.realpath(path.parent))
    if parent != root and root not in parent.parents:
        raise EnvironmentFailed(f"member {member.name!r} of a package leads out of the tree through a link")
    target = parent / path.name
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    if not (member.isfile() or member.issym() or member.islnk()):
        return
    parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or target.exists():
        target.unlink()
    if member.issym():
        target.symlink_to(_link(member, target, root))
    elif member.islnk():
        source = Path(os.path.realpath(_inside(root, member.linkname, member.name)))
        os.link(_inside_really(source, root, member), target)
    else:
        _write(content, member, target)


def _write(content: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    source = content.extractfile(member)
    assert source is not None, member.name
    with source, target.open("wb") as out:
        shutil.copyfileobj(source, out, 1 << 20)
    target.chmod((member.mode & 0o755) | 0o600)


def _link(member: tarfile.TarInfo, target: Path, root: Path) -> str:
    """What a symbolic link says; an absolute one is said relative to where it lies."""
    if member.linkname.startswith("/"):
        return os.path.relpath(_inside(root, member.linkname, member.name), target.parent)
    _inside_really(Path(os.path.normpath(target.parent / member.linkname)), root, member)
    return member.linkname


def _inside(root: Path, name: str, member: str) -> Path:
    """A path of the archive in the tree; an absolute one begins at the tree's root."""
    parts = PurePosixPath(name.lstrip("/")).parts
    if ".." in parts:
        raise EnvironmentFailed(f"member {member!r} of a package leads out of the tree ({name!r})")
    return root.joinpath(*parts)


def _inside_really(path: Path, root: Path, member: tarfile.TarInfo) -> Path:
    if path != root and root not in path.parents:
        raise EnvironmentFailed(f"member {member.name!r} of a package links out of the tree ({member.linkname!r})")
    return path
