"""Workers of the real frameworks, one for each environment, and awkward problems that they must get right."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from pytest_cnnperf.algorithms.checking import Check, reference
from pytest_cnnperf.cases import Algorithm, Case, DeviceKind, DType, Layout, Pass, Problem
from pytest_cnnperf.cases.networks import ALEXNET
from pytest_cnnperf.frameworks import FrameworkSpec, Resolved, builtin, hole
from pytest_cnnperf.host.pool import Pool
from pytest_cnnperf.host.remote import prepare

PROBLEMS = {
    "valid": Problem(2, 3, 9, 8, 5, 3, 3),
    "same": Problem(2, 32, 13, 13, 32, 3, 3, pad=1),
    "one_image": Problem(1, 32, 26, 26, 32, 3, 3, pad=1),
    "stride_with_tail": Problem(2, 8, 12, 11, 16, 3, 3, stride=(3, 2), pad=(1, 0)),
    "eleven_by_stride_four": Problem(2, 3, 43, 47, 16, 11, 11, stride=4),
    "same_but_not_the_framework_s": Problem(2, 3, 32, 32, 8, 7, 7, stride=2, pad=3),
    "uneven_filter_and_pad": Problem(3, 4, 10, 12, 6, 5, 2, pad=(2, 1)),
    "five_by_five": Problem(2, 8, 27, 27, 16, 5, 5, pad=2),
    "pad_wider_than_same": Problem(2, 4, 8, 8, 8, 3, 3, pad=2),
    "dilated": Problem(2, 8, 14, 15, 8, 3, 3, pad=2, dilation=2),
    "groups": Problem(2, 16, 10, 10, 32, 3, 3, pad=1, groups=4),
    "depthwise": Problem(2, 16, 10, 10, 16, 3, 3, pad=1, groups=16),
    "dilated_groups_stride": Problem(2, 8, 15, 15, 16, 3, 3, stride=2, pad=1, dilation=(2, 1), groups=2),
    "one_by_one": Problem(2, 16, 9, 9, 24, 1, 1),
    "one_by_one_stride": Problem(2, 16, 9, 9, 24, 1, 1, stride=2),
    "filter_as_large_as_image": Problem(2, 8, 6, 6, 10, 6, 6),
}

Asked = tuple[Resolved, Check]
Ask = Callable[[Case], Asked]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`awkward` and `alexnet`: every such problem in every way that the module's FRAMEWORK offers on the CPU."""
    layers = {layer.name: layer.problem for layer in ALEXNET.layers}
    for name, problems in (("awkward", PROBLEMS), ("alexnet", layers)):
        if name in metafunc.fixturenames:
            cases = _offered(metafunc.module.FRAMEWORK, problems)
            metafunc.parametrize(name, cases.values(), ids=cases.keys())


def _offered(framework: str, problems: Mapping[str, Problem]) -> dict[str, Case]:
    spec = builtin().get(framework)
    cases = {
        f"{offer.algorithm}-{layout}-{pass_}-{title}": case_of(framework, problem, pass_, offer.algorithm, layout)
        for (title, problem), offer, layout, pass_ in product(problems.items(), spec.offers, Layout, Pass)
        if layout in offer.layouts and offer.device_kind is DeviceKind.CPU
    }
    return {name: case for name, case in cases.items() if hole(spec, case) is None}


def case_of(name: str, problem: Problem, pass_: Pass, algorithm: Algorithm, layout: Layout = Layout.NCHW) -> Case:
    """A case of one layer that belongs to no network."""
    return Case(name, "convolution", "custom", "layer", problem, pass_, algorithm, layout=layout)


@pytest.fixture
def convolution() -> Callable[..., Case]:
    """Makes a case of one layer that belongs to no network."""
    return case_of


@pytest.fixture(scope="session")
def pool() -> Iterator[Pool]:
    with Pool() as workers:
        yield workers


@pytest.fixture(scope="session")
def ask(pool: Pool) -> Ask:
    """Runs a case once in its worker; what really ran, and what the judge says of the result."""

    def answer(case: Case) -> Asked:
        spec = _installed(case.framework)
        # A type that is not offered is asked for all the same: the adapter must refuse it by itself.
        offer = spec.offer_for(case) or spec.offer_for(replace(case, dtype=DType.FLOAT32))
        assert offer is not None
        operands = _operands(case)
        prepared = prepare(pool.worker(spec, offer, case), case, operands, deadline_seconds=60)
        resolved, output = prepared.resolved, prepared.output
        prepared.release()
        assert case.problem is not None
        assert case.pass_ is not None
        first, second = operands.values()
        truth = reference(case.problem, case.pass_, first, second, exact=False)
        # Its bound is that of what ran: an algorithm that did not run must not excuse the error of the one that did.
        return resolved, truth.check(output, algorithm=resolved.algorithm, dtype=case.dtype, tile=resolved.tile)

    return answer


def _installed(name: str) -> FrameworkSpec:
    """The framework as it is started here; the test is skipped where it is not there, or fails where it must be."""
    registry = builtin().located()
    spec = registry.get(name)
    missing = registry.missing(spec)
    if missing and name in os.environ.get("CNNPERF_MUST_HAVE", "").split():
        pytest.fail(f"CNNPERF_MUST_HAVE names {name}, but {missing}", pytrace=False)
    if missing:
        pytest.skip(missing)
    return spec


def _operands(case: Case) -> dict[str, np.ndarray]:
    problem = case.problem
    assert problem is not None
    generator = np.random.default_rng(7)
    names = {Pass.FORWARD: "x w", Pass.BACKWARD_DATA: "dy w", Pass.BACKWARD_FILTER: "x dy"}[case.pass_].split()
    shapes = {"x": problem.x_shape, "w": problem.w_shape, "dy": problem.y_shape}
    return {name: generator.standard_normal(shapes[name]).astype(np.float32) for name in names}
