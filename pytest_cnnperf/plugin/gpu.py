"""GPUs for tests: found, leased, or a skip that says what was looked for.

Not yet run on a real GPU; the logic is tested with made-up inventories.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from .session import Session

if TYPE_CHECKING:
    from ..measuring.gpus import Gpu


@contextmanager
def leased_gpus(session: Session, count: int) -> Iterator[tuple[Gpu, ...]]:
    """Hold so many GPUs for the time of a test.

    Raises: pytest's Skipped where there are fewer, or Failed under ``--cnnperf-require-gpu``.
    """
    from ..measuring.gpus import inventory

    found = inventory()
    if len(found.gpus) < count:
        refuse(session, count, len(found.gpus), found.looked_for)
    with session.run.lease_gpus(found.gpus, count) as leased:
        yield leased


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
