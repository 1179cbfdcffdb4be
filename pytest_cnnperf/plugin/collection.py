"""Collection: a marked test function becomes one test for every case of its table."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ..cases import Case, DeviceKind
from ..errors import BaselineError, UsageError
from ..frameworks.registry import Registry
from ..matrix import convolutions
from .distribution import is_by_group
from .markers import ConvolutionsMark, TimingMark, case_of, parameter_of
from .session import Session

# Stands for the cases of a table that is empty under these settings: pytest would make an empty one a skipped test.
NOT_ASKED = object()


def generate(metafunc: pytest.Metafunc, session: Session) -> None:
    """Check the marks of a test function and give it its cases.

    Raises: UsageError for marks that cannot be used (a collection error of that file).
    """
    TimingMark.of(metafunc.definition)
    mark = ConvolutionsMark.of(metafunc.definition)
    if mark is None or "case" not in metafunc.fixturenames:
        return
    wanted = session.settings.preset.name in mark.presets
    cases: tuple[Case, ...] = ()
    if wanted:
        memory_bytes = session.gpu_memory_bytes
        matrix = convolutions(mark.networks, session.registry, session.settings, gpu_memory_bytes=memory_bytes)
        session.add_holes(matrix.holes)
        cases = matrix.cases
    is_grouped = is_by_group(metafunc.config)
    rows = [pytest.param(case, marks=_marks(case, session.registry if is_grouped else None)) for case in cases]
    ids = [case.key for case in cases]
    metafunc.parametrize("case", rows or [NOT_ASKED], ids=ids or ["not asked"])


def _marks(case: Case, grouped_by: Registry | None) -> list[pytest.MarkDecorator]:
    """``gpu`` for a GPU's case; under ``--dist loadgroup`` also the group of those that share worker processes."""
    marks = [pytest.mark.gpu] if case.device_kind is DeviceKind.CUDA else []
    if grouped_by is not None:
        offer = grouped_by.get(case.framework).offer_for(case)
        own = (str(case.algorithm), *map("=".join, case.options)) if offer is not None and offer.environment else ()
        marks.append(pytest.mark.xdist_group("-".join((case.framework, *own))))
    return marks


def check_parameters(items: Sequence[pytest.Item]) -> None:
    """Refuse marks of single parameters that cannot be used; those of functions were seen before there were items.

    Raises: pytest.UsageError.
    """
    for item in items:
        callspec = getattr(item, "callspec", None)
        if callspec is not None and any(mark.name == "cnnperf" for mark in callspec.marks):
            try:
                TimingMark.of(item)
            except UsageError as error:
                raise pytest.UsageError(str(error)) from None


def deselect_the_empty(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out the stand-ins of tables that have no case under these settings."""
    empty = [item for item in items if _is_stand_in(item)]
    if empty:
        config.hook.pytest_deselected(items=empty)
        items[:] = [item for item in items if not _is_stand_in(item)]


def deselect_the_recorded(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take out the cases that the baseline of this machine has, where only missing ones are asked for.

    Raises: pytest.UsageError for a baseline that cannot be read.
    """
    session = config.stash[Session.key]
    if not session.settings.only_missing:
        return
    from ..baseline.store import Baselines
    from ..measuring.machine import detect

    # Not the run's: that knows the number of compared cases from its beginning, and they are not counted yet.
    baselines = Baselines.open(session.settings.baselines, detect())
    try:
        out = {item for item in items if (case := case_of(item)) and baselines.find(case.key)}
    except BaselineError as error:
        raise pytest.UsageError(str(error)) from None
    if out:
        config.hook.pytest_deselected(items=list(out))
        items[:] = [item for item in items if item not in out]
    session.recorded += len(out)


def _is_stand_in(item: pytest.Item) -> bool:
    return parameter_of(item, "case") is NOT_ASKED


def count_deselected(items: Sequence[pytest.Item]) -> None:
    """Remember how many cases a run leaves out; GPU cases left out narrow nothing on CPU cores."""
    out = [item for item in items if asks(item) and not _is_stand_in(item) and not item.get_closest_marker("gpu")]
    if out:
        out[0].config.stash[Session.key].deselected += len(out)


def asks(item: pytest.Item) -> bool:
    """Whether a test asks for a case or a callable to be judged."""
    return "cnnperf" in getattr(item, "fixturenames", ())


def count(collected: pytest.Session) -> None:
    """Tell the session how many tests judge a speed: the error level is divided among them."""
    session = collected.config.stash[Session.key]
    session.total = sum(map(asks, collected.items))
    session.compared = max(1, session.total)
    session.collected = not collected.testsfailed
