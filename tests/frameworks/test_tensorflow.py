"""The TensorFlow adapter on the real TensorFlow, in each of its three environments."""

from __future__ import annotations

from pytest_cnnperf.cases import Algorithm, Layout, Pass, Problem
from pytest_cnnperf.frameworks import builtin, hole

FRAMEWORK = "tensorflow"
SPEC = builtin().get(FRAMEWORK)


def test_the_result_of_every_offered_case_is_right(ask, awkward):
    _, check = ask(awkward)

    assert check.correct, check.detail


def test_each_layer_of_alexnet_runs_the_algorithm_that_was_asked_for(ask, alexnet):
    resolved, check = ask(alexnet)

    assert resolved.algorithm is not None, resolved
    assert resolved.fulfils(alexnet.algorithm), resolved
    assert check.correct, check.detail


def test_a_shape_that_was_prepared_before_is_resolved_again(ask, convolution):
    # TensorFlow keeps its primitives, and tells of each only when it is made.
    case = convolution(FRAMEWORK, Problem(2, 8, 12, 12, 8, 3, 3), Pass.FORWARD, Algorithm.AUTO, Layout.NHWC)

    first, _ = ask(case)
    second, _ = ask(case)

    assert first == second
    assert first.name.startswith("oneDNN ")


def test_winograd_for_few_channels_falls_back_to_gemm_in_sight(ask, convolution):
    case = convolution(FRAMEWORK, Problem(1, 3, 16, 16, 4, 3, 3), Pass.FORWARD, Algorithm.WINOGRAD, Layout.NHWC)
    assert "cost model" in hole(SPEC, case)

    resolved, check = ask(case)

    assert resolved.algorithm is Algorithm.GEMM
    assert check.correct, check.detail
