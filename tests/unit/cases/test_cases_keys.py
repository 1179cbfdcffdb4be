"""A key and a problem's text say everything: reading them gives the same value back; the impossible is refused."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis.errors import NoSuchExample

from pytest_cnnperf.cases import Case, Problem
from pytest_cnnperf.cases.strategies import cases, problems
from pytest_cnnperf.errors import InvalidProblem

# The two shared cores are noisy: no deadline. The search only has to find, not to simplify.
PATIENT = settings(deadline=None)
SEARCH = settings(max_examples=3000, phases=[Phase.generate], database=None, deadline=None)


@PATIENT
@given(cases())
def test_a_case_is_read_back_from_its_key(case):
    assert Case.parse(case.key) == case
    assert Case.parse(case.key).key == case.key


@PATIENT
@given(problems())
def test_a_problem_is_read_back_from_its_text(problem):
    assert Problem.parse(problem.text) == problem
    assert hash(Problem.parse(problem.text)) == hash(problem)


@PATIENT
@given(problems())
def test_the_last_output_is_the_last_that_fits(problem):
    for size, kernel, outputs, axis in ((problem.h, problem.r, problem.p, 0), (problem.w, problem.s, problem.q, 1)):
        extent = (kernel - 1) * problem.dilation[axis] + 1
        last = (outputs - 1) * problem.stride[axis] + extent
        assert last <= size + 2 * problem.pad[axis] < last + problem.stride[axis]


@pytest.mark.parametrize(
    "edge",
    [
        lambda problem: (problem.h + 2 * problem.pad[0] - problem.r) % problem.stride[0] and problem.dilation == (1, 1),
        lambda problem: problem.dilation[0] > 1 and problem.r > 1,
        lambda problem: problem.groups > 1 and problem.c > problem.groups,
        lambda problem: problem.groups > 1 and problem.c == problem.k == problem.groups,
        lambda problem: problem.r == problem.s == 1,
        lambda problem: problem.r != problem.s and problem.pad[0] != problem.pad[1] and problem.h != problem.w,
        lambda problem: problem.stride[0] > problem.r > 1,
        lambda problem: problem.pad[0] >= problem.r,
        lambda problem: problem.p == problem.q == 1 and problem.r > 1,
    ],
    ids=[
        "rest",
        "dilated",
        "grouped",
        "depthwise",
        "pointwise",
        "asymmetric",
        "skipped-pixels",
        "pad-beyond-kernel",
        "one-output",
    ],
)
def test_the_strategy_reaches_the_edges_that_break_convolutions(edge):
    try:
        find(problems(), edge, settings=SEARCH, random=random.Random(0))
    except NoSuchExample:
        pytest.fail("the strategy never makes such a problem")


@PATIENT
@given(problems(max_stride=1, max_dilation=1, max_groups=1, square=True))
def test_the_strategy_keeps_to_its_limits(problem):
    assert (problem.stride, problem.dilation, problem.groups) == ((1, 1), (1, 1), 1)
    assert problem.r == problem.s <= 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n=0 must be an integer of at least 1"),
        ({"c": -3}, "c=-3 must be an integer of at least 1"),
        ({"k": True}, "k=True must be an integer of at least 1"),
        ({"h": 2.5}, "h=2.5 must be an integer of at least 1"),
        ({"stride": 0}, "stride=0 must be at least 1"),
        ({"stride": (1, 0)}, "stride=0 must be at least 1"),
        ({"pad": -1}, "pad=-1 must be at least 0"),
        ({"dilation": 0}, "dilation=0 must be at least 1"),
        ({"dilation": (1, 2, 3)}, "dilation=(1, 2, 3) must be one integer or a pair"),
        ({"groups": 3}, "groups=3 must divide c=4"),
        ({"c": 6, "groups": 3}, "groups=3 must divide k=4"),
        ({"r": 9}, "r=9 with dilation=1 spans 9 pixels, but h=8 with pad=0 has only 8"),
        (
            {"s": 5, "dilation": 2, "w": 6, "pad": 1},
            "s=5 with dilation=2 spans 9 pixels, but w=6 with pad=1 has only 8",
        ),
    ],
)
def test_an_impossible_shape_is_refused_with_argument_value_and_bound(arguments, message):
    possible = {"n": 1, "c": 4, "h": 8, "w": 8, "k": 4, "r": 3, "s": 3}
    with pytest.raises(InvalidProblem, match=re.escape(message)):
        Problem(**{**possible, **arguments})


@pytest.mark.parametrize(
    "text", ["", "n1c1h1w1k1r1", "n1c1h4w4k1r3s3_stride1", "n01c1h4w4k1r3s3", "n1c1h4w4k1r3s3_pad2x2"]
)
def test_text_that_is_not_canonical_is_refused(text):
    with pytest.raises(InvalidProblem, match=re.escape(repr(text))):
        Problem.parse(text)
