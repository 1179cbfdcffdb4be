"""The self-test as one JSON document, schema 1; docs/selftest.md says what each name means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..judging.verdict import Verdict
from .injecting import Shown
from .rates import Rate, Tally
from .result import SelfTest, Series
from .standards import is_promised

SCHEMA = 1


def document(test: SelfTest) -> dict[str, Any]:
    """Only text, numbers, truth values, lists and nulls; a name that is there once is there always."""
    return {
        "schema": SCHEMA,
        "passed": not test.failures,
        "failures": [{"words": each.words, "next_command": each.command} for each in test.failures],
        "machine": test.machine.to_plain(),
        "baselines": test.machine.slug,
        "cases": test.cases,
        "level": test.level,
        "seconds": round(test.seconds, 3),
        "faults": [_shown(each) for each in test.shown],
        "frameworks": [_series(test, each) for each in test.series],
    }


def _shown(shown: Shown) -> Mapping[str, Any]:
    return {
        "name": shown.fault.name,
        "injected": shown.fault.injected,
        "expected": shown.fault.expected,
        "verdict": shown.outcome.verdict.value,
        "reason": shown.outcome.reason.value,
        "detail": shown.outcome.detail,
        "caught": shown.is_caught,
    }


def _series(test: SelfTest, series: Series) -> Mapping[str, Any]:
    return {
        "title": series.title,
        "key": series.key,
        "recordings": series.recordings,
        "floor": {"visits": series.floor.visits, "runs": series.floor.between(1)},
        "promised": None if series.promised is None else series.promised.slowdown,
        "rates": [_rate(test, series, rate) for rate in series.rates],
    }


def _rate(test: SelfTest, series: Series, rate: Rate) -> Mapping[str, Any]:
    return {
        "slowdown": rate.slowdown,
        "threshold": rate.threshold,
        "promised": is_promised(rate),
        "must_find": series.must_find(rate),
        "allowed_alarms": test.allowed(rate),
        "least_found": test.least(rate),
        "unchanged": _tally(rate.unchanged),
        "slowed": _tally(rate.slowed),
    }


def _tally(tally: Tally) -> Mapping[str, Any]:
    return {
        "comparisons": tally.comparisons,
        **{verdict.value.lower(): tally[verdict] for verdict in Verdict},
        "ratio": tally.ratio,
        "resolution": tally.resolution,
    }
