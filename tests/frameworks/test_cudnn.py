"""cuDNN on a real GPU: every algorithm is right, or a hole with cuDNN's status. Not yet run on a GPU."""

from __future__ import annotations

import numpy as np
import pytest

from pytest_cnnperf.algorithms.checking import reference
from pytest_cnnperf.cases import Algorithm, Case, Clock, DeviceKind, DType, Pass, Problem
from pytest_cnnperf.errors import NotOffered
from pytest_cnnperf.frameworks import builtin, hole
from pytest_cnnperf.host.remote import prepare

PROBLEMS = {
    "same": Problem(2, 32, 13, 13, 32, 3, 3, pad=1),
    "five_by_five": Problem(2, 8, 27, 27, 16, 5, 5, pad=2),
    "stride_with_tail": Problem(2, 8, 12, 11, 16, 3, 3, stride=(3, 2), pad=(1, 0)),
    "dilated_groups": Problem(2, 8, 14, 15, 8, 3, 3, pad=2, dilation=2, groups=2),
}
SPEC = builtin().get("cudnn")


def offered():
    """Every offer in every type, layout and pass, on every problem within its limits."""
    for title, problem in PROBLEMS.items():
        for offer in SPEC.offers:
            for dtype in offer.dtypes:
                for layout in offer.layouts:
                    for pass_ in Pass:
                        case = Case(
                            "cudnn",
                            "convolution",
                            "custom",
                            title,
                            problem,
                            pass_,
                            offer.algorithm,
                            dtype=dtype,
                            layout=layout,
                            device_kind=DeviceKind.CUDA,
                            clock=Clock.DEVICE_COLD,
                            options=offer.options,
                        )
                        if hole(SPEC, case) is None:
                            yield case


@pytest.fixture
def prepared(gpu, pool):
    """Prepares a case on the leased GPU with these operands, or skips where cuDNN is not installed."""
    registry = builtin().located()
    spec = registry.get("cudnn")
    missing = registry.missing(spec)
    if missing:
        pytest.skip(missing)

    def prepare_one(asked, operands):
        offer = spec.offer_for(asked)
        worker = pool.worker(spec, offer, asked, visible_devices=gpu.uuid)
        return prepare(worker, asked, operands, deadline_seconds=120)

    return prepare_one


def operands_of(asked):
    problem, generator = asked.problem, np.random.default_rng(7)
    names = {Pass.FORWARD: "x w", Pass.BACKWARD_DATA: "dy w", Pass.BACKWARD_FILTER: "x dy"}[asked.pass_].split()
    shapes = {"x": problem.x_shape, "w": problem.w_shape, "dy": problem.y_shape}
    return {name: generator.standard_normal(shapes[name]).astype(np.float32) for name in names}


@pytest.mark.parametrize("asked", list(offered()), ids=lambda asked: asked.key)
def test_every_offered_case_is_right_or_a_hole_with_cudnns_status(prepared, asked):
    operands = operands_of(asked)
    try:
        run = prepared(asked, operands)
    except NotOffered as refusal:
        if "CUDNN_STATUS_NOT_SUPPORTED" in str(refusal):
            pytest.skip(str(refusal))
        raise
    truth = reference(asked.problem, asked.pass_, *operands.values(), exact=False)
    check = truth.check(run.output, algorithm=run.resolved.algorithm, dtype=asked.dtype, tile=run.resolved.tile)
    assert check.correct, check.detail
    assert run.resolved.fulfils(asked.algorithm)

    for clock in (Clock.DEVICE_COLD, Clock.DEVICE_HOT):
        timed = run.time(samples=2, warmup=1, repeats=2, control_units=1, clock=clock, flip=True)
        assert min(timed.workload_ns + timed.control_ns) > 0
    # Negated twice, and what is summed by atomic additions need not be the very same again.
    again = truth.check(run.last_output(), algorithm=run.resolved.algorithm, dtype=asked.dtype, tile=None)
    assert again.correct, again.detail


@pytest.mark.parametrize("dtype", [DType.FLOAT32, DType.TF32])
def test_strict_float32_keeps_what_tf32_rounds_away(prepared, dtype):
    problem = Problem(4, 64, 16, 16, 64, 3, 3)
    asked = Case(
        "cudnn",
        "convolution",
        "custom",
        "strict",
        problem,
        Pass.FORWARD,
        Algorithm.IMPLICIT_GEMM,
        dtype=dtype,
        device_kind=DeviceKind.CUDA,
        clock=Clock.DEVICE_COLD,
        options=(("variant", "precomp"),),
    )
    # 1 + 2**-12 has no place in TF32's ten bits of mantissa. All sums of it up to 576 are exact in float32's 23:
    # ten bits before the point and twelve behind it.
    x, w = np.full(problem.x_shape, 1 + 2**-12, np.float32), np.ones(problem.w_shape, np.float32)

    output = prepared(asked, {"x": x, "w": w}).output

    assert (output == 64 * 3 * 3 * (1 + 2**-12)).all() == (dtype is DType.FLOAT32)
