"""GPUs for tests: marked, found, leased, or a skip that says what was looked for.

Not yet run on a real GPU; the logic is tested with made-up inventories.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from ..errors import UsageError
from .markers import case_of, gpus_wanted
from .session import Session

if TYPE_CHECKING:
    from ..measuring.gpus import Gpu

# The GPUs that a test holds: a second lease of them by the same test would wait for itself.
HELD = pytest.StashKey[tuple["Gpu", ...]]()


def mark_gpu_tests(items: Iterable[pytest.Item]) -> None:
    """Give tests that ask for GPUs the mark ``gpu``, and a lease for the test's time unless they are cases.

    Raises: pytest.UsageError for a ``gpus`` mark that cannot be used.
    """
    for item in items:
        if not _asks_for_gpus(item):
            continue
        item.add_marker("gpu")
        if case_of(item) is None:
            _lease_by_fixture(item)


def _asks_for_gpus(item: pytest.Item) -> bool:
    try:
        marked = gpus_wanted(item) > 0
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    return marked or not {"gpu", "gpus"}.isdisjoint(getattr(item, "fixturenames", ()))


def _lease_by_fixture(item: pytest.Item) -> None:
    """Add the fixture ``gpus``: first, so that no other fixture of the test touches a GPU that is not leased."""
    names = getattr(item, "fixturenames", None)
    if names is not None and "gpus" not in names:
        # A new list: parametrized siblings without the mark share the old one.
        item.fixturenames = ["gpus", *names]  # type: ignore[attr-defined]


@contextmanager
def leased_gpus(session: Session, item: pytest.Item, count: int) -> Iterator[tuple[Gpu, ...]]:
    """Hold so many GPUs, in the caller's order; those that the test holds already are used again.

    Raises: pytest's Skipped where there are fewer, or Failed under ``--cnnperf-require-gpu``.
    """
    if HELD in item.stash:
        yield _out_of_held(item, count)
        return
    with _newly_leased(session, count) as leased:
        item.stash[HELD] = leased
        try:
            yield leased
        finally:
            del item.stash[HELD]


def _out_of_held(item: pytest.Item, count: int) -> tuple[Gpu, ...]:
    held = item.stash[HELD]
    if len(held) < count:
        raise UsageError(
            f"needs {count} GPUs, but the test holds {len(held)}: mark it @pytest.mark.gpus({count}): {item.nodeid}"
        )
    return held[:count]


@contextmanager
def _newly_leased(session: Session, count: int) -> Iterator[tuple[Gpu, ...]]:
    from ..measuring.gpus import inventory

    found = inventory()
    if len(found.gpus) < count:
        refuse(session, count, len(found.gpus), found.looked_for)
    with session.run.lease_gpus(found.gpus, count) as leased:
        yield tuple(sorted(leased, key=lambda gpu: gpu.index))


def refuse(session: Session, wanted: int, found: int, looked_for: str) -> None:
    """Skip, or fail where GPUs are required."""
    message = f"needs {wanted} GPU{'s' * (wanted > 1)}, {found} found: {looked_for}"
    if session.settings.require_gpu:
        pytest.fail(f"{message}; --cnnperf-require-gpu={session.settings.require_gpu} forbids to skip", pytrace=False)
    pytest.skip(message)


def check_required(session: Session) -> None:
    """Refuse to start a run that requires more GPUs than can be used.

    Raises: pytest.UsageError that says what was looked for.
    """
    wanted = session.settings.require_gpu
    if not wanted:
        return
    from ..measuring.gpus import inventory

    found = inventory()
    if len(found.gpus) < wanted:
        raise pytest.UsageError(
            f"--cnnperf-require-gpu={wanted}: {len(found.gpus)} GPU(s) can be used: {found.looked_for}"
        )
