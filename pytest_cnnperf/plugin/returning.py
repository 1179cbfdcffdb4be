"""Tests whose cases are not settled by one visit run again, after others; only their last run is reported."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

import pytest
from _pytest.runner import runtestprotocol

from .session import OUTCOMES, Session

if TYPE_CHECKING:
    from ..report.outcome import Outcome
    from ..run import Later
    from .results import Collector

EARLIER = pytest.StashKey[dict[str, "Outcome"]]()
_LATER = pytest.StashKey["Later"]()

# So long others are measured before the first of the waiting tests is run again: noise that lasts for seconds has
# passed by then, and an interrupted run has not put everything off to its end.
WAIT_SECONDS = 120.0


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
        self._waiting: list[pytest.Item] = []
        self._waiting_since = 0.0
        self._next_place = 0
        self._renewed_by: set[pytest.Item] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Run a test and report it, unless it comes back."""
        self._next_place += 1
        if item in self._renewed_by:
            self._renewed_by.remove(item)
            self._session.run.renew()
        handled = self._run(item, nextitem) if "cnnperf" in getattr(item, "fixturenames", ()) else None
        if self._waiting and (nextitem is None or self._now() >= self._waiting_since + WAIT_SECONDS):
            self._put_back(item.session.items)
        return handled

    def _run(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        later = item.stash.get(_LATER, None)
        # A set-up or teardown that failed is told at once: the test would meet it again.
        if later is not None and not any(report.failed for report in reports):
            del item.stash[_LATER]
            self._waiting_since = self._waiting_since if self._waiting else self._now()
            self._waiting.append(item)
            self._collector.came_back(item.nodeid, later)
            return True
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _put_back(self, items: list[pytest.Item]) -> None:
        """Behind the next test, for which the teardown of this one has left its fixtures standing; or at the end."""
        place = self._next_place + 1
        items[place:place] = self._waiting
        self._renewed_by.add(self._waiting[0])
        self._waiting = []
