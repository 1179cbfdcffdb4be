"""The beginning of a run, and who does what at its end."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from ..errors import CnnperfError
from .distribution import Lifeline, Nodes, reporting_of
from .gpu import check_required
from .markers import MARKERS
from .recording import Recorder
from .results import Collector, aside
from .returning import Returning
from .session import Session

if TYPE_CHECKING:
    from ..run import Later


def start(config: pytest.Config) -> None:
    """Read settings, register markers, and decide whether this process reports or only runs.

    Raises: pytest.UsageError for settings that cannot be used.
    """
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    try:
        session = Session(config)
    except CnnperfError as error:
        raise pytest.UsageError(str(error)) from None
    config.stash[Session.key] = session
    check_required(session)
    if hasattr(config, "workerinput"):
        end = RemoteEnd(config, session)
        config.pluginmanager.register(end, "cnnperf-remote-end")
        if session.returns:
            returning = Returning(session, end.came_back, is_enough=lambda: end.lifeline.is_enough)
            config.pluginmanager.register(returning, "cnnperf-returning")
        return
    recorder = Recorder(session)
    collector = Collector(config, session, recorder)
    config.pluginmanager.register(collector, "cnnperf-collector")
    config.pluginmanager.register(
        Nodes(session.settings, most_failures=config.getoption("maxfail", 0)), "cnnperf-nodes"
    )
    if session.returns:

        def came_back(item: pytest.Item, later: Later) -> None:
            collector.came_back(item.nodeid, ahead=later.ahead, seconds=later.seconds, waits=later.waits)

        config.pluginmanager.register(Returning(session, came_back), "cnnperf-returning")
    config.pluginmanager.register(LocalEnd(config, session, recorder), "cnnperf-local-end")


class RemoteEnd:
    """The end of an xdist worker: it tells what it knows and writes nothing."""

    def __init__(self, config: pytest.Config, session: Session) -> None:
        self._config = config
        self._session = session
        self.lifeline = Lifeline(config)
        self._item: pytest.Item | None = None
        session.tell = self.say

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Remember the test, of which reports may be sent."""
        self._item = item
        return (yield)

    def say(self, text: str) -> None:
        """Have the controller say something, on a report of the test that ran last: a worker has no terminal."""
        if self._item is None:
            return
        with reporting_of(self._item):
            self._config.hook.pytest_runtest_logreport(report=aside(self._item, said=text))

    def came_back(self, item: pytest.Item, later: Later) -> None:
        """Tell the controller of a test that will be run again."""
        report = aside(item, ahead=later.ahead, seconds=later.seconds, waits=later.waits, total=self._session.total)
        self._config.hook.pytest_runtest_logreport(report=report)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Hand the facts to the controller."""
        self.lifeline.let_go()
        output: dict[str, Any] = self._config.workeroutput  # type: ignore[attr-defined]
        output["cnnperf"] = self._session.facts()
        self._session.close()


class LocalEnd:
    """The end where the user looks: what was asked for is written, then the report is shown."""

    def __init__(self, config: pytest.Config, session: Session, recorder: Recorder) -> None:
        self._config = config
        self._session = session
        self._recorder = recorder

    def pytest_sessionstart(self) -> None:
        """Have a run fail at its beginning that could not keep its result file.

        Raises: pytest.UsageError.
        """
        path = self._session.settings.json
        if path is None or self._config.option.collectonly:
            return
        from ..report.json import ensure_writable

        try:
            ensure_writable(self._config.invocation_params.dir / path)
        except CnnperfError as error:
            raise pytest.UsageError(str(error)) from None

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """End the workers and write; an error here fails the run, but never hides what the tests said."""
        from .ending import finish

        errors = finish(self._config, self._session, self._recorder, failed_tests=session.testsfailed)
        if errors and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Show the tables and the next command."""
        from .ending import show

        show(self._session, terminalreporter)
