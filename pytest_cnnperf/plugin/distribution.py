"""How our processes live with xdist: what a controller tells its workers, and what they do against its grain."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ..settings import Settings

_TOLD = "cnnperf"
_LIFELINE = "cnnperf_lifeline"
_ENOUGH = "enough"


@dataclass(frozen=True)
class Told:
    """What a controller tells a worker: its number among those that run on its host, and where baselines are.

    `baselines` is None on another host or outside xdist, where they are found as everywhere else.
    """

    number: int = 0
    baselines: str | None = None

    @classmethod
    def of(cls, config: pytest.Config) -> Told:
        """What this process was told."""
        return cls(**getattr(config, "workerinput", {}).get(_TOLD, {}))

    def over(self, settings: Settings) -> Settings:
        """These settings, with the baselines where the controller has them."""
        return settings if self.baselines is None else replace(settings, baselines=Path(self.baselines))


class Nodes:
    """The controller's side: it numbers its workers, so that each times on a core of its own.

    `most_failures` is that of ``--maxfail``, 0 for any number.
    """

    def __init__(self, settings: Settings, *, most_failures: int = 0) -> None:
        self._settings = settings
        self._failures_left = most_failures
        self._numbers: dict[Any, tuple[object, int]] = {}

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker that is about to start; one that replaces a dead one gets its number, and so its core."""
        spec = node.gateway.spec
        host = tuple(filter(None, (spec.ssh, spec.socket, spec.vagrant_ssh, spec.via)))
        number = next(number for number in count() if (host, number) not in self._numbers.values())
        self._numbers[node] = (host, number)
        # A relative path would mean another folder where --tx gives a worker another one to run in.
        baselines = None if host else str(self._settings.baselines)
        node.workerinput[_TOLD] = asdict(Told(number, baselines))
        node.workerinput[_LIFELINE] = node.gateway.newchannel()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Deal the tests of a run that compares or records as suits them."""
        if not self._settings.judges:
            return None
        from .scheduling import SCHEDULERS  # only who runs xdist has it

        chosen = SCHEDULERS.get(config.getvalue("dist"))
        return chosen and chosen(config, log)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Give its number to the next."""
        self._numbers.pop(node, None)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """After as many failures as the user wants to see, nobody need run doubtful tests again."""
        if not report.failed or not self._failures_left:
            return
        self._failures_left -= 1
        if not self._failures_left:
            for node in self._numbers:
                with suppress(OSError):  # it has just ended
                    node.workerinput[_LIFELINE].send(_ENOUGH)


class Lifeline:
    """The worker's side: it stops at once when its controller is gone, since nobody will hear its results.

    xdist alone would let it run for fifteen more seconds, and hold its core against the next run.
    `is_enough` says that the controller wants no test to be run again.
    """

    def __init__(self, config: pytest.Config, *, stop: Callable[[], None] | None = None) -> None:
        self.is_enough = False
        self._stop = stop or _interrupt
        self._is_over = False
        channel = getattr(config, "workerinput", {}).get(_LIFELINE)
        if channel is not None:
            channel.setcallback(self._hear, endmarker=None)

    def let_go(self) -> None:
        """The tests are over; from now on the end of the controller is the usual end."""
        self._is_over = True

    def _hear(self, word: str | None) -> None:
        if word == _ENOUGH:
            self.is_enough = True
        elif not self._is_over:
            self._stop()


def _interrupt() -> None:
    """As the user's Ctrl-C, so that fixtures are torn down; where those are ignored, end without them."""
    if callable(signal.getsignal(signal.SIGINT)):
        # To the main thread: a signal to the process might reach another one, and not wake this.
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        os._exit(1)


def interactor_of(config: pytest.Config) -> Any:
    """The plugin by which an xdist worker sends reports, or None elsewhere."""
    plugins = config.pluginmanager.get_plugins() if hasattr(config, "workerinput") else ()
    return next((plugin for plugin in plugins if type(plugin).__name__ == "WorkerInteractor"), None)


@contextmanager
def reporting_of(item: pytest.Item) -> Iterator[None]:
    """Send reports of this test although xdist has given another one to run."""
    interactor = interactor_of(item.config)
    if interactor is None:
        yield
        return
    given, interactor.item_index = interactor.item_index, item.session.items.index(item)
    try:
        yield
    finally:
        interactor.item_index = given


def is_by_group(config: pytest.Config) -> bool:
    """Whether this is an xdist worker under ``--dist loadgroup``."""
    return bool(getattr(config.option, "loadgroup", False))


def nodeid_of(item: pytest.Item) -> str:
    """The node id without the group that xdist appends under ``--dist loadgroup``: the name of a case is for ever."""
    if not is_by_group(item.config):
        return item.nodeid
    marks = item.iter_markers("xdist_group")
    groups = [str(mark.args[0] if mark.args else mark.kwargs.get("name", "default")) for mark in marks]
    # Of several groups xdist joins all; its earlier versions take the nearest.
    for name in ("_".join(sorted(set(groups))), *groups[:1]):
        if name and item.nodeid.endswith(f"@{name}"):
            return item.nodeid.removesuffix(f"@{name}")
    return item.nodeid
