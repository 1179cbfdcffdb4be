"""The Theano adapter on the real Theano: right in every pass, and what runs is what was asked for.

All in all about 170 functions, of which each of the loops is compiled anew: about a minute with an empty cache of
compiled code, 10 seconds with a full one.
"""

from __future__ import annotations

import pytest

from pytest_cnnperf.cases import Algorithm, Pass, Problem
from pytest_cnnperf.errors import NotOffered
from pytest_cnnperf.frameworks import builtin, hole

FRAMEWORK = "theano"
SPEC = builtin().get(FRAMEWORK)


def test_the_result_of_every_offered_case_is_right(ask, awkward):
    resolved, check = ask(awkward)

    assert check.correct, check.detail
    assert resolved.algorithm is not None, resolved
    assert resolved.fulfils(awkward.algorithm), resolved


def test_each_layer_of_alexnet_runs_the_algorithm_that_was_asked_for(ask, alexnet):
    resolved, check = ask(alexnet)

    assert resolved.algorithm is not None, resolved
    assert resolved.fulfils(alexnet.algorithm), resolved
    assert check.correct, check.detail


def test_left_to_itself_theano_unfolds(ask, convolution):
    resolved, _ = ask(convolution(FRAMEWORK, Problem(2, 8, 12, 12, 8, 3, 3), Pass.FORWARD, Algorithm.AUTO))

    assert resolved.name == "Theano CorrMM"
    assert resolved.algorithm is Algorithm.GEMM


def test_loops_asked_for_by_hand_are_refused_where_theano_has_none(ask, convolution):
    dilated = Problem(2, 8, 14, 14, 8, 3, 3, pad=2, dilation=2)
    case = convolution(FRAMEWORK, dilated, Pass.FORWARD, Algorithm.DIRECT)
    assert hole(SPEC, case) is not None

    with pytest.raises(NotOffered, match="without dilation and groups only"):
        ask(case)
