"""Bounds are wide enough for honest roundings in every dtype and algorithm, and narrow enough to see others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_cnnperf.algorithms import compute, constraint
from pytest_cnnperf.algorithms.checking import Fault, reference
from pytest_cnnperf.algorithms.images import shapes
from pytest_cnnperf.algorithms.operands import operands
from pytest_cnnperf.algorithms.registry import METHODS
from pytest_cnnperf.cases import Algorithm, DType, Pass, Problem
from pytest_cnnperf.cases.strategies import problems

SMALL = settings(max_examples=30, deadline=None)
# 32 MMAC: judged by samples and projection.
LARGE = Problem(4, 32, 14, 14, 48, 3, 3, pad=1)
# Sampled too, with all that indices can get wrong; and one that is compared whole.
CROOKED = Problem(6, 24, 23, 31, 36, 3, 5, stride=(2, 1), pad=(1, 3), dilation=(1, 2), groups=2)
SMALL_PROBLEM = Problem(2, 4, 7, 9, 6, 3, 3, pad=1, groups=2)


def truth_of(problem, pass_, first, second):
    return compute(Algorithm.GEMM, problem, pass_, first, second)


def judged(ref, output, algorithm=Algorithm.DIRECT, dtype=DType.FLOAT32, tile=None):
    return ref.check(output, algorithm=algorithm, dtype=dtype, tile=tile)


def in_float32(algorithm, problem, pass_, first, second, tile=None):
    """The algorithm itself in float32: operands, transforms, products and sums."""
    result = METHODS[algorithm].compute(problem, pass_, first, second, tile)
    assert result.dtype == np.float32
    return result


def rounded(array, bits):
    """Rounded to so many explicit bits of mantissa: 10 for TF32, 7 for bfloat16."""
    drop = 23 - bits
    whole = array.view(np.uint32).astype(np.uint64) + (1 << (drop - 1))
    return (whole >> drop << drop).astype(np.uint32).view(np.float32)


@pytest.fixture(params=[SMALL_PROBLEM, LARGE, CROOKED], ids=["whole", "sampled", "crooked"])
def problem(request):
    return request.param


@pytest.mark.parametrize("pass_", Pass)
@pytest.mark.parametrize(
    ("algorithm", "ratio"),
    # F(6, 3) itself loses 10 to 20 times more of float32 than a sum does, so TF32 stands out less.
    [
        (Algorithm.DIRECT, 200),
        (Algorithm.GEMM, 200),
        (Algorithm.FFT, 200),
        (Algorithm.FFT_TILING, 200),
        (Algorithm.WINOGRAD, 20),
    ],
)
def test_float32_stays_well_under_its_bound_and_a_thousandth_and_tf32_do_not(algorithm, ratio, pass_):
    first, second = operands(LARGE, pass_, exact=False, seed=0)
    ref = reference(LARGE, pass_, first, second, exact=False)
    honest = in_float32(algorithm, LARGE, pass_, first, second)
    fraction = judged(ref, honest, algorithm).error_fraction
    assert 0 < fraction < 0.3
    narrow = in_float32(algorithm, LARGE, pass_, rounded(first, 10), rounded(second, 10))
    assert judged(ref, narrow, algorithm).error_fraction > max(1, ratio * fraction)
    wrong = honest.copy()
    place = tuple(ref.places[np.argmax(np.abs(ref.terms.value))])
    wrong[place] *= 1.001
    check = judged(ref, wrong, algorithm)
    assert check.error_fraction > 1
    assert check.fault is Fault.OUTSIDE_BOUND


@pytest.mark.parametrize("pass_", Pass)
@pytest.mark.parametrize("tile", [2, 3, 4, 6, 8])
def test_winograd_is_judged_by_its_tile(pass_, tile):
    first, second = operands(LARGE, pass_, exact=False, seed=0)
    ref = reference(LARGE, pass_, first, second, exact=False)
    output = in_float32(Algorithm.WINOGRAD, LARGE, pass_, first, second, tile)
    assert judged(ref, output, Algorithm.WINOGRAD, tile=tile).error_fraction < 0.3


@pytest.mark.parametrize(
    ("algorithm", "tile", "errors"),
    # Relative L2 errors in float32 measured with NumPy on ReLU-normal images and He's filters (FACTS.md, 2.5), of 64,
    # 256 and 512 channels by 3 x 3 filters, and of 96 by 5 x 5. One draw each: those of the operands here differ.
    [
        (Algorithm.DIRECT, None, (2.1e-7, 2.8e-7, 3.0e-7, 2.7e-7)),
        (Algorithm.FFT, None, (2.3e-7, 3.3e-7, 4.8e-7, 2.5e-7)),
        (Algorithm.WINOGRAD, 2, (2.3e-7, 4.3e-7, 2.1e-7, 1.9e-6)),
        (Algorithm.WINOGRAD, 4, (7.6e-7, 1.05e-6, 1.2e-6, 1.7e-6)),
        (Algorithm.WINOGRAD, 6, (1.7e-6, 2.1e-6, 2.6e-6, 7.2e-5)),
        (Algorithm.WINOGRAD, 8, (7.6e-5, 1.1e-4, 8.4e-5)),
    ],
)
def test_float32_loses_as_much_as_was_measured(algorithm, tile, errors):
    shapes_within = [(64, 3, 3), (256, 3, 3), (512, 3, 5), (96, 5, 3)]
    for (channels, r, within), error in zip(shapes_within, errors, strict=False):
        problem = Problem(1, channels, 24, 24, 16, r, r, pad=r // 2)
        first, second = operands(problem, Pass.FORWARD, exact=False, seed=0)
        truth = truth_of(problem, Pass.FORWARD, first, second)
        output = in_float32(algorithm, problem, Pass.FORWARD, first, second, tile)
        seen = np.linalg.norm(output - truth) / np.linalg.norm(truth)
        assert error / within < seen < error * within, (channels, r)


def test_a_larger_winograd_tile_has_a_wider_bound_than_a_smaller_one():
    first, second = operands(LARGE, Pass.FORWARD, exact=False, seed=0)
    ref = reference(LARGE, Pass.FORWARD, first, second, exact=False)
    output = in_float32(Algorithm.DIRECT, LARGE, Pass.FORWARD, first, second)
    fractions = [judged(ref, output, Algorithm.WINOGRAD, tile=tile).error_fraction for tile in (2, 4, 6, 8)]
    assert fractions == sorted(fractions, reverse=True)
    assert judged(ref, output, Algorithm.WINOGRAD).error_fraction == fractions[2]


@pytest.mark.parametrize("algorithm", [None, Algorithm.AUTO])
def test_an_unknown_algorithm_has_the_widest_bound_of_those_that_can_do_the_problem(algorithm):
    first, second = operands(LARGE, Pass.FORWARD, exact=False, seed=0)
    ref = reference(LARGE, Pass.FORWARD, first, second, exact=False)
    output = in_float32(Algorithm.DIRECT, LARGE, Pass.FORWARD, first, second)
    fractions = [judged(ref, output, name).error_fraction for name in METHODS]
    assert judged(ref, output, algorithm).error_fraction == min(fractions)


def test_an_unknown_algorithm_at_stride_2_can_only_be_a_plain_sum():
    first, second = operands(CROOKED, Pass.FORWARD, exact=False, seed=0)
    ref = reference(CROOKED, Pass.FORWARD, first, second, exact=False)
    output = truth_of(CROOKED, Pass.FORWARD, first, second).astype(np.float32)
    assert judged(ref, output, None).error_fraction == judged(ref, output, Algorithm.GEMM).error_fraction


def test_integers_through_a_transform_need_not_be_exact():
    first, second = operands(LARGE, Pass.FORWARD, exact=True, seed=0)
    ref = reference(LARGE, Pass.FORWARD, first, second, exact=True)
    output = in_float32(Algorithm.WINOGRAD, LARGE, Pass.FORWARD, first, second)
    assert judged(ref, output, Algorithm.WINOGRAD).correct
    assert judged(ref, output, Algorithm.GEMM).fault is Fault.NOT_EXACT


@pytest.mark.parametrize(("dtype", "bits"), [(DType.TF32, 10), (DType.BFLOAT16, 7), (DType.FLOAT16, 10)])
@pytest.mark.parametrize("pass_", Pass)
def test_a_narrow_dtype_is_judged_by_its_own_roundoff(problem, pass_, dtype, bits):
    first, second = operands(problem, pass_, exact=False, seed=0)
    ref = reference(problem, pass_, first, second, exact=False)
    output = in_float32(Algorithm.GEMM, problem, pass_, rounded(first, bits), rounded(second, bits))
    output = output if dtype is DType.TF32 else rounded(output, bits)
    assert judged(ref, output, dtype=dtype).error_fraction < 1
    assert judged(ref, output, dtype=DType.FLOAT32).error_fraction > 1
    output.flat[np.abs(output).argmax()] *= 1.5
    if problem is SMALL_PROBLEM:
        assert not judged(ref, output, dtype=dtype).correct


@pytest.mark.parametrize("pass_", Pass)
def test_tf32_operands_may_be_cut_off_and_a_bfloat16_instead_is_still_seen(problem, pass_):
    first, second = operands(problem, pass_, exact=False, seed=0)
    ref = reference(problem, pass_, first, second, exact=False)
    pair = [(operand.view(np.uint32) >> 13 << 13).view(np.float32) for operand in (first, second)]
    assert judged(ref, in_float32(Algorithm.GEMM, problem, pass_, *pair), dtype=DType.TF32).error_fraction < 1
    pair = [rounded(operand, 7) for operand in (first, second)]
    assert judged(ref, in_float32(Algorithm.GEMM, problem, pass_, *pair), dtype=DType.TF32).error_fraction > 0.25


def test_float16_results_of_integers_are_exact_up_to_their_last_rounding():
    # 273 * 9 = 2457 ones; above 2048 float16 has only even numbers.
    problem = Problem(1, 273, 3, 3, 1, 3, 3)
    x, w = (np.ones(shape, np.float32) for shape in shapes(problem, Pass.FORWARD)[:2])
    ref = reference(problem, Pass.FORWARD, x, w, exact=True)
    output = np.full(problem.y_shape, 2457, np.float16)
    assert output[0, 0, 0, 0] in (2456, 2458)
    assert judged(ref, output, dtype=DType.FLOAT16).correct
    assert judged(ref, output, dtype=DType.FLOAT32).fault is Fault.NOT_EXACT
    assert judged(ref, np.full(problem.y_shape, 2454, np.float16), dtype=DType.FLOAT16).fault is Fault.NOT_EXACT


@pytest.mark.parametrize("pass_", Pass)
def test_float64_is_judged_a_billion_times_more_sharply(problem, pass_):
    first, second = operands(problem, pass_, exact=False, seed=0)
    ref = reference(problem, pass_, first, second, exact=False)
    output = truth_of(problem, pass_, first, second)
    assert judged(ref, output, dtype=DType.FLOAT64).correct
    assert not judged(ref, output.astype(np.float32), dtype=DType.FLOAT64).correct


def test_operands_of_one_sign_have_bounds_of_their_own():
    # Sums that only grow round worst; the bound for random signs would be too narrow for a plain loop.
    length = 2**18
    problem = Problem(1, length, 1, 1, 1, 1, 1)
    generator = np.random.default_rng(0)
    x, w = (generator.random(shape, dtype=np.float32) + 1 for shape in shapes(problem, Pass.FORWARD)[:2])
    ref = reference(problem, Pass.FORWARD, x, w, exact=False)
    in_sequence = np.cumsum((x * w).ravel(), dtype=np.float32)[-1].reshape(problem.y_shape)
    assert judged(ref, in_sequence).correct


@SMALL
@given(problems(), st.sampled_from(Pass), st.booleans())
def test_every_problem_in_float32_is_right_by_every_algorithm(problem, pass_, exact):
    first, second = operands(problem, pass_, exact=exact, seed=0)
    ref = reference(problem, pass_, first, second, exact=exact)
    for algorithm in METHODS:
        if constraint(algorithm, problem, pass_) is None:
            check = judged(ref, in_float32(algorithm, problem, pass_, first, second), algorithm)
            assert check.correct, (algorithm, check)
