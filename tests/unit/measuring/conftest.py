"""Made-up samples of visits, whose control takes a microsecond, and processes that hold devices."""

from __future__ import annotations

import math
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pytest_cnnperf.cases import Clock
from pytest_cnnperf.measuring.samples import Plan, Round, Samples

ROOT = Path(__file__).resolve().parents[3]
HOLDER = """
import sys
from pathlib import Path
from pytest_cnnperf.measuring.lease import lease
with lease(sys.argv[2:], directory=Path(sys.argv[1])) as taken:
    print(*taken, flush=True)
    sys.stdin.readline()
print("released", flush=True)
"""


@contextmanager
def held_elsewhere(directory: Path, *devices: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds these devices until its stdin says otherwise."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", HOLDER, str(directory), *devices]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().split() == sorted(devices)
            yield process
        finally:
            process.kill()


def in_visits(*visits: list[list[int]]) -> Samples:
    made = tuple(
        Round(tuple(ns), (1000,) * len(ns), tuple(ns), number) for number, rounds in enumerate(visits) for ns in rounds
    )
    return Samples(Clock.PROCESS_CPU, Plan(1, 1, "c"), made, 1)


def at(*logs: float) -> Samples:
    """A visit at each of these logarithms of its figure, without noise within."""
    return in_visits(*([[round(1e9 * math.exp(log))] * 5] for log in logs))


def noisy(noise: float, between: float, *, visits: int = 8, count: int = 10, seed: int = 10) -> Samples:
    """Visits that differ by `between`, and samples within them by `noise`."""
    draw = random.Random(seed)
    middles = [draw.gauss(0, between) for _ in range(visits)]
    return in_visits(
        *([[round(1e9 * math.exp(draw.gauss(middle, noise))) for _ in range(count)]] for middle in middles)
    )
