"""What a JUnit file says of a case: pairs for pytest's user_properties."""

from __future__ import annotations

from . import text
from .outcome import Outcome


def properties(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    """Names and values as text; what does not exist is left out. Units: times in nanoseconds, as the names say."""
    values: tuple[tuple[str, str | int | float | None], ...] = (
        ("key", outcome.key),
        ("verdict", outcome.verdict.value),
        ("reason", outcome.reason.value),
        ("detail", outcome.detail or None),
        ("cause", outcome.cause.value if outcome.cause else None),
        ("cause_detail", outcome.cause_detail or None),
        ("resolved", outcome.resolved),
        ("ratio", outcome.ratio),
        ("baseline_ratio", outcome.baseline_ratio),
        ("median_ns", outcome.median_ns),
        ("error_fraction", outcome.error_fraction),
    )
    return tuple(
        (name, str(value))
        for name, value in values
        if value is not None and (not isinstance(value, float) or text.exists(value))
    )
