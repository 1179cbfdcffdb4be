"""What a verdict does to its test: fail it, skip it with a reason, warn, or let it pass."""

from __future__ import annotations

import warnings

import pytest

from ..judging.verdict import Reason, Verdict
from ..report.outcome import Outcome
from ..report.report import HOLES, failed
from ..settings import Missing, Settings

_SKIPS = {Reason.ALGORITHM_FALLBACK, *HOLES}
_NO_BASELINE = {Reason.NO_BASELINE, Reason.FOREIGN_BASELINE, Reason.OTHER_METHOD}


class NoBaselineWarning(pytest.PytestWarning):
    """A compared case has no baseline on this machine."""


def act_on(outcome: Outcome, settings: Settings) -> None:
    """Fail, skip or warn as the outcome asks.

    Raises: pytest's Failed or Skipped.
    """
    if failed(outcome) or outcome.verdict is Verdict.SLOWER:
        pytest.fail(describe(outcome), pytrace=False)
    if outcome.reason in _SKIPS:
        pytest.skip(describe(outcome))
    if outcome.reason in _NO_BASELINE and settings.missing is Missing.FAIL:
        pytest.fail(
            f"{describe(outcome)}\nNext: pytest '{outcome.nodeid}' --cnnperf-compare --cnnperf-missing=record",
            pytrace=False,
        )
    if outcome.reason in _NO_BASELINE and settings.missing is Missing.WARN:
        # It informs: under `-W error` it would fail every test of a first comparison.
        with warnings.catch_warnings():
            warnings.simplefilter("always", NoBaselineWarning)
            warnings.warn(NoBaselineWarning(describe(outcome)), stacklevel=2)


def describe(outcome: Outcome) -> str:
    """Verdict, case, numbers and the next command, as a test's failure shows them."""
    lines = [f"{outcome.verdict} ({outcome.reason}): {outcome.key}", outcome.detail]
    if outcome.cause is not None:
        lines.append(f"Cause: {outcome.cause}: {outcome.cause_detail}")
    if outcome.verdict is Verdict.SLOWER:
        lines.append(
            f"Next: pytest '{outcome.nodeid}' --cnnperf-compare   to see it again; "
            f"add --cnnperf-update instead to accept the new speed"
        )
    # What a failed worker has to say ends with what to do.
    if outcome.verdict is Verdict.WRONG:
        how = "" if outcome.shows_in_timed_calls_only else " --cnnperf-check-only"
        lines.append(f"Next: pytest '{outcome.nodeid}'{how}   to see it again{' without timing' if how else ''}")
    return "\n".join(line for line in lines if line)
