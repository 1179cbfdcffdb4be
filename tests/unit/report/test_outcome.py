"""An outcome with other values of some fields."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_cnnperf.judging.verdict import Reason, Verdict
from pytest_cnnperf.report.outcome import Outcome

OUTCOME = Outcome("key", "test_it.py::test", Verdict.UNKNOWN, Reason.NOT_COMPARED, samples=8)


def test_other_values_make_another_outcome() -> None:
    changed = OUTCOME.but(verdict=Verdict.SAME, samples=12)
    assert changed == replace(OUTCOME, verdict=Verdict.SAME, samples=12)
    assert OUTCOME.samples == 8


def test_a_name_that_is_no_field_is_refused() -> None:
    with pytest.raises(TypeError, match="an outcome has no sample, verdit"):
        OUTCOME.but(verdit=Verdict.SAME, sample=12)
