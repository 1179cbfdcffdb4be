"""The Caffe adapter on the real Caffe of Debian 11: right in every pass, on the BLAS that it was installed with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_cnnperf.cases import Algorithm, DType, Pass, Problem
from pytest_cnnperf.errors import NotOffered
from pytest_cnnperf.frameworks import builtin

FRAMEWORK = "caffe"


def test_the_result_of_every_offered_case_is_right(ask, awkward):
    _, check = ask(awkward)

    assert check.correct, check.detail


def test_each_layer_of_alexnet_is_unfolded_and_multiplied_whatever_engine_is_asked_for(ask, alexnet):
    resolved, check = ask(alexnet)

    assert resolved.algorithm is Algorithm.GEMM, resolved
    assert check.correct, check.detail


def test_one_image_at_a_time_is_unfolded_except_for_a_plain_1x1_filter(ask, convolution):
    unfolded, _ = ask(convolution(FRAMEWORK, Problem(4, 3, 8, 8, 5, 3, 3), Pass.FORWARD, Algorithm.GEMM))
    plain, _ = ask(convolution(FRAMEWORK, Problem(4, 3, 8, 8, 5, 1, 1), Pass.FORWARD, Algorithm.GEMM))

    # c r s p q floats, without n: 3 * 3 * 3 * 6 * 6 * 4 bytes.
    assert unfolded.workspace_bytes == 3888
    assert plain.workspace_bytes == 0


def test_another_type_that_is_asked_for_by_hand_is_refused_with_a_reason(ask, convolution):
    case = convolution(FRAMEWORK, Problem(1, 3, 8, 8, 4, 3, 3), Pass.FORWARD, Algorithm.AUTO)

    with pytest.raises(NotOffered, match="caffe: only float32 convolutions"):
        ask(replace(case, dtype=DType.FLOAT64))


def test_it_runs_on_openblas_and_says_which(ask, pool, convolution):
    case = convolution(FRAMEWORK, Problem(1, 3, 8, 8, 4, 3, 3), Pass.FORWARD, Algorithm.AUTO)
    ask(case)  # is skipped here where there is no Caffe
    spec = builtin().located().get(FRAMEWORK)

    hello = pool.hello_of(spec, spec.offer_for(case), case)

    assert hello["version"].startswith("1.0")
    # With the reference BLAS a forward pass took 14 and a backward pass 27 times as long.
    assert set(hello["libraries"]) == {"openblas"}
