"""All algorithms compute the same convolution; the definition itself is checked against seven plain loops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_cnnperf.algorithms import compute, constraint
from pytest_cnnperf.algorithms.images import shapes
from pytest_cnnperf.algorithms.registry import METHODS
from pytest_cnnperf.cases import Algorithm, Pass, Problem
from pytest_cnnperf.cases.strategies import problems
from pytest_cnnperf.errors import InvalidProblem, UsageError

SMALL = settings(max_examples=40, deadline=None)


def normal(problem, pass_, seed=0):
    generator = np.random.default_rng(seed)
    return [generator.standard_normal(shape) for shape in shapes(problem, pass_)[:2]]


def products(problem):
    """Every multiply-accumulate of a convolution: indices into x, w and y."""
    channels, filters = problem.c // problem.groups, problem.k // problem.groups
    axes = (problem.n, problem.k, problem.p, problem.q, channels, problem.r, problem.s)
    for n, k, p, q, c, r, s in itertools.product(*map(range, axes)):
        row = p * problem.stride[0] - problem.pad[0] + r * problem.dilation[0]
        column = q * problem.stride[1] - problem.pad[1] + s * problem.dilation[1]
        if 0 <= row < problem.h and 0 <= column < problem.w:
            yield (n, k // filters * channels + c, row, column), (k, c, r, s), (n, k, p, q)


@SMALL
@given(problems(max_batch=2, max_channels=2, max_size=6, max_kernel=3, max_groups=2))
def test_direct_is_seven_loops(problem):
    x, w = normal(problem, Pass.FORWARD)
    dy = normal(problem, Pass.BACKWARD_DATA)[0]
    y, dx, dw = np.zeros(problem.y_shape), np.zeros(problem.x_shape), np.zeros(problem.w_shape)
    for of_x, of_w, of_y in products(problem):
        y[of_y] += x[of_x] * w[of_w]
        dx[of_x] += dy[of_y] * w[of_w]
        dw[of_w] += x[of_x] * dy[of_y]
    np.testing.assert_allclose(compute(Algorithm.DIRECT, problem, Pass.FORWARD, x, w), y, atol=1e-12)
    np.testing.assert_allclose(compute(Algorithm.DIRECT, problem, Pass.BACKWARD_DATA, dy, w), dx, atol=1e-12)
    np.testing.assert_allclose(compute(Algorithm.DIRECT, problem, Pass.BACKWARD_FILTER, x, dy), dw, atol=1e-12)


def agrees_with_direct(algorithm, problem, pass_, tile=None):
    first, second = normal(problem, pass_)
    truth = compute(Algorithm.DIRECT, problem, pass_, first, second)
    result = compute(algorithm, problem, pass_, first, second, tile=tile)
    assert result.dtype == np.float64
    # F(9, 5) amplifies float64's 1e-16 most of all that is drawn here; a wrong index gives errors of about 1.
    np.testing.assert_allclose(result, truth, atol=1e-7)


@pytest.mark.parametrize("pass_", Pass)
@SMALL
@given(problem=problems())
def test_gemm_does_what_direct_does_for_every_problem(pass_, problem):
    agrees_with_direct(Algorithm.GEMM, problem, pass_)
    agrees_with_direct(Algorithm.IMPLICIT_GEMM, problem, pass_)


@pytest.mark.parametrize("pass_", Pass)
@SMALL
@given(problem=problems(max_stride=1, max_dilation=1))
def test_fft_of_the_whole_image_does_what_direct_does(pass_, problem):
    agrees_with_direct(Algorithm.FFT, problem, pass_)


@pytest.mark.parametrize("pass_", Pass)
@SMALL
@given(problem=problems(max_stride=1, max_dilation=1), tile=st.none() | st.integers(5, 17))
def test_fft_in_tiles_does_what_direct_does(pass_, problem, tile):
    agrees_with_direct(Algorithm.FFT_TILING, problem, pass_, tile)


@pytest.mark.parametrize("pass_", Pass)
@SMALL
@given(
    problem=problems(max_stride=1, max_dilation=1, square=True).filter(lambda problem: problem.r > 1),
    tile=st.none() | st.integers(1, 6),
)
def test_winograd_does_what_direct_does_for_every_tile(pass_, problem, tile):
    agrees_with_direct(Algorithm.WINOGRAD, problem, pass_, tile)


@pytest.mark.parametrize("pass_", Pass)
def test_the_passes_are_gradients_of_each_other(pass_):
    # <y, dy> is one number, however it is split: the definition of an adjoint.
    problem = Problem(2, 4, 7, 9, 6, 3, 2, stride=(2, 1), pad=(1, 2), dilation=(1, 2), groups=2)
    x, w = normal(problem, Pass.FORWARD, seed=1)
    dy = normal(problem, Pass.BACKWARD_DATA, seed=2)[0]
    operands = {Pass.FORWARD: (x, w, dy), Pass.BACKWARD_DATA: (dy, w, x), Pass.BACKWARD_FILTER: (x, dy, w)}
    first, second, third = operands[pass_]
    product = np.vdot(compute(Algorithm.GEMM, problem, pass_, first, second), third)
    assert product == pytest.approx(np.vdot(compute(Algorithm.DIRECT, problem, Pass.FORWARD, x, w), dy), rel=1e-12)


@pytest.mark.parametrize(
    ("algorithm", "shape", "reason"),
    [
        (Algorithm.FFT, {"stride": 4}, "fft needs stride 1, got 4"),
        (Algorithm.FFT, {"stride": (2, 1)}, "fft needs stride 1, got 2x1"),
        (Algorithm.FFT_TILING, {"dilation": 2}, "fft_tiling needs dilation 1, got 2"),
        (Algorithm.FFT_TILING, {"r": 33}, "fft_tiling needs a kernel of at most 32x32, got 33x3"),
        (Algorithm.WINOGRAD, {"stride": 2}, "winograd needs stride 1, got 2"),
        (Algorithm.WINOGRAD, {"dilation": (1, 2)}, "winograd needs dilation 1, got 1x2"),
        (Algorithm.WINOGRAD, {"r": 5}, "winograd needs a square kernel, got 5x3"),
        (Algorithm.WINOGRAD, {"r": 1, "s": 1}, "winograd needs a kernel of at least 2x2, got 1x1"),
    ],
)
def test_what_an_algorithm_cannot_do_has_a_reason(algorithm, shape, reason):
    problem = Problem(**{"n": 1, "c": 2, "h": 40, "w": 40, "k": 2, "r": 3, "s": 3, **shape})
    for pass_ in Pass:
        assert constraint(algorithm, problem, pass_) == reason
        with pytest.raises(InvalidProblem, match=f"{reason} .*direct and gemm can do every problem"):
            compute(algorithm, problem, pass_, *normal(problem, pass_))


@SMALL
@given(problems(), st.sampled_from(Pass))
def test_direct_gemm_and_auto_have_no_constraint(problem, pass_):
    for algorithm in (Algorithm.DIRECT, Algorithm.GEMM, Algorithm.IMPLICIT_GEMM, Algorithm.AUTO):
        assert constraint(algorithm, problem, pass_) is None


def test_every_algorithm_but_auto_has_a_method():
    assert set(METHODS) == set(Algorithm) - {Algorithm.AUTO}


def test_auto_has_no_result_of_its_own():
    problem = Problem(1, 1, 4, 4, 1, 3, 3)
    with pytest.raises(UsageError, match="name one of direct, gemm"):
        compute(Algorithm.AUTO, problem, Pass.FORWARD, *normal(problem, Pass.FORWARD))


def test_an_operand_of_the_wrong_shape_is_refused_with_both_shapes():
    problem = Problem(1, 1, 4, 4, 1, 3, 3)
    x, w = normal(problem, Pass.FORWARD)
    with pytest.raises(InvalidProblem, match=r"second operand has shape \(1, 1, 4, 4\), but forward .*\(1, 1, 3, 3\)"):
        compute(Algorithm.DIRECT, problem, Pass.FORWARD, x, x)
    with pytest.raises(InvalidProblem, match="first operand"):
        compute(Algorithm.DIRECT, problem, Pass.BACKWARD_DATA, x, w)


@pytest.mark.parametrize(("algorithm", "tile"), [(Algorithm.WINOGRAD, 0), (Algorithm.FFT_TILING, 2)])
def test_a_tile_that_is_too_small_is_refused(algorithm, tile):
    problem = Problem(1, 1, 4, 4, 1, 3, 3)
    with pytest.raises(InvalidProblem, match=f"tile={tile} must be at least"):
        compute(algorithm, problem, Pass.FORWARD, *normal(problem, Pass.FORWARD), tile=tile)
