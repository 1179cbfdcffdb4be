"""Results on their way: attached to reports in the process that ran the test, received where the user looks.

They are plain values only between two processes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from ..judging.verdict import Verdict
from ..report.junit import properties
from ..report.outcome import Outcome
from ..report.progress import Progress
from .recording import Recorder
from .session import OUTCOMES, Session

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..measuring.machine import Machine

_LETTERS = {"passed": ".", "failed": "F", "skipped": "s"}
_MARKUP = {
    Verdict.SAME: {"green": True},
    Verdict.FASTER: {"green": True, "bold": True},
    Verdict.UNDECIDED: {"yellow": True},
    Verdict.UNKNOWN: {"yellow": True},
    Verdict.SLOWER: {"red": True},
    Verdict.WRONG: {"red": True, "bold": True},
}


@dataclass(frozen=True)
class Carried:
    """What rides on the report of a test: its outcomes, and beside them what the end must know.

    `total` is of how many cases; `machine` where they were timed, None where nobody will ask.
    """

    outcomes: tuple[Outcome, ...]
    total: int
    machine: Machine | None

    def to_plain(self) -> dict[str, Any]:
        """Only dicts, lists, text, numbers and None: what xdist can carry."""
        return {
            "outcomes": [outcome.to_plain() for outcome in self.outcomes],
            "total": self.total,
            "machine": self.machine and self.machine.to_plain(),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Carried:
        """What was carried, of which this is the `to_plain`."""
        from ..measuring.machine import Machine  # whoever receives results need not have measured any

        outcomes = tuple(Outcome.from_plain(outcome) for outcome in plain["outcomes"])
        return cls(outcomes, plain["total"], plain["machine"] and Machine.from_plain(plain["machine"]))


def attach(item: pytest.Item, report: pytest.TestReport) -> None:
    """Put the outcomes of a finished test on its report, and into its JUnit properties."""
    outcomes = item.stash.get(OUTCOMES, [])
    if report.when != "call" or not outcomes:
        return
    carried = _carried(item.config.stash[Session.key], outcomes)
    report.cnnperf = carried.to_plain() if _is_forked(item) else carried  # type: ignore[attr-defined]
    # JUnit reads them from the teardown's report, which is made from the item's own list.
    for outcome in outcomes:
        if outcome.is_told or item.config.getoption("xmlpath", None):
            item.user_properties.extend(properties(outcome))


def _is_forked(item: pytest.Item) -> bool:
    """Whether pytest-forked runs this test: it sends what a report has as it stands."""
    options = item.config.option
    return hasattr(options, "forked") and bool(options.forked or item.get_closest_marker("forked"))


def _carried(session: Session, outcomes: list[Outcome]) -> Carried:
    told = any(each.is_told and (each.entry, each.baseline_ratio) != (None, None) for each in outcomes)
    return Carried(tuple(outcomes), session.total, session.run.machine if told else None)


def pack(data: dict[str, Any] | None) -> dict[str, Any] | None:
    """A report that leaves this process, with plain results."""
    carried = data.get("cnnperf") if data else None
    return {**data, "cnnperf": carried.to_plain()} if data and isinstance(carried, Carried) else data


def carried_by(report: pytest.TestReport) -> Carried | None:
    """What a report carries; what came plain from another process is restored once."""
    carried = getattr(report, "cnnperf", None)
    if isinstance(carried, dict):
        carried = Carried.from_plain(carried)
        report.cnnperf = carried  # type: ignore[attr-defined]
    return carried


def outcomes_of(report: pytest.TestReport) -> tuple[Outcome, ...]:
    """The outcomes that a report carries."""
    carried = carried_by(report)
    return () if carried is None else carried.outcomes


def status(report: pytest.TestReport, config: pytest.Config) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """Category, letter and verdict word of a test that ended with an outcome."""
    outcomes = outcomes_of(report) if report.when == "call" else ()
    # An expected failure, or another plugin's word, stays what it is.
    foreign = hasattr(report, "wasxfail") or report.outcome not in _LETTERS
    if not outcomes or foreign or Session.key not in config.stash:
        return None
    outcome, letter = outcomes[-1], _LETTERS[report.outcome]
    if report.outcome == "passed" and outcome.verdict is Verdict.UNDECIDED:
        letter = "u"
    change = f" {outcome.baseline_ratio - 1:+.1%}" if outcome.is_told and outcome.baseline_ratio is not None else ""
    return report.outcome, letter, (f"{outcome.verdict}{change}", _MARKUP[outcome.verdict])


def aside(item: pytest.Item, **words: Any) -> pytest.TestReport:
    """A report that carries plain words to where the user looks, at once, from an xdist worker in the middle of a test.

    To everybody else it is one more set-up that passed, of which nothing is shown or counted.
    """
    return pytest.TestReport(
        nodeid=item.nodeid,
        location=item.location,
        keywords={},
        outcome="passed",
        longrepr=None,
        when="setup",
        cnnperf_aside=words,
    )


class Collector:
    """Receives every report where the user looks (the only process, or the xdist controller) and shows progress."""

    every_seconds = 15.0

    def __init__(self, config: pytest.Config, session: Session, recorder: Recorder) -> None:
        self._config = config
        self._session = session
        self._recorder = recorder
        self._progress = Progress(total=0)
        self._finished: list[tuple[str, Outcome]] = []
        self._visited_seconds: dict[str, float] = {}
        self._shown_seconds = time.monotonic()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the outcomes; now and then say how far the run is."""
        words = getattr(report, "cnnperf_aside", None)
        if words is not None:
            self._hear(report, words)
            return
        if report.when != "setup":
            self._session.away.pop(report.nodeid, None)
        carried = carried_by(report)
        if carried is None:
            return
        for outcome in carried.outcomes:
            self._receive(outcome, carried)
            self._recorder.now_and_then()
            self._finished.append((report.nodeid, outcome))
            self._show()

    def _receive(self, outcome: Outcome, carried: Carried) -> None:
        self._session.outcomes.append(outcome)
        self._session.total = carried.total
        if carried.machine is not None:
            self._session.measured_on[outcome.key] = carried.machine

    def _hear(self, report: pytest.TestReport, words: Mapping[str, Any]) -> None:
        """What an xdist worker says in the middle of a test: something to print, or that the test comes back."""
        worker: str = report.worker_id
        if "said" in words:
            self._session.tell(f"[{worker}] {words['said']}")
        if "ahead" in words:
            self._session.away[report.nodeid] = (worker, report)
            self._session.total = words["total"]
            self.came_back(report.nodeid, ahead=words["ahead"], seconds=words["seconds"], waits=words["waits"])

    def came_back(self, nodeid: str, *, ahead: int, seconds: float, waits: float) -> None:
        """Remember a test that will be run again, after a visit that took so long, and waits for that long at least."""
        self._count_finished()
        self._visited_seconds[nodeid] = self._visited_seconds.get(nodeid, 0.0) + seconds
        due = time.monotonic() - self._session.started_seconds + waits if waits > 0 else None
        self._progress = self._progress.visited(nodeid, ahead, seconds, due=due)
        self._show()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object | None) -> None:
        """Receive what an xdist worker knows when it ends; what waited in one that crashed has failed."""
        facts = getattr(node, "workeroutput", {}).get("cnnperf")
        if facts:
            self._session.receive(facts)
        lost = [report for worker, report in self._session.away.values() if error and worker == node.gateway.id]
        for report in lost:
            message = f"worker {node.gateway.id!r} crashed while this test waited to be visited again: {report.nodeid}"
            failed = pytest.TestReport(report.nodeid, report.location, {}, "failed", message, "call")
            failed.node = node  # type: ignore[attr-defined]
            self._config.hook.pytest_runtest_logreport(report=failed)

    def _show(self) -> None:
        now = time.monotonic()
        if now - self._shown_seconds < self.every_seconds:
            return
        self._shown_seconds = now
        self._count_finished()
        progress = replace(self._progress, total=self._session.total)
        self._session.tell(progress.text(now - self._session.started_seconds))

    def _count_finished(self) -> None:
        """Put what finished since the last time into the progress: not at each test, since few of them show it."""
        for nodeid, outcome in self._finished:
            # An outcome's duration is that of all its visits; the earlier ones are counted already.
            seconds = outcome.duration_seconds - self._visited_seconds.pop(nodeid, 0.0)
            self._progress = self._progress.finished(nodeid, outcome.verdict, seconds)
        self._finished.clear()
