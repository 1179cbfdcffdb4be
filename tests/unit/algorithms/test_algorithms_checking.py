"""The judge lets honest roundings pass and sees every error: of one element, of an index, of a silent TF32."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_cnnperf.algorithms import compute
from pytest_cnnperf.algorithms.checking import Fault, judge, reference
from pytest_cnnperf.algorithms.operands import operands
from pytest_cnnperf.cases import Algorithm, DType, Pass, Problem
from pytest_cnnperf.judging.verdict import Reason

SMALL = settings(max_examples=30, deadline=None)
# 32 MMAC: large enough for samples and projection, quick to compute.
LARGE = Problem(4, 32, 14, 14, 48, 3, 3, pad=1)
# Large too, with all that indices can get wrong.
CROOKED = Problem(6, 24, 23, 31, 36, 3, 5, stride=(2, 1), pad=(1, 3), dilation=(1, 2), groups=2)
SMALL_PROBLEM = Problem(2, 4, 7, 9, 6, 3, 3, pad=1, groups=2)


def truth_of(problem, pass_, first, second):
    return compute(Algorithm.GEMM, problem, pass_, first, second)


def made(problem, pass_, *, exact, seed=0):
    first, second = operands(problem, pass_, exact=exact, seed=seed)
    return reference(problem, pass_, first, second, exact=exact), truth_of(problem, pass_, first, second)


def judged(ref, output, algorithm=Algorithm.DIRECT, dtype=DType.FLOAT32, **more):
    return ref.check(output, algorithm=algorithm, dtype=dtype, tile=more.pop("tile", None), **more)


@pytest.fixture(params=[SMALL_PROBLEM, LARGE, CROOKED], ids=["whole", "sampled", "crooked"])
def problem(request):
    return request.param


def test_the_test_problems_are_judged_in_both_ways():
    assert SMALL_PROBLEM.macs <= judge.WHOLE < min(LARGE.macs, CROOKED.macs)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("pass_", Pass)
def test_the_truth_in_float32_is_right(problem, pass_, exact):
    ref, truth = made(problem, pass_, exact=exact)
    check = judged(ref, truth.astype(np.float32))
    assert check.correct
    assert check.fault is None
    # One rounding at the end is far from what a whole sum may lose; of integers nothing is lost.
    assert check.error_fraction == 0 if exact else 0 < check.error_fraction < 0.6


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("pass_", Pass)
def test_a_negated_operand_negates_what_is_expected(problem, pass_, exact):
    ref, truth = made(problem, pass_, exact=exact)
    output = truth.astype(np.float32)
    assert judged(ref, -output, negated=True).correct
    assert not judged(ref, output, negated=True).correct
    assert not judged(ref, -output).correct


@pytest.mark.parametrize("pass_", Pass)
@SMALL
@given(data=st.data())
def test_any_single_wrong_element_of_an_exact_result_is_seen(pass_, data):
    ref, truth = EXACT[pass_]
    output = truth.astype(np.float32)
    place = tuple(data.draw(st.integers(0, size - 1)) for size in output.shape)
    next_number = np.nextafter(output[place], np.float32(np.inf))
    output[place] = data.draw(st.sampled_from([output[place] + 1, next_number, -7777]))
    check = judged(ref, output)
    assert (check.correct, check.fault) == (False, Fault.NOT_EXACT)


EXACT = {pass_: made(LARGE, pass_, exact=True) for pass_ in Pass}


def test_an_error_too_small_to_change_a_sum_is_seen():
    ref, truth = EXACT[Pass.FORWARD]
    output = truth.astype(np.float32)
    sampled = set(map(tuple, ref.places.tolist()))
    place = next(tuple(zero) for zero in np.argwhere(output == 0).tolist() if tuple(zero) not in sampled)
    output[place] = 1e-30
    assert np.array_equal(ref.projection.of(output), ref.projection.of(truth))
    check = judged(ref, output)
    assert check.fault is Fault.NOT_EXACT
    assert "is no integer: got 1e-30, expected 0" in check.detail


@pytest.mark.parametrize("pass_", Pass)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_single_element_that_is_not_finite_is_seen_and_named(problem, pass_, value):
    ref, truth = made(problem, pass_, exact=False)
    output = truth.astype(np.float32)
    output[1, 1, 1, 2] = value
    check = judged(ref, output)
    assert (check.correct, check.fault, check.error_fraction) == (False, Fault.NOT_FINITE, None)
    place = {
        Pass.FORWARD: "y[n=1, k=1, p=1, q=2]",
        Pass.BACKWARD_DATA: "dx[n=1, c=1, h=1, w=2]",
        Pass.BACKWARD_FILTER: "dw[k=1, c=1, r=1, s=2]",
    }[pass_]
    assert check.detail == f"{place}: got {value}, expected a finite number"


def test_infinities_that_would_cancel_are_seen():
    ref, truth = made(LARGE, Pass.FORWARD, exact=True)
    output = truth.astype(np.float32)
    output[0, :2, 3, 3] = np.inf, -np.inf
    assert judged(ref, output).fault is Fault.NOT_FINITE


def test_a_wrong_shape_is_told_with_both_shapes():
    ref, truth = made(SMALL_PROBLEM, Pass.FORWARD, exact=True)
    check = judged(ref, truth.transpose(0, 2, 3, 1))
    assert (check.correct, check.fault, check.error_fraction) == (False, Fault.WRONG_SHAPE, None)
    assert check.detail == "y has shape (2, 7, 9, 6), expected (2, 6, 7, 9) for forward of " + SMALL_PROBLEM.text


def test_an_error_is_told_with_its_place_got_expected_and_bound():
    ref, truth = made(SMALL_PROBLEM, Pass.FORWARD, exact=True)
    output = truth.astype(np.float32)
    output[1, 5, 6, 0] += 3
    value = truth[1, 5, 6, 0]
    assert judged(ref, output).detail == (
        f"y[n=1, k=5, p=6, q=0]: got {value + 3:.9g}, expected {value:.9g}, error 3, bound 0"
    )


def test_faults_have_the_words_of_the_verdict():
    assert {fault.value for fault in Fault} <= {reason.value for reason in Reason}


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
@pytest.mark.parametrize("exact", [True, False])
def test_results_shifted_along_any_axis_are_seen(axis, exact):
    for pass_ in Pass:
        ref, truth = made(CROOKED, pass_, exact=exact)
        assert not judged(ref, np.roll(truth, 1, axis=axis).astype(np.float32)).correct


def test_filters_turned_by_180_degrees_are_seen():
    # The slip between convolution and cross-correlation.
    first, second = operands(LARGE, Pass.FORWARD, exact=False, seed=0)
    ref = reference(LARGE, Pass.FORWARD, first, second, exact=False)
    assert not judged(ref, truth_of(LARGE, Pass.FORWARD, first, second[..., ::-1, ::-1])).correct


@pytest.mark.parametrize("pass_", Pass)
@SMALL
@given(pair=st.tuples(st.integers(0, 31), st.integers(0, 31)).filter(lambda pair: pair[0] != pair[1]))
def test_two_exchanged_channels_are_seen(pass_, pair):
    ref, truth = EXACT[pass_]
    output = truth.astype(np.float32)
    output[:, list(pair)] = output[:, list(reversed(pair))]
    assert not judged(ref, output).correct
