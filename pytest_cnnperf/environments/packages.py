"""Debian's index of packages, and what a set of packages needs: reading and thinking, no network."""

from __future__ import annotations

import difflib
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from .failed import EnvironmentFailed

# The C library, its compiler's run-time libraries, and what goes with them: a program of this machine that loads the
# unpacked libraries has its own, and two of them in one process cannot work.
C_LIBRARY = frozenset(
    {"libc6", "libc-bin", "libgcc-s1", "gcc-10-base", "libstdc++6", "libcrypt1", "libnsl2", "libtirpc3"}
)
# Only maintainer scripts need these, and no maintainer script is run.
_FOR_SCRIPTS = frozenset({"debconf", "dpkg", "init-system-helpers", "ucf", "install-info", "adduser", "lsb-base"})
_FIELDS = frozenset({"Package", "Version", "Depends", "Pre-Depends", "Provides", "Filename", "Size", "SHA256"})


@dataclass(frozen=True)
class Package:
    """One package of the index; `depends` are groups of alternatives. Units: size_bytes of the archive."""

    name: str
    version: str
    filename: str
    size_bytes: int
    sha256: str
    depends: tuple[tuple[str, ...], ...]
    provides: tuple[str, ...]


@dataclass(frozen=True)
class Index:
    """All packages of a release by name, and who provides the names that are none."""

    packages: Mapping[str, Package]
    providers: Mapping[str, tuple[str, ...]]


def parse(text: str) -> Index:
    """The index that a Packages file holds.

    Raises: EnvironmentFailed when it is none.
    """
    packages: dict[str, Package] = {}
    providers: dict[str, list[str]] = {}
    for stanza in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in stanza.split("\n") if line.partition(": ")[0] in _FIELDS)
        if not fields:
            continue
        package = _package(fields)
        packages.setdefault(package.name, package)
        for name in package.provides:
            providers.setdefault(name, []).append(package.name)
    return Index(packages, {name: tuple(dict.fromkeys(found)) for name, found in providers.items()})


def closure(index: Index, wanted: Iterable[str], *, whole: bool) -> tuple[Package, ...]:
    """The packages and all that they depend on, in the order of discovery; without the C library unless `whole`.

    Of alternatives the one that was asked for or is chosen already wins, else the first that exists.
    Raises: EnvironmentFailed for a package, or a dependency, that the index does not have.
    """
    left_out = _FOR_SCRIPTS | (frozenset() if whole else C_LIBRARY)
    roots = tuple(wanted)
    chosen: dict[str, Package] = {}
    for name in roots:
        if name not in index.packages:
            nearest = ", ".join(difflib.get_close_matches(name, index.packages, n=3)) or "none"
            raise EnvironmentFailed(
                f"Debian package {name!r} is not in the index of {len(index.packages)} packages; "
                f"names like it: {nearest}"
            )
        chosen[name] = index.packages[name]
    waiting = deque(chosen.values())
    while waiting:
        package = waiting.popleft()
        for alternatives in package.depends:
            found = _choice(index, alternatives, chosen, left_out=left_out)
            if found is None:
                raise EnvironmentFailed(
                    f"Debian package {package.name} {package.version} needs {' | '.join(alternatives)}, which is not "
                    "in the index"
                )
            if found not in left_out and found not in chosen:
                chosen[found] = index.packages[found]
                waiting.append(index.packages[found])
    return tuple(chosen.values())


def _choice(
    index: Index, alternatives: tuple[str, ...], chosen: Mapping[str, Package], *, left_out: frozenset[str]
) -> str | None:
    """The name that fulfils a dependency: chosen already or left out, else the first that exists or is provided."""
    for name in alternatives:
        if name in chosen or name in left_out:
            return name
        provider = next((each for each in index.providers.get(name, ()) if each in chosen or each in left_out), None)
        if provider:
            return provider
    for name in alternatives:
        if name in index.packages:
            return name
        if name in index.providers:
            return index.providers[name][0]
    return None


def _package(fields: Mapping[str, str]) -> Package:
    try:
        return Package(
            name=fields["Package"],
            version=fields["Version"],
            filename=fields["Filename"],
            size_bytes=int(fields["Size"]),
            sha256=fields["SHA256"],
            depends=tuple(
                tuple(_names(group, "|"))
                for key in ("Pre-Depends", "Depends")
                for group in fields.get(key, "").split(",")
                if group.strip()
            ),
            provides=tuple(_names(fields.get("Provides", ""), ",")),
        )
    except (KeyError, ValueError) as error:
        raise EnvironmentFailed(f"this is no index of Debian packages: {error} in {dict(fields)}") from error


def _names(text: str, separator: str) -> Iterator[str]:
    """Names without versions and architectures: ``libc6 (>= 2.4), python3:any`` are libc6 and python3."""
    for part in text.split(separator):
        name = re.match(r"[a-z0-9][a-z0-9+.-]*", part.strip())
        if name:
            yield name[0]
