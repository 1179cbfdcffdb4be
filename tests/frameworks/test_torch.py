"""The torch adapter on the real PyTorch: right in every pass, and what runs is what was asked for."""

from __future__ import annotations

import pytest

from pytest_cnnperf.cases import Algorithm, Case, Pass, Problem
from pytest_cnnperf.frameworks import builtin, hole
from pytest_cnnperf.frameworks.torch import nnpack_kernel

FRAMEWORK = "torch"
SPEC = builtin().get(FRAMEWORK)
NNPACK = {"wt8x8": Algorithm.WINOGRAD, "ft8x8": Algorithm.FFT, "ft16x16": Algorithm.FFT}


def test_the_result_of_every_offered_case_is_right(ask, awkward):
    _, check = ask(awkward)

    assert check.correct, check.detail


def test_each_layer_of_alexnet_runs_the_algorithm_that_was_asked_for(ask, alexnet):
    resolved, check = ask(alexnet)

    assert resolved.algorithm is not None, resolved
    assert resolved.fulfils(alexnet.algorithm), resolved
    assert check.correct, check.detail


@pytest.mark.parametrize(
    "problem",
    [
        *(Problem(n, 16, size, size, 16, 3, 3, pad=1) for n in (1, 2) for size in (6, 12, 13, 14, 18)),
        *(Problem(n, 8, 27, 27, 8, 5, 5, pad=2) for n in (1, 2)),
        *(Problem(n, 8, 20, 20, 8, 5, 5) for n in (1, 2)),
        Problem(2, 8, 24, 24, 8, 1, 1),
        Problem(2, 8, 12, 30, 8, 3, 3, pad=(0, 1)),
        Problem(1, 8, 30, 12, 8, 2, 7, pad=(1, 0)),
        Problem(1, 8, 24, 24, 8, 11, 11),
        Problem(2, 8, 24, 24, 8, 16, 16, pad=3),
    ],
    ids=lambda problem: problem.text,
)
def test_the_tile_seen_in_nnpacks_result_is_the_one_that_its_rule_names(ask, convolution, problem):
    kernel = nnpack_kernel(problem)
    algorithm = NNPACK[kernel]

    resolved, check = ask(convolution(FRAMEWORK, problem, Pass.FORWARD, algorithm))

    assert resolved.name == f"NNPACK {kernel}"
    assert resolved.algorithm is algorithm
    assert check.correct, check.detail


def test_a_strided_gradient_of_the_input_falls_back_from_direct_in_sight(ask):
    # Not collected (a hole), so that it has to be asked for by hand: the fallback that the hole stands for.
    case = Case(
        FRAMEWORK,
        "convolution",
        "custom",
        "layer",
        Problem(2, 16, 21, 21, 16, 3, 3, stride=2),
        Pass.BACKWARD_DATA,
        Algorithm.DIRECT,
    )
    assert hole(SPEC, case) is not None

    resolved, check = ask(case)

    assert not resolved.fulfils(Algorithm.DIRECT), resolved
    assert check.correct, check.detail
