"""The pool: one worker for each identity, few at a time, none left behind."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from pytest_cnnperf.cases import Algorithm, Case, DeviceKind, Pass, Problem
from pytest_cnnperf.errors import FrameworkUnavailable, WorkerFailed, WorkerSilent
from pytest_cnnperf.frameworks.spec import FrameworkSpec, Offer
from pytest_cnnperf.host.pool import Pool, identify
from pytest_cnnperf.host.process import WORKER_FOLDER

SPEC = FrameworkSpec(
    "fake",
    "The fake",
    WORKER_FOLDER / "adapters" / "fake.py",
    "pip install fake",
    (),
    environment={"A": "spec", "B": "spec"},
)
OFFER = Offer(Algorithm.DIRECT, environment={"B": "offer"})
OTHER = Offer(Algorithm.GEMM, environment={"B": "other"})
CASE = Case("fake", "convolution", "custom", "layer", Problem(1, 1, 3, 3, 1, 3, 3), Pass.FORWARD, Algorithm.DIRECT)


@pytest.fixture
def pool():
    with Pool(limit=2) as made:
        yield made


def dead(pid):
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_the_environment_is_threads_then_framework_then_offer():
    environment = dict(identify(SPEC, OFFER, replace(CASE, threads=2)).environment)
    assert {name: value for name, value in environment.items() if not name.startswith(("MALLOC_", "GLIBC_"))} == {
        "A": "spec", "B": "offer", "CUDA_VISIBLE_DEVICES": "",
        "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "MKL_NUM_THREADS": "2", "NUMEXPR_NUM_THREADS": "2",
    }  # fmt: skip


def test_a_gpu_case_sees_the_leased_devices_and_without_a_lease_what_the_caller_sees():
    case = replace(CASE, device_kind=DeviceKind.CUDA)
    assert dict(identify(SPEC, OFFER, case, visible_devices="GPU-1").environment)["CUDA_VISIBLE_DEVICES"] == "GPU-1"
    assert "CUDA_VISIBLE_DEVICES" not in dict(identify(SPEC, OFFER, case).environment)


@pytest.mark.parametrize(
    "other",
    [
        lambda: identify(SPEC, OTHER, CASE),
        lambda: identify(replace(SPEC, name="other"), OFFER, CASE),
        lambda: identify(SPEC, OFFER, replace(CASE, threads=2)),
        lambda: identify(SPEC, OFFER, replace(CASE, device_count=2)),
        lambda: identify(SPEC, OFFER, CASE, cpus=(1,)),
    ],
)
def test_what_a_framework_reads_at_import_makes_another_identity(other):
    assert other() != identify(SPEC, OFFER, CASE)


def test_cases_of_one_identity_share_a_worker_and_another_environment_gets_another(pool):
    first = pool.worker(SPEC, OFFER, CASE)
    assert pool.worker(SPEC, OFFER, replace(CASE, layer="other")) is first
    assert pool.worker(SPEC, OTHER, CASE) is not first
    assert first.alive
    assert pool.hello_of(SPEC, OFFER, CASE) is first.hello


def test_above_the_limit_the_least_recently_used_worker_is_closed(pool):
    first, second = pool.worker(SPEC, OFFER, CASE), pool.worker(SPEC, OTHER, CASE)
    pool.worker(SPEC, OFFER, CASE)
    third = pool.worker(SPEC, OFFER, replace(CASE, threads=2))
    assert [worker.alive for worker in (first, second, third)] == [True, False, True]
    assert dead(second.pid)


def test_a_fresh_worker_is_another_process_and_the_old_one_is_gone(pool):
    old = pool.worker(SPEC, OFFER, CASE)
    new = pool.fresh(SPEC, OFFER, CASE)
    assert new.pid != old.pid
    assert dead(old.pid)
    assert pool.worker(SPEC, OFFER, CASE) is new


def test_a_worker_that_died_or_was_discarded_is_replaced(pool):
    first = pool.worker(SPEC, OFFER, CASE)
    os.killpg(first.pid, 9)
    with pytest.raises(WorkerFailed):
        first.request("peak", deadline_seconds=10)
    second = pool.worker(SPEC, OFFER, CASE)
    pool.discard(second)
    third = pool.worker(SPEC, OFFER, CASE)
    assert len({first.pid, second.pid, third.pid}) == 3
    assert third.alive
    assert dead(second.pid)


def test_a_later_worker_of_the_fake_can_be_scripted_differently(tmp_path, pool):
    script = {
        "generation_file": str(tmp_path / "count"),
        "generations": [{"default": {"version": "one"}}, {"default": {"version": "two"}}],
    }
    path = tmp_path / "script.json"
    path.write_text(json.dumps(script))
    spec = replace(SPEC, environment={"CNNPERF_FAKE_SCRIPT": str(path)})
    versions = [pool.hello_of(spec, OFFER, CASE)["version"]]
    versions += [pool.fresh(spec, OFFER, CASE).hello["version"] for _ in range(2)]
    assert versions == ["one", "two", "two"]


def test_workers_of_the_fake_that_start_at_once_are_of_different_generations(tmp_path):
    path = tmp_path / "script.json"
    generations = [{"default": {"version": str(number)}} for number in range(12)]
    path.write_text(json.dumps({"generation_file": str(tmp_path / "count"), "generations": generations}))
    spec = replace(SPEC, environment={"CNNPERF_FAKE_SCRIPT": str(path)})

    def version(_number):
        with Pool(limit=1) as pool:
            return pool.hello_of(spec, OFFER, CASE)["version"]

    with ThreadPoolExecutor(len(generations)) as threads:
        assert len(set(threads.map(version, range(len(generations))))) == len(generations)


def test_a_framework_that_cannot_be_imported_comes_with_its_install_command(tmp_path, pool):
    adapter = tmp_path / "absent.py"
    adapter.write_text("import no_such_framework\n")
    with pytest.raises(
        FrameworkUnavailable,
        match=r"The fake cannot be imported by its worker; next: pip install fake\n.*no_such_framework",
    ):
        pool.worker(replace(SPEC, adapter=adapter), OFFER, CASE)


def test_a_framework_that_hangs_at_its_start_costs_the_wait_of_one_case(tmp_path):
    path = tmp_path / "script.json"
    hangs = {"default": {"fault": "hang", "at": "hello"}}
    path.write_text(json.dumps({"generation_file": str(tmp_path / "count"), "generations": [hangs]}))
    spec = replace(SPEC, environment={"CNNPERF_FAKE_SCRIPT": str(path)})
    with Pool(deadline_seconds=1.0) as pool:
        with pytest.raises(WorkerSilent, match=r"request 'hello' failed after .* no answer within 1 s"):
            pool.worker(spec, OFFER, CASE)
        with pytest.raises(WorkerSilent, match="not started again, since it hung before: worker fake, request 'hello'"):
            pool.worker(spec, OTHER, CASE)
        assert pool.worker(replace(SPEC, name="another"), OFFER, CASE).alive
    assert int((tmp_path / "count").read_text()) == 1


def test_an_interrupted_run_leaves_no_process_behind():
    pids = []

    def interrupted():
        with Pool() as pool:
            pids.extend(pool.worker(SPEC, offer, CASE).pid for offer in (OFFER, OTHER))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [dead(pid) for pid in pids] == [True, True]


def test_an_interrupt_while_closing_still_ends_all(monkeypatch):
    pool = Pool()
    workers = [pool.worker(SPEC, offer, CASE) for offer in (OFFER, OTHER)]

    def interrupt(*arguments, **fields):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(workers[0]), "request", interrupt)
    with pytest.raises(KeyboardInterrupt):
        pool.close()
    assert [dead(worker.pid) for worker in workers] == [True, True]
