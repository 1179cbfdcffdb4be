"""Which Debian mirrors are asked: the user's, else the machine's own, else the public ones."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

VARIABLE = "CNNPERF_DEBIAN_MIRROR"
# A release that has become old is only in the archive.
_PUBLIC = ("https://deb.debian.org/debian", "https://archive.debian.org/debian")
_APT = Path("/etc/apt")
_SCHEMES = ("http://", "https://", "file:/")


def candidates(apt: Path = _APT) -> tuple[str, ...]:
    """Addresses of mirrors in the order in which they are tried; only the user's own where there is one."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return (chosen.rstrip("/"),)
    return tuple(dict.fromkeys((*of_apt(apt), *_PUBLIC)))


def of_apt(apt: Path) -> Iterator[str]:
    """The mirrors of Debian's main archive in apt's own lists, old and new style."""
    for file in sorted((apt / "sources.list.d").glob("*.sources")):
        for stanza in re.split(r"\n\s*\n", _text(file)):
            fields = dict(re.findall(r"^([\w-]+):[ \t]*(.*(?:\n[ \t].*)*)", stanza, re.MULTILINE))
            if "deb" in fields.get("Types", "").split() and fields.get("Enabled", "yes").strip().lower() != "no":
                yield from (uri.rstrip("/") for uri in fields.get("URIs", "").split() if _is_main_archive(uri))
    for file in (apt / "sources.list", *sorted((apt / "sources.list.d").glob("*.list"))):
        for address in re.findall(r"^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)", _text(file), re.MULTILINE):
            if _is_main_archive(address):
                yield address.rstrip("/")


def _is_main_archive(address: str) -> bool:
    return address.startswith(_SCHEMES) and address.rstrip("/").endswith("/debian")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
