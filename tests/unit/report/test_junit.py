"""JUnit properties."""

from __future__ import annotations

import math

from pytest_cnnperf.judging.cause import Cause
from pytest_cnnperf.report.junit import properties


def test_junit_says_key_verdict_reason_and_ratio(outcome):
    found = dict(properties(outcome()))
    assert found["key"] == outcome().key
    assert (found["verdict"], found["reason"], found["ratio"]) == ("SAME", "within_threshold", "1.2808")


def test_junit_leaves_out_what_does_not_exist(outcome):
    found = dict(properties(outcome(ratio=None, baseline_ratio=math.nan, detail="")))
    assert not {"ratio", "baseline_ratio", "detail"} & set(found)


def test_junit_says_the_cause_of_a_slower_case_only(outcome):
    found = dict(properties(outcome(cause=Cause.KERNEL_SLOWER, cause_detail="nothing differs")))
    assert (found["cause"], found["cause_detail"]) == ("kernel_slower", "nothing differs")
    assert not {"cause", "cause_detail"} & set(dict(properties(outcome())))


def test_junit_values_are_text_as_pytest_wants_them(outcome):
    assert all(isinstance(value, str) for _, value in properties(outcome()))
