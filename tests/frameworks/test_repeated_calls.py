"""Adapters that keep state from call to call: what the last of many timed calls leaves is the result, and its own."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_cnnperf.cases import Algorithm, Clock, Pass, Problem
from pytest_cnnperf.frameworks import builtin
from pytest_cnnperf.host.remote import prepare

PROBLEM = Problem(2, 8, 10, 10, 8, 3, 3, pad=1)
OPERANDS = {Pass.FORWARD: ("x", "w"), Pass.BACKWARD_DATA: ("dy", "w"), Pass.BACKWARD_FILTER: ("x", "dy")}


@pytest.mark.parametrize("pass_", list(Pass))
@pytest.mark.parametrize(
    ("framework", "algorithm"),
    [("caffe", Algorithm.GEMM), ("cntk", Algorithm.DIRECT), ("cntk", Algorithm.GEMM)],
)
def test_neither_an_earlier_gradient_nor_an_earlier_operand_is_left_in_a_result(
    ask, pool, convolution, framework, algorithm, pass_
):
    # Caffe adds to the gradient of a filter that is there already; CNTK goes from a state that a forward pass left.
    case = convolution(framework, PROBLEM, pass_, algorithm)
    ask(case)  # is skipped here where the framework is not there
    spec = builtin().located().get(framework)
    generator = np.random.default_rng(3)
    shapes = {"x": PROBLEM.x_shape, "w": PROBLEM.w_shape, "dy": PROBLEM.y_shape}
    operands = {name: generator.standard_normal(shapes[name]).astype(np.float32) for name in OPERANDS[pass_]}

    prepared = prepare(pool.worker(spec, spec.offer_for(case), case), case, operands, deadline_seconds=60)
    prepared.time(samples=2, warmup=1, repeats=3, control_units=1, clock=Clock.WALL, flip=True)
    last = prepared.last_output()
    prepared.release()

    # `flip` has negated the first operand; signs do not round.
    np.testing.assert_array_equal(last, -prepared.output)
