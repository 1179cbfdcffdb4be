"""Tests whose cases are not settled by one visit run again, after others; only their last run is reported."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from _pytest.runner import call_and_report

from .collection import asks
from .distribution import reporting_of
from .session import OUTCOMES, Session

if TYPE_CHECKING:
    from ..report.outcome import Outcome
    from ..run import Later

EARLIER = pytest.StashKey[dict[str, "Outcome"]]()
_LATER = pytest.StashKey["Later"]()

# When the first of the waiting tests has waited for so long, all that have waited for at least a minute run again
# together: noise that lasts for seconds has passed by then, the processes are replaced once for all of them, and an
# interrupted run has not put everything off to its end.
MOST_SECONDS = 180.0
LEAST_SECONDS = 60.0
# A case that is only too noisy is visited so often in the same processes: to start those of all frameworks takes a
# quarter of a minute, and what is left of noise lies between minutes more than between processes. A recording, and a
# change that is to be confirmed, asks for other processes each time.
VISITS_OF_A_PROCESS = 2
# Behind the last test, who may come back so soon behind another goes with it.
TOGETHER_SECONDS = 5.0


def come_back(item: pytest.Item, later: Later) -> NoReturn:
    """End this run of a test, which will be run again; the outcomes that it has already are kept for then.

    Raises: pytest's Skipped, which no debugger stops at and no test catches.
    """
    item.stash[_LATER] = later
    item.stash[EARLIER] = {outcome.key: outcome for outcome in item.stash.get(OUTCOMES, [])}
    item.stash[OUTCOMES] = []
    pytest.skip(str(later))


@dataclass(frozen=True)
class _Waiting:
    """A test that waits `since` then and comes back `not_before` then, by the monotonic clock."""

    item: pytest.Item
    since: float
    not_before: float = 0.0


class Returning:
    """Runs the tests of this process; those that come back wait, and then run again together behind another test.

    A group of waiting tests finds the workers replaced, where one of them has been in these often enough: what a
    process has of luck must not be theirs again and again.
    """

    def __init__(
        self,
        session: Session,
        came_back: Callable[[pytest.Item, Later], None],
        *,
        is_enough: Callable[[], bool] = lambda: False,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._session = session
        self._came_back = came_back
        self._is_enough = is_enough
        self._now = now
        self._sleep = sleep
        self._waiting: list[_Waiting] = []
        self._group: list[pytest.Item] = []
        self._is_again = False
        # Visits of waiting tests in the processes that run now.
        self._visits: Counter[pytest.Item] = Counter()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, Any, Any]:
        """Behind this test, run those again that have waited long enough; behind the last one, all of them."""
        if self._is_again:
            return (yield)
        # Chosen before this test runs: its teardown must leave only fixtures that it shares with the first of them,
        # and it is ours where the test is.
        is_last = nextitem is None
        self._group = self._ready(is_last=is_last) if is_last or asks(item) else []
        handled = yield
        self._is_again = True
        try:
            self._run_again(item.session, nextitem)
        finally:
            self._is_again = False
        return handled

    def _ready(self, *, is_last: bool) -> list[pytest.Item]:
        now = self._now()
        due = [each for each in self._waiting if each.not_before <= now]
        if not is_last and not (due and now - due[0].since >= MOST_SECONDS):
            return []
        return [each.item for each in due if is_last or now - each.since >= LEAST_SECONDS]

    def _next_group(self, session: pytest.Session, nextitem: pytest.Item | None) -> list[pytest.Item]:
        """Those that run again now; none where the run is to end, or the next test is not ours to put off."""
        if _stops(session) or (nextitem is None and self._is_enough()):
            return []
        if nextitem is not None:
            return self._group
        self._wait_until_due()
        # Behind the last test also it, if it came back: the others still stand before it.
        return self._ready(is_last=True)

    def _wait_until_due(self) -> None:
        """Nothing else is left to run: let the time go by behind which a case shows what was of that minute only."""
        now, due = self._now(), sorted(each.not_before for each in self._waiting)
        if not due or due[0] <= now:
            return
        seconds = max(at for at in due if at <= due[0] + TOGETHER_SECONDS) - now
        shown = "1 case shows" if len(self._waiting) == 1 else f"{len(self._waiting)} cases show"
        self._session.tell(f"waiting {seconds:.0f} s to see whether what {shown} lasts (--cnnperf-lasting)")
        self._sleep(seconds)

    def _run_again(self, session: pytest.Session, nextitem: pytest.Item | None) -> None:
        while group := self._next_group(session, nextitem):
            self._waiting = [each for each in self._waiting if each.item not in group]
            self._group = []
            self._renew_for(group)
            for number, item in enumerate(group):
                # Behind the last test of all come those of this group that are not settled even now.
                waiting = [each.item for each in self._waiting] if nextitem is None else []
                following = next(iter((*group[number + 1 :], *waiting)), nextitem)
                with reporting_of(item):
                    item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
                if _stops(session):
                    return

    def _wait(self, item: pytest.Item, later: Later) -> None:
        self._waiting.append(_Waiting(item, since=self._now(), not_before=later.not_before))
        self._visits[item] += VISITS_OF_A_PROCESS if later.fresh else 1

    def _renew_for(self, group: list[pytest.Item]) -> None:
        if any(self._visits[item] >= VISITS_OF_A_PROCESS for item in group):
            self._session.run.renew()
            self._visits.clear()

    @pytest.hookimpl(tryfirst=True, specname="pytest_runtest_protocol")
    def pytest_visit(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
        """Run a test and report it, unless it comes back."""
        if not asks(item):
            return None
        later, torn_down, reports = self._visit(item, self._group[0] if self._group else nextitem)
        if later is not None and not torn_down.failed:
            self._wait(item, later)
            self._came_back(item, later)
            return True
        # A teardown that failed is told at once: the test would meet it again.
        if later is not None:
            item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
            _log(item, reports)
        _log(item, [torn_down])
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _visit(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> tuple[Later | None, pytest.TestReport, list[pytest.TestReport]]:
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
        torn_down = call_and_report(item, "teardown", log=False, nextitem=None if _stops(item.session) else nextitem)
        if hasattr(item, "_request"):
            item._request = False
            item.funcargs = None  # type: ignore[attr-defined]
        if later is not None and not torn_down.failed:
            del item.stash[_LATER]
            del item.user_properties[told:]
            item._report_sections.clear()
        return later, torn_down, reports


def _stops(session: pytest.Session) -> bool:
    return bool(session.shouldfail or session.shouldstop)


def _log(item: pytest.Item, reports: list[pytest.TestReport]) -> None:
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
