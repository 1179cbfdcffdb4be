"""What one pytest process knows of its run; it lives in the config's stash, never on the config itself."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from ..errors import UnknownName, UsageError
from ..frameworks.registry import Registry, builtin
from ..report.outcome import Hole, Outcome
from ..settings import Settings
from .distribution import Told, interactor_of
from .options import settings_from

if TYPE_CHECKING:
    from _pytest.capture import CaptureManager
    from _pytest.terminal import TerminalReporter

    from ..measuring.machine import Machine
    from ..report.report import Report
    from ..run import Run

OUTCOMES = pytest.StashKey[list[Outcome]]()


class Session:
    """Settings, frameworks, holes, finished outcomes and (when first needed) the run of one pytest process."""

    key = pytest.StashKey["Session"]()

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        told = Told.of(config)
        self.settings: Settings = told.over(settings_from(config))
        self.registry: Registry = _registry(config).located(self.settings.commands)
        _refuse_unknown(self.settings.frameworks, self.registry)
        self.started_seconds = time.monotonic()
        self.worker_number = told.number
        self.tell: Callable[[str], None] = self._print
        self.returns = _may_return(config, self.settings)
        self.outcomes: list[Outcome] = []
        self.compared = 1
        self.total = 0
        self.collected = False
        self.deselected = 0
        self.recorded = 0
        self.remote_facts: list[dict[str, Any]] = []
        self.measured_on: dict[str, Machine] = {}
        # Tests that wait in an xdist worker to be run again, by node id.
        self.away: dict[str, tuple[str, pytest.TestReport]] = {}
        self.report: Report | None = None
        self._holes: Counter[Hole] = Counter()

    @cached_property
    def gpu_memory_bytes(self) -> int | None:
        """That of the smallest GPU that the caller lets us use; None without one."""
        from ..measuring.gpus import inventory

        return min((gpu.memory_bytes for gpu in inventory().gpus), default=None)

    @cached_property
    def run(self) -> Run:
        """Workers, leases and baselines; nothing of them is touched before a test asks for it."""
        from ..run import Run  # the numeric half of the package loads only when something runs

        return Run(
            self.settings,
            self.registry,
            compared=self.compared,
            worker_number=self.worker_number,
            returns=self.returns,
            on_wait=self._tell_waiting,
            session_pid=os.getppid() if hasattr(self._config, "workerinput") else None,
        )

    def _tell_waiting(self, device: str, pid: int, seconds: float) -> None:
        """Say whom this run waits for."""
        self.tell(f"waiting for {device}, held by process {pid}, for {seconds:.0f} s")

    def _print(self, text: str) -> None:
        """Say something on the terminal, where there is one."""
        plugins = self._config.pluginmanager
        reporter: TerminalReporter | None = plugins.get_plugin("terminalreporter")
        capture: CaptureManager | None = plugins.get_plugin("capturemanager")
        if reporter is None:
            return
        # A test is running, whose output is caught; and what is told while nothing happens must not lie in a buffer.
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            reporter.ensure_newline()
            if reporter._tw.width_of_current_line:  # xdist's dots, of which the reporter keeps no account
                reporter.write("\n")
            reporter.write_line(f"cnnperf: {text}", cyan=True)
            reporter.flush()

    @property
    def has_run(self) -> bool:
        """Whether any test asked for the run."""
        return "run" in self.__dict__

    def add_holes(self, holes: Iterable[Hole]) -> None:
        """Count the holes of one more table."""
        for hole in holes:
            self._holes[replace(hole, count=1)] += hole.count

    @property
    def holes(self) -> tuple[Hole, ...]:
        """Holes of all tables of this process."""
        return tuple(replace(hole, count=count) for hole, count in self._holes.items())

    def facts(self) -> dict[str, Any]:
        """What an xdist worker tells its controller when it ends: plain values only."""
        from dataclasses import asdict

        peak = self.run.peak_flops if self.has_run else None
        gpu_peak = self.run.gpu_peak if self.has_run else None
        return {
            "holes": [asdict(hole) for hole in self.holes],
            "peak_flops": peak,
            "gpu_peak_flops": gpu_peak and gpu_peak.flops_per_second,
            "gpu_copy_bytes_per_second": gpu_peak and gpu_peak.bytes_per_second,
            "deselected": self.deselected,
            "recorded": self.recorded,
            "total": self.total,
            "collected": self.collected,
        }

    def receive(self, facts: dict[str, Any]) -> None:
        """What an xdist worker told at its end; every worker collects all tests, the controller none."""
        self.remote_facts.append(facts)
        self.total, self.compared = facts["total"], max(1, facts["total"])
        self.collected = all(each["collected"] for each in self.remote_facts)

    def close(self) -> None:
        """End the workers and give back the leases."""
        if self.has_run:
            self.run.close()


def _registry(config: pytest.Config) -> Registry:
    added = config.hook.pytest_cnnperf_frameworks()
    return builtin().extended(spec for specs in added for spec in specs)


def _refuse_unknown(frameworks: Iterable[str], registry: Registry) -> None:
    try:
        for name in frameworks:
            registry.get(name)
    except UnknownName as error:
        raise UsageError(f"--cnnperf-frameworks: {error}") from None


def _may_return(config: pytest.Config, settings: Settings) -> bool:
    """Whether doubtful tests are run again after others.

    An xdist controller runs none, and ``--stepwise`` takes every test before the failed one for passed.
    """
    distributes = config.getoption("dist", "no") != "no"
    is_tied = hasattr(config, "workerinput") and interactor_of(config) is None
    # The others show how fixtures are set up, or only set them up.
    unusual = any(config.getoption(name, default=None) for name in ("stepwise", "setupshow", "setuponly", "setupplan"))
    return settings.judges and not (settings.check_only or distributes or is_tied or unusual)
