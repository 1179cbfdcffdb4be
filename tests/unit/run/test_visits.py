"""How many rounds a case gets, and what is told of rounds that did not run the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_cnnperf.algorithms.checking import Check
from pytest_cnnperf.cases import Algorithm, Case, Clock, DeviceKind, Pass, Problem
from pytest_cnnperf.frameworks.resolved import Resolved
from pytest_cnnperf.judging.verdict import Judgement, Reason, Verdict
from pytest_cnnperf.measuring.samples import Plan, Round, Samples
from pytest_cnnperf.report.outcome import Outcome
from pytest_cnnperf.run.rounds import Answer
from pytest_cnnperf.run.telling import finished
from pytest_cnnperf.run.visits import Course, Visited
from pytest_cnnperf.settings import Settings, Update

CASE = Case("made_up", "convolution", "n", "a", Problem(1, 2, 6, 6, 3, 3, 3), Pass.FORWARD, Algorithm.AUTO)
SAME = Judgement(Verdict.SAME, Reason.WITHIN_THRESHOLD, "as ever")


@pytest.mark.parametrize(("kind", "rounds"), [(DeviceKind.CPU, (4, 4, 4)), (DeviceKind.CUDA, (2, 2, 2))])
@pytest.mark.parametrize("update", [Update.NOTHING, Update.ALL])
def test_a_visit_has_one_round_in_each_process_of_its_device(
    kind: DeviceKind, rounds: tuple[int, ...], update: Update
) -> None:
    case = replace(CASE, device_kind=kind)
    course = Course.of(case, Settings(compare=True, update=update), before=None, apart=True)
    assert (course.rounds, course.whole) == (rounds, update is Update.ALL)


def answer(name: str) -> Answer:
    samples = Samples(Clock.PROCESS_CPU, Plan(1, 1, "c"), (Round((9, 9, 9), (3, 3, 3), (9, 9, 9)),), first_call_ns=1)
    check = Check(correct=True, fault=None, error_fraction=0.1, detail="")
    return Answer(check, Resolved(Algorithm.GEMM, name), 1, {}, samples=samples)


def detail_of(*names: str) -> str:
    visited = Visited(answer(names[0]), (tuple(map(answer, names)),))
    blank = Outcome(CASE.key, "node", Verdict.UNKNOWN, Reason.NOT_COMPARED)
    return finished(blank, CASE, visited, SAME, stores=False).detail


def test_rounds_that_ran_different_kernels_are_told() -> None:
    assert detail_of("algo 1", "algo 6", "algo 1", "algo 1") == "as ever; of 4 rounds, algo 1 in 3, algo 6 in 1"


def test_of_many_kernels_the_most_frequent_are_named() -> None:
    assert detail_of("a", "b", "c", "d", "a") == "as ever; of 5 rounds, a in 2, b in 1, c in 1, …"


def test_rounds_that_ran_the_same_are_not_spoken_of() -> None:
    assert detail_of("algo 1", "algo 1") == "as ever"
