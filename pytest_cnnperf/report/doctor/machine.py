"""Table III of the paper for this machine: the system, and what on it disturbs a measurement."""

from __future__ import annotations

from collections.abc import Iterator

from ...measuring.surroundings.processor import Cache, as_ranges
from .. import text
from ..terminal.line import BOLD, PLAIN, YELLOW, Line, line
from .examination import Surroundings
from .wrapping import labelled, next_command

_INDENT = 18


def render(surroundings: Surroundings, width: int) -> Iterator[Line]:
    """The machine, then its conditions: those that disturb with a hint and what to type."""
    yield line("machine", BOLD)
    for label, value in _rows(surroundings):
        yield from labelled(f"  {label}", value, indent=_INDENT, width=width)
    yield line("")
    yield line("conditions", BOLD)
    for condition in surroundings.conditions:
        look = YELLOW if condition.hint else PLAIN
        words = f"{condition.value}: {condition.hint}" if condition.hint else condition.value
        yield from labelled(f"  {condition.name}", words, indent=_INDENT, width=width, look=look)
        if condition.command:
            yield next_command(condition.command, _INDENT)


def _rows(surroundings: Surroundings) -> Iterator[tuple[str, str]]:
    machine, processor = surroundings.machine, surroundings.processor
    yield "CPU", machine.cpu_model + (", virtual machine" if processor.is_virtual else "")
    yield "cores", _cores(surroundings)
    data = (cache for cache in processor.caches if cache.kind != "instruction")
    yield "caches", ", ".join(_cache(cache, processor.threads_per_core) for cache in data)
    yield "vectors", " ".join(processor.vectors)
    limit = surroundings.memory_limit_bytes
    limited = limit is not None and limit < machine.memory_bytes
    memory = text.size(machine.memory_bytes)
    yield "memory", f"{memory}, of which {text.size(limit)} may be used" if limited else memory
    yield from (("GPU", gpu) for gpu in _gpus(surroundings))
    yield "system", surroundings.system
    yield "Python", surroundings.python
    yield "pytest-cnnperf", surroundings.package
    yield "baselines", f"baselines/{machine.slug}/"


def _cores(surroundings: Surroundings) -> str:
    """Where a core has several threads, the kernel's CPUs (which are leased, and counted in a baseline) are those."""
    processor, usable = surroundings.processor, surroundings.usable_cores
    count, threads = surroundings.machine.cores, processor.threads_per_core
    parts = [
        f"{processor.physical_cores} with {threads} threads each: {count} CPUs" if threads > 1 else str(count),
        text.counted(processor.sockets, "socket") if processor.sockets else "",
        f"{'all' if len(usable) == count else len(usable)} usable ({as_ranges(usable)})",
    ]
    return ", ".join(filter(None, parts))


def _cache(cache: Cache, threads_per_core: int) -> str:
    kind = f" {cache.kind}" if cache.kind != "unified" else ""
    cores = cache.shared_by // max(1, threads_per_core)
    return f"L{cache.level}{kind} {text.size(cache.size_bytes)} " + (f"for {cores} cores" if cores > 1 else "a core")


def _gpus(surroundings: Surroundings) -> Iterator[str]:
    driver = f", driver {surroundings.gpu_driver}" if surroundings.gpu_driver else ""
    for gpu in surroundings.gpus.gpus:
        yield f"{gpu.index}: {gpu.name}, {text.size(gpu.memory_bytes)}{driver}"
    if not surroundings.gpus.gpus:
        yield f"none; looked for: {surroundings.gpus.looked_for}{driver}"
