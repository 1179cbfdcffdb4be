"""The pytest plugin: hooks that only translate; everything they call stands elsewhere."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, NoReturn

import pytest

from ..errors import CnnperfError
from .fixtures import cnnperf, cnnperf_reference, gpu, gpus
from .options import add_options

__all__ = ["cnnperf", "cnnperf_reference", "gpu", "gpus"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Give pytest our options and ini keys."""
    add_options(parser)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the hooks that others may implement."""
    from . import hookspecs

    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Read the settings once; a wrong name ends here, before anything is collected."""
    from .starting import start

    start(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Turn a marked test function into one test a case."""
    from .collection import generate
    from .session import Session

    try:
        generate(metafunc, metafunc.config.stash[Session.key])
    except CnnperfError as error:
        raise pytest.Collector.CollectError(f"{type(error).__name__}: {error}") from None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Generator[None, Any, Any]:
    """Take out stand-ins of empty tables and mark the tests on a GPU before ``-m`` and ``-k`` select.

    Of what they leave, take out what is recorded: only that is told to be left out for it.
    """
    from .collection import check_parameters, deselect_the_empty, deselect_the_recorded
    from .gpu import mark_gpu_tests

    check_parameters(items)
    deselect_the_empty(config, items)
    mark_gpu_tests(items)
    outcome = yield
    deselect_the_recorded(config, items)
    return outcome


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Count the cases that a run leaves out: a narrowed run knows nothing of unused baselines."""
    from .collection import count_deselected

    count_deselected(items)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Count the cases among which the error level is divided."""
    from .collection import count

    count(session)


def _show_as_text(error: CnnperfError) -> NoReturn:
    """Fail with the text of an error of ours, which is complete without a traceback."""
    raise pytest.fail.Exception(f"{type(error).__name__}: {error}", pytrace=False) from None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, Any, Any]:
    """Show an error of ours in a fixture as its text."""
    try:
        return (yield)
    except CnnperfError as error:
        _show_as_text(error)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, Any, Any]:
    """Show an error of ours in a test as its text."""
    try:
        return (yield)
    except CnnperfError as error:
        _show_as_text(error)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let the outcomes ride to the controller on the test's report."""
    report = yield
    from .results import attach

    attach(item, report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Turn the outcomes of a report that leaves this process into plain values."""
    from .results import pack

    return pack((yield))


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: pytest.TestReport, config: pytest.Config) -> Any:
    """Show the verdict as the test's word."""
    from .results import status

    return status(report, config)
