"""A case is given back by its worker however its round ends."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_cnnperf.algorithms.checking import Check, Fault
from pytest_cnnperf.cases import Algorithm, Case, Pass, Problem
from pytest_cnnperf.errors import CnnperfError, NotOffered, WorkerFailed
from pytest_cnnperf.host.process import Answer
from pytest_cnnperf.judging.verdict import Reason
from pytest_cnnperf.measuring.gpu.watch import GpuBusy
from pytest_cnnperf.run.rounds import Asked, back_to_back, checked, timed
from pytest_cnnperf.settings import QUICK, Settings, Timing

CASE = Case("made_up", "convolution", "n", "a", Problem(1, 1, 3, 3, 1, 3, 3), Pass.FORWARD, Algorithm.GEMM)
TIMING = Timing(QUICK.max_seconds, QUICK.min_samples, QUICK.max_samples, threshold=0.05)
RIGHT = Check(correct=True, fault=None, error_fraction=0.0, detail="")
WRONG = Check(correct=False, fault=Fault.NOT_FINITE, error_fraction=None, detail="1 value is not finite")


class ScriptedWorker:
    """Prepares and releases; a request that has an error of its own raises it."""

    def __init__(self, **errors: CnnperfError) -> None:
        self.errors = errors
        self.asked: list[str] = []
        self.hello: dict[str, Any] = {}
        self.alive, self.has_timed, self.subject = True, True, ""

    def request(self, name: str, arrays: object = None, **_: object) -> Answer:
        self.asked.append(name)
        if name in self.errors:
            raise self.errors[name]
        return Answer({"resolved": {"algorithm": "gemm"}, "first_call_ns": 1}, {"output": np.zeros(1, np.float32)})


def asked_of(worker: ScriptedWorker, check: Check = RIGHT) -> Asked:
    question = SimpleNamespace(named=lambda case: {}, check=lambda *arguments, **more: check)
    run = SimpleNamespace(
        questions=SimpleNamespace(ask=lambda case, exact: question),
        settings=Settings(),
        worker=lambda *arguments, **more: worker,
        measure_peak=lambda worker, case, gpus: None,
        timing=lambda case: nullcontext(),
    )
    return Asked(run, CASE, TIMING)  # type: ignore[arg-type]


def refuse(error: CnnperfError) -> Callable[..., Any]:
    def measured(*_: object) -> Any:
        raise error

    return measured


@pytest.mark.parametrize("release", [None, WorkerFailed("died while it released")])
def test_behind_a_wrong_answer_which_stands_whatever_the_release_does(release: CnnperfError | None) -> None:
    worker = ScriptedWorker(**({"release": release} if release else {}))
    asked = asked_of(worker, WRONG)
    assert checked(asked, exact=True).fault is timed(asked, None).fault is Reason.RESULT_NOT_FINITE
    assert worker.asked == ["prepare", "release"] * 2


@pytest.mark.parametrize("error", [NotOffered("cannot be captured"), GpuBusy("GPU-a is used"), WorkerFailed("silent")])
@pytest.mark.parametrize("release", [None, WorkerFailed("died while it released")])
def test_behind_an_error_which_stands_whatever_the_release_does(
    monkeypatch: pytest.MonkeyPatch, error: CnnperfError, release: CnnperfError | None
) -> None:
    worker = ScriptedWorker(**({"release": release} if release else {}))
    monkeypatch.setattr(Asked, "measured", refuse(error))
    with pytest.raises(type(error), match=str(error)):
        timed(asked_of(worker), None)
    assert worker.asked == ["prepare", "release"]


def test_a_worker_that_does_not_survive_the_ceilings_is_replaced_before_its_case(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = ScriptedWorker(), ScriptedWorker()
    workers = iter([first, second])
    asked = asked_of(first, WRONG)
    monkeypatch.setattr(asked.run, "worker", lambda *arguments, **more: next(workers))
    monkeypatch.setattr(asked.run, "measure_peak", lambda worker, case, gpus: setattr(worker, "alive", False))
    timed(asked, None)
    assert (first.asked, second.asked) == ([], ["prepare", "release"])


@pytest.mark.parametrize("fresh", [False, True])
def test_rounds_back_to_back_get_a_new_process_each_where_they_are_to_share_no_luck(
    monkeypatch: pytest.MonkeyPatch, fresh: bool
) -> None:
    asked, asked_for = asked_of(ScriptedWorker(), WRONG), []

    def worker(*_: object, fresh: bool, **__: object) -> ScriptedWorker:
        asked_for.append(fresh)
        return ScriptedWorker()

    monkeypatch.setattr(asked.run, "worker", worker)
    assert len(list(back_to_back(asked, None, count=3, fresh=fresh))) == 3
    assert asked_for == [fresh] * 3


def test_a_right_answer_whose_release_fails_is_a_failure() -> None:
    with pytest.raises(WorkerFailed, match="died while it released"):
        checked(asked_of(ScriptedWorker(release=WorkerFailed("died while it released"))), exact=True)
