"""Packages of Debian 11 with what they depend on, in a folder; nothing is installed, and no script of theirs is run."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from . import archives, packages
from .downloads import NotThereError, cache, fetch
from .failed import EnvironmentFailed
from .mirrors import VARIABLE, candidates
from .releases import index_of
from .steps import Steps


@dataclass(frozen=True)
class Plan:
    """What is to be unpacked, and the mirror that has it."""

    mirror: str
    packages: tuple[packages.Package, ...]


def refuse_other_machine() -> None:
    """Nothing on a machine that can run these packages.

    Raises: EnvironmentFailed on any other.
    """
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise EnvironmentFailed(
            f"the packages of Debian 11 that this framework needs are for Linux on x86_64, this is {sys.platform} on "
            f"{platform.machine()}; next: name a container's command, see docs/frameworks.md"
        )


def plan(wanted: Iterable[str], tell: Callable[[str], None], *, whole: bool) -> Plan:
    """Ask the mirrors in turn for their index, and resolve what is wanted with it.

    Units: megabytes of 10^6 bytes.
    """
    mirror, index = _index(tell)
    found = packages.closure(index, wanted, whole=whole)
    tell(f"  {len(found)} packages, {sum(each.size_bytes for each in found) / 1e6:.0f} MB")
    return Plan(mirror, found)


def unpack(chosen: Plan, tree: Path, tell: Callable[[str], None], *, steps: Steps) -> None:
    """Download and unpack each package that is not unpacked yet."""
    archives.prepare(tree)
    for package in chosen.packages:
        name = f"debian {package.name} {package.sha256}"
        steps.once(name, partial(_unpack_one, chosen, package, tree, tell=tell))


def _unpack_one(chosen: Plan, package: packages.Package, tree: Path, *, tell: Callable[[str], None]) -> None:
    target = cache() / Path(package.filename).name
    archives.unpack(fetch(f"{chosen.mirror}/{package.filename}", target, sha256=package.sha256, tell=tell), tree)


def _index(tell: Callable[[str], None]) -> tuple[str, packages.Index]:
    tried = []
    for mirror in candidates():
        try:
            file = index_of(mirror, tell)
        except EnvironmentFailed as error:
            gone = isinstance(error, NotThereError)
            tried.append(f"  {mirror}: {'has no Debian 11' if gone else str(error).partition('; next:')[0]}")
            continue
        return mirror, packages.parse(_decompressed(file))
    listed = "\n".join(tried)
    raise EnvironmentFailed(
        f"no mirror of Debian 11 (bullseye) could be read:\n{listed}\nnext: name one that has it: "
        f"export {VARIABLE}=https://…/debian"
    )


def _decompressed(file: Path) -> str:
    try:
        import lzma
    except ImportError as error:
        raise EnvironmentFailed(
            f"{sys.executable} was built without lzma, which Debian's packages are compressed with; next: run cnnperf "
            "with another Python"
        ) from error
    try:
        return lzma.decompress(file.read_bytes()).decode("utf-8", "replace")
    except lzma.LZMAError as error:
        raise EnvironmentFailed(f"{file} is no index of Debian packages ({error}); next: try again") from error
