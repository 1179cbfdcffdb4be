"""Samples and projections tell the truth about the whole result, at a cost that does not grow with it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from pytest_cnnperf.algorithms import compute
from pytest_cnnperf.algorithms.checking import judge, projection, reference, sampling
from pytest_cnnperf.algorithms.images import shapes
from pytest_cnnperf.algorithms.operands import operands
from pytest_cnnperf.cases import Algorithm, Pass, Problem
from pytest_cnnperf.cases.networks import ALEXNET
from pytest_cnnperf.cases.strategies import problems

SMALL = settings(max_examples=30, deadline=None)


@pytest.mark.parametrize("pass_", Pass)
@SMALL
@given(problem=problems())
def test_sampled_terms_are_those_of_the_whole_result(pass_, problem):
    first, second = operands(problem, pass_, exact=False, seed=0)
    shape = shapes(problem, pass_)[2]
    places = sampling.coordinates(shape, 24, np.random.default_rng(0))
    assert (places >= 0).all()
    assert (places < shape).all()
    sampled = sampling.terms_at(problem, pass_, first, second, places=places)
    whole = judge._all_terms(problem, pass_, first, second)
    at = tuple(places.T)
    for name in ("value", "absolute", "euclidean"):
        np.testing.assert_allclose(getattr(sampled, name), getattr(whole, name)[at], atol=1e-6)


def test_samples_hold_the_corners_of_the_first_and_the_last_image():
    places = set(map(tuple, sampling.coordinates((5, 6, 7, 8), 256, np.random.default_rng(0)).tolist()))
    assert {(n, k, p, q) for n, k in ((0, 0), (4, 5)) for p in (0, 6) for q in (0, 7)} <= places


@pytest.mark.parametrize("pass_", Pass)
@SMALL
@given(problem=problems())
def test_projecting_the_result_gives_the_result_of_the_projected_operands(pass_, problem):
    first, second = operands(problem, pass_, exact=True, seed=0)
    made_of_operands = projection.project(problem, pass_, first, second, generator=np.random.default_rng(0))
    assert np.array_equal(
        made_of_operands.of(compute(Algorithm.GEMM, problem, pass_, first, second)), made_of_operands.expected
    )


def test_few_exchanges_of_channels_escape_all_projections():
    # Two channels have equal signs in one projection with probability 1/2, in all four with 1/16.
    problem = Problem(4, 32, 14, 14, 48, 3, 3, pad=1)
    first, second = operands(problem, Pass.FORWARD, exact=True, seed=0)
    signed = projection.project(problem, Pass.FORWARD, first, second, generator=np.random.default_rng(0))
    truth = compute(Algorithm.GEMM, problem, Pass.FORWARD, first, second)
    escaped = 0
    for k in range(problem.k - 1):
        output = truth.copy()
        output[:, [k, k + 1]] = output[:, [k + 1, k]]
        escaped += np.array_equal(signed.of(output), signed.expected)
    assert escaped < (problem.k - 1) / 4


def test_the_cost_of_a_reference_does_not_grow_with_batch_and_filters(monkeypatch):
    computed = []
    compute_direct = projection.direct.compute

    def counted(problem, *arguments):
        computed.append(problem.macs)
        return compute_direct(problem, *arguments)

    monkeypatch.setattr(projection.direct, "compute", counted)
    layer = ALEXNET["conv3"].problem
    for batch in (1, 4):
        problem = layer.with_batch(batch)
        first, second = operands(problem, Pass.FORWARD, exact=True, seed=0)
        reference(problem, Pass.FORWARD, first, second, exact=True)
    assert computed[0] == computed[1] <= projection.BUDGET < layer.macs


def test_long_sums_get_fewer_samples():
    # dw of VGG's first layer at batch 64 adds 3.2 million products for each element.
    long = Problem(64, 3, 224, 224, 64, 3, 3, pad=1)
    assert sampling.sample_count(long, Pass.FORWARD) == sampling.MOST_SAMPLES
    assert sampling.sample_count(long, Pass.BACKWARD_FILTER) == sampling.FEWEST_SAMPLES
