"""The CNTK adapter on the real CNTK 2.7: right in every pass, and what runs is what was asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pytest_cnnperf.cases import Algorithm, Pass, Problem
from pytest_cnnperf.errors import NotOffered
from pytest_cnnperf.frameworks import builtin, hole
from pytest_cnnperf.host.remote import prepare

FRAMEWORK = "cntk"
SMALL = Problem(2, 8, 10, 10, 8, 3, 3, pad=1)


def test_the_result_of_every_offered_case_is_right(ask, awkward):
    _, check = ask(awkward)

    assert check.correct, check.detail


def test_each_layer_of_alexnet_runs_the_algorithm_that_was_asked_for(ask, alexnet):
    resolved, check = ask(alexnet)

    assert resolved.algorithm is (Algorithm.GEMM if alexnet.algorithm is Algorithm.GEMM else Algorithm.DIRECT), resolved
    assert check.correct, check.detail


@pytest.mark.parametrize("pass_", list(Pass))
@pytest.mark.parametrize("algorithm", [Algorithm.DIRECT, Algorithm.GEMM])
def test_mkl_itself_tells_of_one_matrix_product_a_pass_for_gemm_and_of_none_for_direct(
    ask, pool, convolution, algorithm, pass_
):
    case = convolution(FRAMEWORK, SMALL, pass_, algorithm)
    ask(case)  # is skipped here where there is no CNTK
    spec = builtin().located().get(FRAMEWORK)
    spec = replace(spec, environment={**spec.environment, "MKL_VERBOSE": "1"})
    worker = pool.fresh(spec, spec.offer_for(case), case)
    shapes = {"x": SMALL.x_shape, "w": SMALL.w_shape, "dy": SMALL.y_shape}
    names = {Pass.FORWARD: ("x", "w"), Pass.BACKWARD_DATA: ("dy", "w"), Pass.BACKWARD_FILTER: ("x", "dy")}[pass_]

    prepare(worker, case, {name: np.ones(shapes[name], np.float32) for name in names}, deadline_seconds=60)
    told = str(worker.failure("prepare", "it is ended for the end of its stderr"))

    # A gradient goes from the state of a forward pass, which is made before it and outside of what is timed.
    products = 0 if algorithm is Algorithm.DIRECT else 1 if pass_ is Pass.FORWARD else 2
    assert told.count("MKL_VERBOSE SGEMM(") == products, told


@pytest.mark.parametrize("pass_", list(Pass))
@pytest.mark.parametrize("algorithm", [Algorithm.DIRECT, Algorithm.GEMM])
def test_a_filter_larger_than_its_unpadded_image_is_right(ask, convolution, algorithm, pass_):
    _, check = ask(convolution(FRAMEWORK, Problem(2, 4, 2, 2, 4, 3, 3, pad=1), pass_, algorithm))

    assert check.correct, check.detail


@pytest.mark.parametrize(
    ("algorithm", "problem", "reason"),
    [
        (Algorithm.AUTO, Problem(1, 4, 9, 9, 4, 3, 3, dilation=2), "dilated convolution on a GPU only"),
        (Algorithm.GEMM, Problem(1, 4, 9, 9, 4, 3, 3, groups=2), "groups in MKL's direct convolution only"),
        # The gradient of an image of 512 x 512 unfolds into 512 * 512 * 64 * 25 floats.
        (Algorithm.GEMM, Problem(1, 1, 512, 512, 64, 5, 5, stride=4), "one unfolded image takes 1677"),
    ],
)
def test_what_is_a_hole_is_refused_when_it_is_asked_for_by_hand(ask, convolution, algorithm, problem, reason):
    case = convolution(FRAMEWORK, problem, Pass.BACKWARD_DATA, algorithm)
    assert hole(builtin().get(FRAMEWORK), case) is not None

    with pytest.raises(NotOffered, match=reason):
        ask(case)
