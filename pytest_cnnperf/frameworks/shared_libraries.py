"""What to do about a shared library that a framework's import does not find."""

from __future__ import annotations

import re

_MISSING = re.compile(r"([\w.+-]+\.so[\w.]*): cannot open shared object file")
# Debian names a library's package after it ("libfoo.so.2" is in libfoo2); these are named otherwise.
_ELSEWHERE = {
    "libmpi": "libopenmpi3",
    "libmpi_cxx": "libopenmpi3",
    "libopenblas": "libopenblas0-pthread",
    "libblas": "libblas3",
    "liblapack": "liblapack3",
    "libGL": "libgl1",
    "libstdc++": "libstdc++6",
    "libz": "zlib1g",
    "libcuda": "the NVIDIA driver",
    "libhdf5_serial": "libhdf5-103-1",
}


def missing_library(text: str) -> str | None:
    """The first shared library that this text (a traceback, the end of a stderr) says is missing, or None."""
    found = _MISSING.search(text)
    return found[1] if found else None


def likely_package(library: str) -> str:
    """The Debian package that likely has a library, e.g. libgomp1 for ``libgomp.so.1``."""
    stem, _, number = library.partition(".so")
    if stem in _ELSEWHERE:
        return _ELSEWHERE[stem]
    number = number.lstrip(".")
    name = stem.lower().replace("_", "-")
    return f"{name}-{number}" if name[-1:].isdigit() and number else name + number


def advice(text: str) -> str | None:
    """A sentence on the missing library and its package, for text that tells of one; None for any other."""
    library = missing_library(text)
    if library is None:
        return None
    return f"the shared library {library} is missing; it is likely in the Debian package {likely_package(library)}"
