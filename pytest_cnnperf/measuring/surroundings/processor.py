"""The processor as the kernel describes it: sockets, cores, caches, vector instructions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Vector and matrix instructions that convolution libraries choose their kernels by, oldest first; x86, then ARM.
_VECTORS = (
    "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "avx_vnni", "amx_bf16", "amx_int8",
    "asimd", "asimdhp", "sve", "sve2", "bf16", "i8mm", "sme",
)  # fmt: skip
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}


@dataclass(frozen=True)
class Cache:
    """One cache of the first CPU; `kind` is ``data``, ``instruction`` or ``unified``, `shared_by` counts CPUs."""

    level: int
    kind: str
    size_bytes: int
    shared_by: int


@dataclass(frozen=True)
class Processor:
    """What a kernel's choice of algorithm hangs on; a count that the kernel does not tell is 0."""

    sockets: int
    physical_cores: int
    threads_per_core: int
    caches: tuple[Cache, ...]
    vectors: tuple[str, ...]
    is_virtual: bool


def processor(root: Path = Path("/")) -> Processor:
    """The processor of the machine whose /sys and /proc lie under `root`."""
    folder = root / "sys/devices/system/cpu"
    places = [(text(cpu / "physical_package_id"), text(cpu / "core_id")) for cpu in folder.glob("cpu[0-9]*/topology")]
    known = {place for place in places if all(place)}
    siblings = text(folder / "cpu0/topology/thread_siblings_list")
    flags = _flags(text(root / "proc/cpuinfo"))
    return Processor(
        sockets=len({package for package, _ in known}),
        physical_cores=len(known),
        threads_per_core=len(numbers(siblings)),
        caches=tuple(_caches(folder / "cpu0/cache")),
        vectors=tuple(name for name in _VECTORS if name in flags),
        is_virtual="hypervisor" in flags,
    )


def text(path: Path) -> str:
    """The content of a file of the kernel; empty when it has none for us."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # not there, not ours, or the device behind it does not answer
        return ""


def numbers(ranges: str) -> tuple[int, ...]:
    """The numbers in the kernel's notation ``0-2,5``."""
    spans = [part.partition("-") for part in ranges.split(",") if part]
    return tuple(number for first, _, last in spans for number in range(int(first), int(last or first) + 1))


def as_ranges(values: tuple[int, ...]) -> str:
    """Ascending numbers in the kernel's notation, ``0-2,5``."""
    starts = [value for value in values if value - 1 not in values]
    ends = [value for value in values if value + 1 not in values]
    return ",".join(
        str(first) if first == last else f"{first}-{last}" for first, last in zip(starts, ends, strict=True)
    )


def _caches(folder: Path) -> Iterator[Cache]:
    for index in sorted(folder.glob("index*")):
        size = text(index / "size")
        if size[:-1].isdigit() and size[-1] in _UNITS:
            yield Cache(
                level=int(text(index / "level") or 0),
                kind=text(index / "type").lower(),
                size_bytes=int(size[:-1]) * _UNITS[size[-1]],
                shared_by=len(numbers(text(index / "shared_cpu_list"))),
            )


def _flags(cpuinfo: str) -> frozenset[str]:
    lines = (line.partition(":") for line in cpuinfo.splitlines())
    return frozenset(next((words.split() for name, _, words in lines if name.strip() in ("flags", "Features")), ()))
