"""A cache folder of its own, a mirror of made-up packages, and a framework whose recipe needs no network."""

from __future__ import annotations

import hashlib
import io
import lzma
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from pytest_cnnperf.environments import make
from pytest_cnnperf.frameworks import FrameworkSpec
from pytest_cnnperf.frameworks.environment import Environment
from pytest_cnnperf.frameworks.recipe import Launch, Recipe

# What is in a package: ("file", path, content), ("program", path, content), ("link" or "hard link", path, target),
# ("device", path, "").
Member = tuple[str, str, str]
_TYPES = {"link": tarfile.SYMTYPE, "hard link": tarfile.LNKTYPE, "device": tarfile.CHRTYPE}


def package(*members: Member) -> bytes:
    """The bytes of a Debian package: an ar archive of a version, a control part and the files."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:xz") as content:
        for kind, path, text in members:
            member = tarfile.TarInfo(path)
            if kind in _TYPES:
                member.type, member.linkname = _TYPES[kind], text
                content.addfile(member)
            else:
                member.size, member.mode = len(text), 0o4755 if kind == "program" else 0o644
                content.addfile(member, io.BytesIO(text.encode()))
    parts = {"debian-binary": b"2.0\n", "control.tar.xz": b"odd", "data.tar.xz": tar.getvalue()}
    return b"!<arch>\n" + b"".join(_ar_member(name, data) for name, data in parts.items())


@pytest.fixture
def deb() -> Callable[..., bytes]:
    """Makes a package of these members."""
    return package


def _ar_member(name: str, data: bytes) -> bytes:
    return f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode() + data + b"\n" * (len(data) % 2)


@dataclass
class Mirror:
    """A folder that is read through its file:// address."""

    folder: Path
    stanzas: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return self.folder.as_uri()

    def add(self, name: str, *members: Member, sha256: str = "", **fields: str) -> Path:
        """A package with these files; `fields` are Depends, Provides, …"""
        archive = self.folder / f"{name}_1.0_amd64.deb"
        archive.write_bytes(package(*members))
        told = {
            "Package": name,
            "Version": "1.0",
            "Filename": archive.name,
            "Size": str(archive.stat().st_size),
            "SHA256": sha256 or hashlib.sha256(archive.read_bytes()).hexdigest(),
            **{key.replace("_", "-"): value for key, value in fields.items()},
        }
        self.stanzas.append("".join(f"{key}: {value}\n" for key, value in told.items()))
        index = self.folder / "dists/bullseye/main/binary-amd64/Packages.xz"
        index.parent.mkdir(parents=True, exist_ok=True)
        index.write_bytes(lzma.compress("\n".join(self.stanzas).encode()))
        digest = hashlib.sha256(index.read_bytes()).hexdigest()
        release = f"SHA256:\n {digest} {index.stat().st_size:8} main/binary-amd64/Packages.xz\n"
        (self.folder / "dists/bullseye/InRelease").write_text(release)
        return archive


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CNNPERF_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    made = Mirror(tmp_path / "mirror")
    made.folder.mkdir()
    monkeypatch.setenv("CNNPERF_DEBIAN_MIRROR", made.address)
    return made


@dataclass
class Maker:
    """Makes the environment of a made-up framework, and keeps what was told."""

    spec: FrameworkSpec
    told: list[str] = field(default_factory=list)

    def make(self, **recipe: Any) -> Environment:
        return make(self.spec, self.recipe(**recipe), self.told.append)

    def recipe(self, **changes: Any) -> Recipe:
        return replace(Recipe(launch=_launch, debian=("liba",)), **changes)

    def text(self) -> str:
        return "\n".join(self.told)


def _launch(folder: Path) -> Launch:
    return Launch((sys.executable,), environment={"MADE_UP": str(folder)})


@pytest.fixture
def maker(mirror: Mirror) -> Maker:
    mirror.add("liba", ("file", "./usr/lib/liba.so.1", "A"), Depends="libb (>= 1), libc6 (>= 2.14)")
    mirror.add("libb", ("file", "./usr/lib/libb.so.1", "B"))
    mirror.add("libc6", ("file", "./usr/lib/libc.so.6", "C"))
    return Maker(FrameworkSpec("made_up", "Made-up", Path("adapter.py"), "cnnperf frameworks install made_up", ()))
