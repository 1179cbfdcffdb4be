"""An outcome whose numbers are reckoned when somebody asks."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import asdict, fields, replace

import pytest

from pytest_cnnperf.judging.verdict import Reason, Verdict
from pytest_cnnperf.report.outcome import Outcome
from pytest_cnnperf.report.untold import Untold

TOLD = Outcome(
    key="inprocess-callable",
    nodeid="test_it.py::test",
    verdict=Verdict.UNKNOWN,
    reason=Reason.NOT_COMPARED,
    correct=True,
    error_fraction=0.25,
    resolved="mine",
    samples=8,
    median_ns=900,
    ratio=1.5,
    ratio_low=1.4,
    ratio_high=1.6,
    threshold=0.05,
    duration_seconds=2.5,
)


class Telling:
    """Tells the outcome as it was before its duration was known, and counts how often."""

    count = 0

    def __call__(self) -> Outcome:
        self.count += 1
        return TOLD.but(duration_seconds=0.0)


def untold(tell: Callable[[], Outcome]) -> Untold:
    return Untold(tell, nodeid=TOLD.nodeid, samples=TOLD.samples, duration_seconds=TOLD.duration_seconds)


def test_what_a_test_needs_is_known_without_telling() -> None:
    tell = Telling()
    outcome = untold(tell)
    for name in ("nodeid", "verdict", "reason", "correct", "samples", "duration_seconds"):
        assert getattr(outcome, name) == getattr(TOLD, name)
    assert not outcome.is_told
    assert tell.count == 0


@pytest.mark.parametrize("name", [field.name for field in fields(Outcome)])
def test_every_field_is_that_of_the_told_outcome(name: str) -> None:
    assert getattr(untold(Telling()), name) == getattr(TOLD, name)


def test_it_is_told_once_and_is_an_ordinary_outcome_then() -> None:
    tell = Telling()
    outcome = untold(tell)
    assert isinstance(outcome, Outcome)
    assert (outcome.ratio, outcome.median_ns) == (1.5, 900)
    assert outcome.is_told
    assert type(outcome) is Outcome
    assert vars(outcome) == vars(TOLD)
    assert tell.count == 1


@pytest.mark.parametrize(
    "used",
    [
        lambda outcome: outcome.but(samples=9) == TOLD.but(samples=9),
        lambda outcome: replace(outcome, samples=9) == TOLD.but(samples=9),
        lambda outcome: outcome == TOLD,
        lambda outcome: outcome.to_plain() == TOLD.to_plain(),
        lambda outcome: asdict(outcome) == asdict(TOLD),
        lambda outcome: hash(outcome) == hash(TOLD),
        lambda outcome: repr(outcome) == repr(TOLD),
        lambda outcome: pickle.loads(pickle.dumps(outcome)) == TOLD,
        lambda outcome: copy.copy(outcome) == TOLD,
        lambda outcome: copy.deepcopy(outcome) == TOLD,
    ],
)
def test_whatever_is_done_with_it_is_done_with_the_told_outcome(used: Callable[[Outcome], bool]) -> None:
    assert used(untold(Telling()))


def test_telling_that_fails_can_be_asked_for_again() -> None:
    answers = iter((ZeroDivisionError, TOLD))

    def tell() -> Outcome:
        answer = next(answers)
        if answer is TOLD:
            return TOLD
        raise ZeroDivisionError

    outcome = untold(tell)
    with pytest.raises(ZeroDivisionError):
        _ = outcome.ratio
    assert outcome.ratio == 1.5
