"""Busy neighbours: processes that do a random mix of work on whatever core the kernel gives them."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

BURST_SECONDS = 0.3


def _matmul(size: int) -> None:
    left = np.ones((size, size), np.float32)
    end = time.monotonic() + BURST_SECONDS * random.random()
    while time.monotonic() < end:
        left @ left


def _copy() -> None:
    source = np.ones(16 << 20, np.uint8)
    end = time.monotonic() + BURST_SECONDS * random.random()
    while time.monotonic() < end:
        source.copy()


def _interpret() -> None:
    end = time.monotonic() + BURST_SECONDS * random.random()
    while time.monotonic() < end:
        sum(number * number for number in range(10_000))


def _idle() -> None:
    time.sleep(BURST_SECONDS * random.random())


def _be_busy(seed: int) -> None:
    random.seed(seed)
    while True:
        random.choice((lambda: _matmul(256), lambda: _matmul(900), _copy, _interpret, _idle))()


@contextmanager
def busy(count: int) -> Iterator[None]:
    """So many neighbours while inside; they end with it, also when this process is interrupted."""
    processes = [multiprocessing.Process(target=_be_busy, args=(seed,), daemon=True) for seed in range(count)]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
            process.join()
