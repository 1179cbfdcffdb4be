"""The JAX adapter on the real JAX: right in every pass, and XLA runs what its rule says."""

from __future__ import annotations

import pytest

from pytest_cnnperf.cases import Algorithm, Layout, Pass, Problem
from pytest_cnnperf.errors import NotOffered
from pytest_cnnperf.frameworks import builtin, hole

FRAMEWORK = "jax"
SPEC = builtin().get(FRAMEWORK)


def test_the_result_of_every_offered_case_is_right(ask, awkward):
    resolved, check = ask(awkward)

    assert check.correct, check.detail
    # A named algorithm that XLA does not run is refused by the worker: the rule behind the offers is exact here.
    assert resolved.algorithm is not None, resolved


def test_each_layer_of_alexnet_runs_the_algorithm_that_was_asked_for(ask, alexnet):
    resolved, check = ask(alexnet)

    assert resolved.algorithm is not None, resolved
    assert resolved.fulfils(alexnet.algorithm), resolved
    assert check.correct, check.detail


def test_an_algorithm_that_xla_does_not_run_is_refused_with_what_it_runs(ask, convolution):
    case = convolution(FRAMEWORK, Problem(2, 8, 15, 15, 8, 3, 3, stride=2), Pass.BACKWARD_DATA, Algorithm.IMPLICIT_GEMM)
    assert hole(SPEC, case) is not None

    with pytest.raises(NotOffered, match=r"XLA runs gemm \(Eigen GEMM and col2im\)"):
        ask(case)


def test_named_algorithms_leave_ynnpack_aside(ask, convolution):
    case = convolution(FRAMEWORK, Problem(2, 32, 13, 13, 32, 3, 3), Pass.FORWARD, Algorithm.IMPLICIT_GEMM, Layout.NHWC)

    resolved, _ = ask(case)

    assert resolved.name == "Eigen contraction of image patches"
