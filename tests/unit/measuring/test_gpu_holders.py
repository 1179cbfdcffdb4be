"""Whose a process is, by a made-up /proc."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_cnnperf.measuring.gpu.holders import Holders

PYTEST = 100


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """pytest (100) with its worker (101) and that one's child (102), a stranger (300) under init, a run beside us."""
    _process(tmp_path, 1, parent=0)
    _process(tmp_path, PYTEST, parent=1, name="pytest")
    _process(tmp_path, 101, parent=PYTEST, environment="CNNPERF_CPUS=0\0CUDA_VISIBLE_DEVICES=GPU-a")
    _process(tmp_path, 102, parent=101, environment="HOME=/")
    _process(tmp_path, 300, parent=1, environment="CUDA_VISIBLE_DEVICES=GPU-a")
    _process(tmp_path, 400, parent=399, environment="HOME=/\0CNNPERF_CPUS=1\0CUDA_VISIBLE_DEVICES=GPU-b,GPU-c")
    _process(tmp_path, 500, parent=1, inner=7)
    (tmp_path / "version").write_text("not a process")
    return tmp_path


def _process(
    proc: Path, pid: int, *, parent: int, name: str = "python", environment: str = "", inner: int | None = None
) -> None:
    folder = proc / str(pid)
    folder.mkdir()
    numbers = f"{pid}" if inner is None else f"{pid}\t{inner}"
    (folder / "status").write_text(f"Name:\t{name}\nPPid:\t{parent}\nNSpid:\t{numbers}\n")
    (folder / "environ").write_text(environment)
    (folder / "comm").write_text(f"{name}\n")


@pytest.mark.parametrize(("pid", "is_own"), [(PYTEST, True), (101, True), (102, True), (300, False), (500, False)])
def test_descendants_of_this_run_are_its_own(proc: Path, pid: int, is_own: bool) -> None:
    assert Holders(frozenset({PYTEST}), proc=proc).is_own(pid) is is_own


def test_a_worker_of_another_run_keeps_the_leases_and_is_no_stranger(proc: Path) -> None:
    assert Holders(frozenset({PYTEST}), proc=proc).is_own(400)


def test_a_worker_in_a_container_is_known_by_its_number_there(proc: Path) -> None:
    assert Holders(frozenset({PYTEST}), frozenset({7}), proc=proc).is_own(500)


def test_a_stranger_here_is_not_ours_for_having_the_number_of_a_worker_in_a_container(proc: Path) -> None:
    assert not Holders(frozenset({PYTEST}), frozenset({300}), proc=proc).is_own(300)


def test_a_process_that_is_gone_is_nobodys(proc: Path) -> None:
    gone = Holders(frozenset({PYTEST}), proc=proc)
    assert not gone.exists(999)
    assert not gone.is_own(999)
    assert not gone.is_stranger(999)
    assert gone.name(999) == ""


def test_a_worker_of_ours_that_ends_while_it_is_looked_at_is_no_stranger(
    proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([True, False])
    monkeypatch.setattr(Holders, "exists", lambda self, pid: next(answers))
    assert not Holders(frozenset({PYTEST}), proc=proc).is_stranger(999)


def test_a_living_process_of_nobody_is_a_stranger(proc: Path) -> None:
    assert Holders(frozenset({PYTEST}), proc=proc).is_stranger(300)
    assert not Holders(frozenset({PYTEST}), proc=proc).is_stranger(102)


def test_names_are_the_short_ones_of_the_kernel(proc: Path) -> None:
    assert Holders(frozenset({PYTEST}), proc=proc).name(PYTEST) == "pytest"


@pytest.mark.parametrize(("uuid", "pids"), [("GPU-a", {101}), ("GPU-c", {400}), ("GPU-d", set())])
def test_workers_are_found_by_the_gpu_that_they_were_started_on(proc: Path, uuid: str, pids: set[int]) -> None:
    assert set(Holders(frozenset({PYTEST}), proc=proc).may_hold(uuid)) == pids


def test_where_a_sandbox_does_not_tell_the_environment_every_child_of_ours_may_hold_memory(proc: Path) -> None:
    (proc / "101" / "environ").unlink()
    (proc / "300" / "environ").unlink()
    assert 101 in Holders(frozenset({PYTEST}), proc=proc).may_hold("GPU-a")
    assert 300 not in Holders(frozenset({PYTEST}), proc=proc).may_hold("GPU-a")


def test_without_proc_nothing_can_be_excluded(tmp_path: Path) -> None:
    assert Holders(frozenset({PYTEST}), proc=tmp_path / "none").may_hold("GPU-a") == (PYTEST,)


def test_this_process_may_hold_memory_once_it_has_loaded_cuda(proc: Path) -> None:
    (proc / str(PYTEST) / "maps").write_text("7f00-7f01 r-xp 0 00:00 1 /usr/lib/libcuda.so.570.1\n")
    assert PYTEST in Holders(frozenset({PYTEST}), proc=proc).may_hold("GPU-d")
