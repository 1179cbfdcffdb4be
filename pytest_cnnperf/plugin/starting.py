"""The beginning of a run, and who does what at its end."""

from __future__ import annotations

from typing import Any

import pytest

from ..errors import CnnperfError
from .gpu import check_required
from .markers import MARKERS
from .results import Collector
from .returning import Returning
from .session import Session


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
        config.pluginmanager.register(RemoteEnd(config, session), "cnnperf-remote-end")
        return
    collector = Collector(config, session)
    config.pluginmanager.register(collector, "cnnperf-collector")
    if session.returns:
        config.pluginmanager.register(Returning(session, collector), "cnnperf-returning")
    config.pluginmanager.register(LocalEnd(config, session), "cnnperf-local-end")


class RemoteEnd:
    """The end of an xdist worker: it tells what it knows and writes nothing."""

    def __init__(self, config: pytest.Config, session: Session) -> None:
        self._config = config
        self._session = session

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Hand the facts to the controller."""
        output: dict[str, Any] = self._config.workeroutput  # type: ignore[attr-defined]
        output["cnnperf"] = self._session.facts()
        self._session.close()


class LocalEnd:
    """The end where the user looks: what was asked for is written, then the report is shown."""

    def __init__(self, config: pytest.Config, session: Session) -> None:
        self._config = config
        self._session = session

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """End the workers and write; an error here fails the run, but never hides what the tests said."""
        from .ending import finish

        if finish(self._config, self._session) and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Show the tables and the next command."""
        from .ending import show

        show(self._session, terminalreporter)
