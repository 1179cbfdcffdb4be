"""Operands are the same for a seed; the exact ones give exact sums in float32 whatever the order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_cnnperf.algorithms import compute
from pytest_cnnperf.algorithms.images import reduction_length, shapes
from pytest_cnnperf.algorithms.operands import _integers, operands
from pytest_cnnperf.cases import Algorithm, Pass, Problem
from pytest_cnnperf.cases.networks import ALEXNET, NETWORKS
from pytest_cnnperf.cases.strategies import problems

SMALL = settings(max_examples=40, deadline=None)
PROBLEM = Problem(3, 4, 9, 8, 6, 3, 2, pad=1, groups=2)


@SMALL
@given(problems(), st.sampled_from(Pass), st.booleans())
def test_operands_have_the_shapes_of_their_pass_in_float32(problem, pass_, exact):
    pair = operands(problem, pass_, exact=exact, seed=3)
    assert tuple(operand.shape for operand in pair) == shapes(problem, pass_)[:2]
    assert {operand.dtype for operand in pair} == {np.dtype(np.float32)}


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("pass_", Pass)
def test_a_seed_gives_the_same_operands_and_another_seed_others(pass_, exact):
    first, again, other = (operands(PROBLEM, pass_, exact=exact, seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize(
    ("pass_", "length"),
    # crs/groups, krs/groups, npq of the problem above: 10x9 outputs.
    [(Pass.FORWARD, 2 * 3 * 2), (Pass.BACKWARD_DATA, 3 * 3 * 2), (Pass.BACKWARD_FILTER, 3 * 9 * 9)],
)
def test_each_pass_has_its_own_reduction_length(pass_, length):
    assert reduction_length(PROBLEM, pass_) == length


@pytest.mark.parametrize("pass_", Pass)
def test_exact_operands_give_the_same_float32_result_in_every_order(pass_):
    first, second = operands(PROBLEM, pass_, exact=True, seed=0)
    truth = compute(Algorithm.DIRECT, PROBLEM, pass_, first, second)
    assert np.array_equal(truth, np.rint(truth))
    assert np.abs(compute(Algorithm.DIRECT, PROBLEM, pass_, np.abs(first), np.abs(second))).max() < 2**24


@pytest.mark.parametrize("network", NETWORKS.values(), ids=lambda network: network.name)
@pytest.mark.parametrize("pass_", Pass)
def test_every_partial_sum_of_the_networks_is_exact_at_batch_256(network, pass_):
    for layer in network.layers:
        problem = layer.problem.with_batch(256)
        # The magnitudes are those of the real problem, the arrays small enough to make in no time.
        shape = (1, 1, 64, 64)
        first, second = _integers(np.random.default_rng(0), problem, pass_, first=shape, second=shape)
        largest = float(np.abs(first).max() * np.abs(second).max())
        assert 1 <= largest * reduction_length(problem, pass_) < 2**24


def test_a_sum_too_long_for_ones_is_thinned_out():
    # 2^25 products of +-1 would pass 2^24; at most half of that may remain.
    huge = Problem(2**25, 1, 1, 1, 1, 1, 1)
    generator = np.random.default_rng(0)
    shape = (2**12, 1, 1, 1)
    first, second = _integers(generator, huge, Pass.BACKWARD_FILTER, first=shape, second=shape)
    assert np.abs(first).max() == 1
    assert 0 < np.count_nonzero(second) / second.size * 2**25 < 2**24


def test_float_operands_look_like_those_of_training():
    problem = ALEXNET["conv3"].problem
    x, w = operands(problem, Pass.FORWARD, exact=False, seed=0)
    assert x.min() == 0
    # Half of a normal distribution is negative; the standard error at 43 264 elements is 0.0024.
    assert np.mean(x == 0) == pytest.approx(0.5, abs=0.012)
    # He et al. 2015: standard deviation sqrt(2 / fan-in), so that y is about as large as before the ReLU.
    assert w.std() == pytest.approx(np.sqrt(2 / (256 * 9)), rel=0.01)
    assert np.std(compute(Algorithm.DIRECT, problem, Pass.FORWARD, x, w)) == pytest.approx(1, rel=0.2)


def test_no_float_filter_is_subnormal_in_float16():
    _, w = operands(ALEXNET["conv2"].problem, Pass.FORWARD, exact=False, seed=0)
    assert np.abs(w[w != 0]).min() >= np.finfo(np.float16).smallest_normal
