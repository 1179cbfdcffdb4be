"""What the CPU of this machine can do, where a library's choice of kernel hangs on it."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def has_avx512() -> bool:
    """Whether every core has AVX-512; True where /proc/cpuinfo does not say (then the worker's own word counts)."""
    return avx512_in(Path("/proc/cpuinfo"))


def avx512_in(cpuinfo: Path) -> bool:
    """The same, read from this file."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return True
    flags = [line.partition(":")[2].split() for line in lines if line.startswith("flags")]
    return all("avx512f" in words for words in flags)
