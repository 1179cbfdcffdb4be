"""Entries and machines to store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_cnnperf.baseline import Baselines, Entry
from pytest_cnnperf.cases import Algorithm, Case, Pass, Problem
from pytest_cnnperf.measuring.machine import Machine
from pytest_cnnperf.measuring.samples import Plan, Round, Samples

MakeEntry = Callable[..., Entry]


@pytest.fixture
def machine() -> Machine:
    """A machine whose folder is ``amd-epyc-2-cores``."""
    return Machine("AMD EPYC", cores=2, memory_bytes=2**34, gpus=(), system="Linux-6.1")


@pytest.fixture
def make_entry() -> MakeEntry:
    """`make_entry("conv1", framework=…, workload_ns=…, sweep_ns=…, probe_ns=…, rounds=…)`; each round is a visit."""

    def make(
        layer: str = "conv1",
        *,
        framework: str = "torch",
        network: str = "alexnet",
        workload_ns: tuple[int, ...] = (5_000_000, 5_200_000, 5_100_000),
        sweep_ns: tuple[int, ...] = (),
        probe_ns: tuple[int, ...] = (),
        rounds: int = 2,
    ) -> Entry:
        problem = Problem(1, 3, 227, 227, 96, 11, 11, stride=4)
        case = Case(framework, "convolution", network, layer, problem, Pass.FORWARD, Algorithm.DIRECT)
        round_ = Round(
            workload_ns,
            (1_000_000,) * len(workload_ns),
            workload_ns,
            sweep_ns=sweep_ns,
            probe_ns=probe_ns,
            quiet_ns=min(probe_ns, default=0),
        )
        visits = tuple(replace(round_, visit=number) for number in range(rounds))
        samples = Samples(case.clock, Plan(1, 5, "blend1"), visits, 9_000_000)
        return Entry.of(
            case.key,
            samples,
            resolved="oneDNN jit:avx512_core",
            error_fraction=0.125,
            versions={"torch": "2.13.0", "python": "3.11.7"},
            recorded="2026-11-23",
        )

    return make


@pytest.fixture
def baselines(tmp_path: Path, machine: Machine) -> Baselines:
    """An empty store."""
    return Baselines.open(tmp_path / "baselines", machine)
