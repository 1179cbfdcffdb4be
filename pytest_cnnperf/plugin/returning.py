"""Tests whose cases are not settled by one visit run again, after others; only their last run is reported."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

import pytest
from _pytest.runner import call_and_report

from .collection import asks
from .session import OUTCOMES, Session

if TYPE_CHECKING:
    from ..report.outcome import Outcome
    from ..run import Later
    from .results import Collector

EARLIER = pytest.StashKey[dict[str, "Outcome"]]()
_LATER = pytest.StashKey["Later"]()

# When the first of the waiting tests has waited for so long, all that have waited for at least a minute run again
# together: noise that lasts for seconds has passed by then, the processes are replaced once for all of them, and an
# interrupted run has not put everything off to its end.
MOST_SECONDS = 180.0
LEAST_SECONDS = 60.0


def come_back(item: pytest.Item, later: Later) -> NoReturn:
    """End this run of a test, which will be run again; the outcomes that it has already are kept for then.

    Raises: pytest's Skipped, which no debugger stops at and no test catches.
    """
    item.stash[_LATER] = later
    item.stash[EARLIER] = {outcome.key: outcome for outcome in item.stash.get(OUTCOMES, [])}
    item.stash[OUTCOMES] = []
    pytest.skip(str(later))


class Returning:
    """Runs the tests of this process; those that come back wait, and are then put among the coming ones together.

    A group of waiting tests finds the workers replaced, so that what a process has of luck is not theirs again.
    """

    def __init__(self, session: Session, collector: Collector, *, now: Callable[[], float] = time.monotonic) -> None:
        self._session = session
        self._collector = collector
        self._now = now
        self._waiting: list[tuple[pytest.Item, float]] = []
        self._next_place = 0
        self._renewed_by: set[pytest.Item] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Run a test and report it, unless it comes back."""
        self._next_place += 1
        items = item.session.items
        if nextitem is None and self._waiting:
            # Put back before the last test runs, so that its teardown leaves the fixtures that they share.
            self._put_back(items, is_last=True)
            nextitem = items[self._next_place]
        if item in self._renewed_by:
            self._renewed_by.remove(item)
            self._session.run.renew()
        handled = self._run(item, nextitem) if asks(item) else None
        if self._waiting and (nextitem is None or self._waited_seconds() >= MOST_SECONDS):
            self._put_back(items, is_last=nextitem is None)
        return handled

    def _run(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """As pytest runs a test, but for the reports: they go out before the teardown, or not at all."""
        told = len(item.user_properties)
        if not getattr(item, "_request", True):
            item._initrequest()  # type: ignore[attr-defined]  # it is run again
        reports = [call_and_report(item, "setup", log=False)]
        if reports[0].passed:
            reports.append(call_and_report(item, "call", log=False))
        later = item.stash.get(_LATER, None)
        if later is None:
            item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
            _log(item, reports)
        if item.session.shouldfail or item.session.shouldstop:
            nextitem = None
        torn_down = call_and_report(item, "teardown", log=False, nextitem=nextitem)
        if hasattr(item, "_request"):
            item._request = False
            item.funcargs = None  # type: ignore[attr-defined]
        if later is not None and not torn_down.failed:
            del item.stash[_LATER]
            del item.user_properties[told:]
            item._report_sections.clear()
            self._waiting.append((item, self._now()))
            self._collector.came_back(item.nodeid, later)
            return True
        # A teardown that failed is told at once: the test would meet it again.
        if later is not None:
            item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
            _log(item, reports)
        _log(item, [torn_down])
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _waited_seconds(self) -> float:
        return self._now() - self._waiting[0][1]

    def _put_back(self, items: list[pytest.Item], *, is_last: bool) -> None:
        """Behind the next test, for which the teardown of this one has left its fixtures standing; or at the end."""
        ready = [each for each in self._waiting if is_last or self._now() - each[1] >= LEAST_SECONDS]
        place = self._next_place if is_last else self._next_place + 1
        items[place:place] = [item for item, _ in ready]
        self._renewed_by.add(ready[0][0])
        self._waiting = [each for each in self._waiting if each not in ready]


def _log(item: pytest.Item, reports: list[pytest.TestReport]) -> None:
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
