"""What one pytest process knows of its run; it lives in the config's stash, never on the config itself."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from ..errors import UnknownName, UsageError
from ..frameworks.registry import Registry, builtin
from ..report.outcome import Hole, Outcome
from ..settings import Settings, Update
from .options import settings_from

if TYPE_CHECKING:
    from _pytest.capture import CaptureManager
    from _pytest.terminal import TerminalReporter

    from ..report.report import Report
    from ..run import Run

OUTCOMES = pytest.StashKey[list[Outcome]]()


class Session:
    """Settings, frameworks, holes, finished outcomes and (when first needed) the run of one pytest process."""

    key = pytest.StashKey["Session"]()

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.settings: Settings = settings_from(config)
        self.registry: Registry = _registry(config).located(self.settings.commands)
        _refuse_unknown(self.settings.frameworks, self.registry)
        self.started_seconds = time.monotonic()
        self.worker_number = _worker_number(config)
        self.returns = _may_return(config, self.settings)
        self.outcomes: list[Outcome] = []
        self.compared = 1
        self.total = 0
        self.collected = False
        self.deselected = 0
        self.remote_facts: list[dict[str, Any]] = []
        self.report: Report | None = None
        self._holes: Counter[Hole] = Counter()

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
        )

    def _tell_waiting(self, device: str, holder: int | None, seconds: float) -> None:
        """Say on the terminal, where there is one, whom this run waits for."""
        plugins = self._config.pluginmanager
        reporter: TerminalReporter | None = plugins.get_plugin("terminalreporter")
        capture: CaptureManager | None = plugins.get_plugin("capturemanager")
        if reporter is None:
            return
        # A test is running, whose output is caught; and what is told while nothing happens must not lie in a buffer.
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            reporter.ensure_newline()
            reporter.write_line(f"cnnperf: waiting for {device}, held by process {holder or '?'}, for {seconds:.0f} s")
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
        return {
            "holes": [asdict(hole) for hole in self.holes],
            "peak_flops": peak,
            "deselected": self.deselected,
        }

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


def _worker_number(config: pytest.Config) -> int:
    name: str = getattr(config, "workerinput", {}).get("workerid", "gw0")
    return int(name.removeprefix("gw") or 0)


def _may_return(config: pytest.Config, settings: Settings) -> bool:
    """Whether doubtful tests are run again after others.

    An xdist worker is told test by test what to run and cannot put one at the end; ``--stepwise`` takes every test
    before the failed one for passed.
    """
    distributed = hasattr(config, "workerinput") or config.getoption("dist", "no") != "no"
    judges = settings.compare or settings.update is not Update.NOTHING
    # The others show how fixtures are set up, or only set them up.
    unusual = any(config.getoption(name, default=None) for name in ("stepwise", "setupshow", "setuponly", "setupplan"))
    return judges and not (settings.check_only or distributed or unusual)
