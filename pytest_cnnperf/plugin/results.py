"""Results on their way: attached to reports in the process that ran the test, received where the user looks."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ..judging.verdict import Verdict
from ..report.junit import properties
from ..report.outcome import Outcome
from ..report.progress import Progress
from .session import OUTCOMES, Session

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

    from ..run import Later

_MARKUP = {
    Verdict.SAME: {"green": True},
    Verdict.FASTER: {"green": True, "bold": True},
    Verdict.UNDECIDED: {"yellow": True},
    Verdict.UNKNOWN: {"yellow": True},
    Verdict.SLOWER: {"red": True},
    Verdict.WRONG: {"red": True, "bold": True},
}


def attach(item: pytest.Item, report: pytest.TestReport) -> None:
    """Put the outcomes of a finished test on its report, as plain values, and into its JUnit properties."""
    outcomes = item.stash.get(OUTCOMES, [])
    if report.when != "call" or not outcomes:
        return
    report.cnnperf = [outcome.to_plain() for outcome in outcomes]  # type: ignore[attr-defined]
    # JUnit reads them from the teardown's report, which is made from the item's own list.
    for outcome in outcomes:
        item.user_properties.extend(properties(outcome))


def outcomes_of(report: pytest.TestReport) -> list[Outcome]:
    """The outcomes that a report carries."""
    return [Outcome.from_plain(plain) for plain in getattr(report, "cnnperf", [])]


def status(report: pytest.TestReport, config: pytest.Config) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """Category, letter and verdict word of a test that ended with an outcome."""
    outcomes = outcomes_of(report)
    letters = {"passed": ".", "failed": "F", "skipped": "s"}
    # An expected failure, or another plugin's word, stays what it is.
    foreign = hasattr(report, "wasxfail") or report.outcome not in letters
    if report.when != "call" or not outcomes or foreign or Session.key not in config.stash:
        return None
    outcome, letter = outcomes[-1], letters[report.outcome]
    if report.outcome == "passed" and outcome.verdict is Verdict.UNDECIDED:
        letter = "u"
    change = f" {outcome.baseline_ratio - 1:+.1%}" if outcome.baseline_ratio is not None else ""
    return report.outcome, letter, (f"{outcome.verdict}{change}", _MARKUP[outcome.verdict])


class Collector:
    """Receives every report where the user looks (the only process, or the xdist controller) and shows progress."""

    every_seconds = 15.0

    def __init__(self, config: pytest.Config, session: Session) -> None:
        self._config = config
        self._session = session
        self._progress = Progress(total=0)
        self._visited_seconds: dict[str, float] = {}
        self._shown_seconds = time.monotonic()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the outcomes; now and then say how far the run is."""
        for outcome in outcomes_of(report):
            self._session.outcomes.append(outcome)
            # An outcome's duration is that of all its visits; the earlier ones are counted already.
            seconds = outcome.duration_seconds - self._visited_seconds.pop(report.nodeid, 0.0)
            self._progress = self._progress.finished(report.nodeid, outcome.verdict, seconds)
            self._show()

    def came_back(self, nodeid: str, later: Later) -> None:
        """Remember a test that will be run again."""
        self._visited_seconds[nodeid] = self._visited_seconds.get(nodeid, 0.0) + later.seconds
        self._progress = self._progress.visited(nodeid, later.ahead, later.seconds)
        self._show()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Receive what an xdist worker knows when it ends."""
        facts = getattr(node, "workeroutput", {}).get("cnnperf")
        if facts:
            self._session.remote_facts.append(facts)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Learn the number of tests, which the controller does not collect itself."""
        self._session.total = len(ids)
        self._session.collected = True

    def _show(self) -> None:
        now = time.monotonic()
        # Looked up late: the reporter is made after this plugin is configured.
        reporter: TerminalReporter | None = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None or now - self._shown_seconds < self.every_seconds:
            return
        self._shown_seconds = now
        text = replace(self._progress, total=self._session.total).text(now - self._session.started_seconds)
        reporter.ensure_newline()
        reporter.write_line(f"cnnperf: {text}", cyan=True)
        reporter.flush()
