"""The hooks that other plugins and conftest files may implement."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..frameworks.spec import FrameworkSpec


@pytest.hookspec
def pytest_cnnperf_frameworks() -> Iterable[FrameworkSpec]:  # type: ignore[empty-body]
    """Bring frameworks of your own, or replace a built-in one of the same name.

    Example::

        def pytest_cnnperf_frameworks():
            return [FrameworkSpec(name="mine", title="Mine", adapter=Path("mine_adapter.py"), …)]
    """
