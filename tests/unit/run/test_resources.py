"""What a run learns from its workers: the ceilings of GPUs, and the numbers that workers in containers have."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_cnnperf.cases import Algorithm, Case, Clock, DeviceKind, Pass, Problem
from pytest_cnnperf.errors import CnnperfError, WorkerFailed, WorkerRefused
from pytest_cnnperf.frameworks import FrameworkSpec, Offer, fake
from pytest_cnnperf.frameworks.registry import Registry
from pytest_cnnperf.host.process import Answer
from pytest_cnnperf.host.remote import Peak
from pytest_cnnperf.measuring.gpus import Gpu
from pytest_cnnperf.run import Run
from pytest_cnnperf.settings import Settings

OFFER = Offer(Algorithm.GEMM, device_kind=DeviceKind.CUDA)
SPEC = FrameworkSpec("made_up", "Made up", fake.SPEC.adapter, "none", (OFFER,), command=("docker", "run", "python"))
CASE = Case(
    "made_up",
    "convolution",
    "n",
    "a",
    Problem(1, 1, 3, 3, 1, 3, 3),
    Pass.FORWARD,
    Algorithm.GEMM,
    device_kind=DeviceKind.CUDA,
    clock=Clock.DEVICE_COLD,
)
FIRST, SECOND = Gpu("GPU-a", "Made up", 0, 0, 2**30), Gpu("GPU-b", "Made up", 1, 1, 2**30)


class ScriptedWorker:
    """Tells these rates, or raises this error, and counts how often it was asked."""

    def __init__(self, *, told: Any = None, pid: int = 0, hello: dict[str, Any] | None = None) -> None:
        self.told, self.asked = told, 0
        self.pid, self.hello = pid, hello or {}

    def request(self, name: str, **_: object) -> Answer:
        assert name == "peak"
        self.asked += 1
        if isinstance(self.told, CnnperfError):
            raise self.told
        return Answer(self.told, {})


def run_with(worker: ScriptedWorker | None = None, spec: FrameworkSpec = SPEC) -> Run:
    run = Run(Settings(), Registry((spec,)))
    run._pool = SimpleNamespace(worker=lambda *_, **__: worker)  # type: ignore[assignment]
    return run


def test_what_a_core_can_do_is_the_best_of_some_looks_each_in_another_set_of_processes() -> None:
    worker = ScriptedWorker(told={"flops_per_second": 3e10})
    offer = replace(OFFER, device_kind=DeviceKind.CPU)
    run = run_with(worker, replace(SPEC, command=(), offers=(offer,)))
    run._pool.close = lambda: None  # type: ignore[method-assign]
    case = replace(CASE, device_kind=DeviceKind.CPU, clock=Clock.PROCESS_CPU)
    assert run.peak_flops is None
    for _ in range(3):
        run.measure_peak(worker, case, ())  # type: ignore[arg-type]
    assert (worker.asked, run.peak_flops) == (1, 3e10)
    for rate in (9e10, 6e10, *[1e10] * 9):
        worker.told = {"flops_per_second": rate}
        run.renew()
        run.measure_peak(worker, case, ())  # type: ignore[arg-type]
    # The first second was a busy one; five looks are enough.
    assert (worker.asked, run.peak_flops) == (5, 9e10)


def test_what_a_core_can_do_is_the_best_that_any_framework_shows() -> None:
    worker = ScriptedWorker(told={"flops_per_second": 3e10})
    offer = replace(OFFER, device_kind=DeviceKind.CPU)
    specs = tuple(replace(SPEC, name=name, command=(), offers=(offer,)) for name in ("slow", "quick"))
    run = Run(Settings(), Registry(specs))
    for name, rate in (("slow", 3e10), ("quick", 8e10), ("slow", 9e10)):
        worker.told = {"flops_per_second": rate}
        case = replace(CASE, framework=name, device_kind=DeviceKind.CPU, clock=Clock.PROCESS_CPU)
        run.measure_peak(worker, case, ())  # type: ignore[arg-type]
    assert (worker.asked, run.peak_flops) == (2, 8e10)


def test_every_gpu_is_measured_once_and_the_best_rates_are_told() -> None:
    run = run_with()
    workers = [
        ScriptedWorker(told={"flops_per_second": 2e12, "bytes_per_second": 3e11}),
        ScriptedWorker(told={"flops_per_second": 1e12, "bytes_per_second": 4e11}),
    ]
    assert run.gpu_peak is None
    for worker, gpu in [*zip(workers, (FIRST, SECOND), strict=True)] * 2:
        run.measure_peak(worker, CASE, (gpu,))  # type: ignore[arg-type]
    assert [worker.asked for worker in workers] == [1, 1]
    assert run.gpu_peak == Peak(2e12, 4e11)


@pytest.mark.parametrize("error", [WorkerFailed("silent"), WorkerRefused("no product")])
def test_a_core_whose_rate_could_not_be_had_is_told_by_its_cases(error: CnnperfError) -> None:
    worker = ScriptedWorker(told=error)
    offer = replace(OFFER, device_kind=DeviceKind.CPU)
    run = run_with(worker, replace(SPEC, command=(), offers=(offer,)))
    case = replace(CASE, device_kind=DeviceKind.CPU, clock=Clock.PROCESS_CPU)
    for _ in range(2):
        run.measure_peak(worker, case, ())  # type: ignore[arg-type]
    assert (worker.asked, run.peak_flops) == (1, None)


@pytest.mark.parametrize("error", [WorkerFailed("silent"), WorkerRefused("no cuBLAS")])
def test_a_gpu_whose_rates_could_not_be_had_is_not_asked_again(error: CnnperfError) -> None:
    run, worker = run_with(), ScriptedWorker(told=error)
    for _ in range(2):
        run.measure_peak(worker, CASE, (FIRST,))  # type: ignore[arg-type]
    assert (worker.asked, run.gpu_peak) == (1, Peak())


def test_a_new_worker_is_asked_for_no_rates_before_its_case_is_about_to_be_timed() -> None:
    worker = ScriptedWorker(told={}, pid=100, hello={"pid": 100})
    run_with(worker).worker(CASE, gpus=(FIRST,))
    assert worker.asked == 0


@pytest.mark.parametrize(("fresh", "expected"), [(False, "live"), (True, "new")])
def test_a_worker_lives_from_case_to_case_unless_a_new_process_is_asked_for(fresh: bool, expected: str) -> None:
    workers = {name: ScriptedWorker(pid=100, hello={"pid": 100}) for name in ("live", "new")}
    run = run_with()
    run._pool = SimpleNamespace(worker=lambda *_, **__: workers["live"], fresh=lambda *_, **__: workers["new"])  # type: ignore[assignment]
    assert run.worker(CASE, fresh=fresh, gpus=(FIRST,)) is workers[expected]  # type: ignore[comparison-overlap]


def test_renewing_ends_all_processes() -> None:
    run, closed = run_with(), []
    run._pool = SimpleNamespace(close=lambda: closed.append("all"))  # type: ignore[assignment]
    run.renew()
    assert closed == ["all"]


@pytest.mark.parametrize(
    ("command", "told", "inner"),
    [(SPEC.command, 7, {7}), (SPEC.command, 100, set()), (SPEC.command, None, set()), ((), 7, set())],
)
def test_only_what_a_command_hides_has_a_number_of_its_own(
    command: tuple[str, ...], told: int | None, inner: set[int]
) -> None:
    worker = ScriptedWorker(pid=100, hello={} if told is None else {"pid": told})
    run = run_with(worker, replace(SPEC, command=command))
    run.worker(CASE, gpus=(FIRST,))
    assert run._holders().inner_pids == frozenset(inner)
