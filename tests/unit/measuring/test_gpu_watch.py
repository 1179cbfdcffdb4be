"""A watch over made-up GPUs: who computes there, and what spoils a batch."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from pytest_cnnperf.measuring.gpu.holders import Holders
from pytest_cnnperf.measuring.gpu.state import GpuProcess, GpuState
from pytest_cnnperf.measuring.gpu.watch import SETTLE_SECONDS, GpuBusy, Watch

OURS, WORKER, STRANGER, ELSEWHERE = 100, 101, 4711, 88_812
GIB = 2**30
FREE = GpuState("GPU-a", sm_mhz=1980, reasons=1, utilisation=0, memory_used_bytes=600 * 2**20)


@dataclass
class World:
    """GPUs whose states follow each other (the last one stays), and a clock that only waiting moves."""

    states: list[GpuState]
    proc: Path
    now_seconds: float = 50.0
    slept: list[float] = field(default_factory=list)

    def look(self) -> tuple[GpuState, ...]:
        return (self.states.pop(0) if len(self.states) > 1 else self.states[0],)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_seconds += seconds

    @property
    def watch(self) -> Watch:
        def holders() -> Holders:
            return Holders(frozenset({OURS}), proc=self.proc)

        return Watch(self.look, holders, now=lambda: self.now_seconds, sleep=self.sleep)


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    for pid, parent, environment in ((OURS, 1, ""), (STRANGER, 1, "")):
        folder = tmp_path / str(pid)
        folder.mkdir()
        (folder / "status").write_text(f"PPid:\t{parent}\n")
        (folder / "environ").write_text(environment)
        (folder / "comm").write_text("python\n")
    return tmp_path


def start_worker(proc: Path) -> None:
    (proc / str(WORKER)).mkdir()
    (proc / str(WORKER) / "status").write_text(f"PPid:\t{OURS}\n")
    (proc / str(WORKER) / "environ").write_text("CNNPERF_CPUS=0\0CUDA_VISIBLE_DEVICES=GPU-a")


def used_by(*pids: int, memory_bytes: int | None = GIB, **numbers: int) -> GpuState:
    return replace(FREE, processes=tuple(GpuProcess(pid, memory_bytes) for pid in pids), **numbers)


def test_a_free_gpu_is_free_at_once(proc: Path) -> None:
    world = World([FREE], proc)
    world.watch.check_free()
    assert world.slept == []


def test_a_stranger_is_named_with_its_memory_and_what_to_type(proc: Path) -> None:
    world = World([used_by(STRANGER, memory_bytes=int(12.3 * GIB))], proc)
    with pytest.raises(GpuBusy, match=r"GPU-a is used by process 4711 \(python, 12\.3 GiB\).*; next: ps -fp 4711"):
        world.watch.check_free()


def test_a_stranger_whose_memory_nobody_tells_is_named_all_the_same(proc: Path) -> None:
    with pytest.raises(GpuBusy, match=r"process 4711 \(python, memory unknown\)"):
        World([used_by(STRANGER, memory_bytes=None)], proc).watch.check_free()


def test_our_own_worker_is_no_stranger_however_busy_it_just_was(proc: Path) -> None:
    start_worker(proc)
    world = World([used_by(WORKER, utilisation=100, memory_used_bytes=2 * GIB)], proc)
    world.watch.check_free()
    # NVML names our process and no other: nothing is hidden, and utilisation is our own of a moment ago.
    assert world.slept == []


def test_memory_that_our_processes_do_not_account_for_is_somebody_elses(proc: Path) -> None:
    start_worker(proc)
    with pytest.raises(GpuBusy, match=r"GPU-a has 8\.0 GiB of memory in use that nobody of this run holds"):
        World([used_by(WORKER, memory_used_bytes=9 * GIB)], proc).watch.check_free()


def test_memory_is_no_evidence_where_our_share_of_it_is_not_told(proc: Path) -> None:
    start_worker(proc)
    World([used_by(WORKER, memory_bytes=None, memory_used_bytes=9 * GIB)], proc).watch.check_free()


def test_work_of_a_moment_ago_is_given_time_to_leave_the_utilisation(proc: Path) -> None:
    world = World([replace(FREE, utilisation=100), replace(FREE, utilisation=60), FREE], proc)
    world.watch.check_free()
    assert 0 < sum(world.slept) < SETTLE_SECONDS


def test_a_gpu_that_stays_busy_while_nobody_of_ours_computes_is_told_in_percent(proc: Path) -> None:
    world = World([replace(FREE, utilisation=97)], proc)
    with pytest.raises(GpuBusy, match=r"GPU-a is 97 % busy while this run computes nothing on it.*next: nvidia-smi"):
        world.watch.check_free()
    assert sum(world.slept) == pytest.approx(SETTLE_SECONDS, abs=0.1)


def test_processes_of_another_namespace_are_no_evidence_themselves(proc: Path) -> None:
    World([used_by(ELSEWHERE)], proc).watch.check_free()


def test_where_processes_cannot_be_seen_memory_is_the_evidence_and_they_are_named(proc: Path) -> None:
    world = World([used_by(ELSEWHERE, memory_used_bytes=40 * GIB)], proc)
    with pytest.raises(GpuBusy, match=r"40\.0 GiB .*NVML names 88812: of another host or container"):
        world.watch.check_free()


def test_in_a_container_memory_may_be_our_own_workers(proc: Path) -> None:
    start_worker(proc)
    World([used_by(ELSEWHERE, memory_used_bytes=40 * GIB)], proc).watch.check_free()


def test_in_a_container_utilisation_is_the_evidence_beside_our_worker(proc: Path) -> None:
    start_worker(proc)
    with pytest.raises(GpuBusy, match="55 % busy"):
        World([used_by(ELSEWHERE, utilisation=55)], proc).watch.check_free()


def test_a_stranger_that_comes_during_a_batch_is_seen_behind_it(proc: Path) -> None:
    watch = World([FREE, used_by(STRANGER)], proc).watch
    watch.recover(1.0)
    with pytest.raises(GpuBusy, match="process 4711"):
        watch.batch()


def test_a_gpu_that_tells_nothing_is_not_called_busy(proc: Path) -> None:
    World([GpuState("GPU-a")], proc).watch.check_free()


@pytest.mark.parametrize(
    ("reasons", "spoils"), [(0, 0), (1, 0), (4, 0), (8, 8), (16, 0), (32, 32), (64, 64), (128, 128), (4 | 64, 64)]
)
@pytest.mark.parametrize("at", ["before", "behind"])
def test_slowdowns_spoil_a_batch_and_a_power_cap_does_not(proc: Path, reasons: int, spoils: int, at: str) -> None:
    slowed = replace(FREE, reasons=reasons)
    watch = World([slowed, FREE] if at == "before" else [FREE, slowed], proc).watch
    watch.recover(0.0)
    assert watch.batch().throttled_by == spoils


@pytest.mark.parametrize(
    ("after", "spoils", "reasons"),
    [
        (((4, 100), (32, 50)), 0, 0),
        (((4, 100), (32, 51)), 32, 32),
        (((4, 900), (32, 50)), 0, 4),
        (((4, 900), (32, 50), (64, 1)), 0, 0),  # a counter that was not told before says nothing
    ],
)
def test_a_slowdown_within_a_batch_is_told_by_counters_though_the_card_is_idle_around_it(
    proc: Path, after: tuple[tuple[int, int], ...], spoils: int, reasons: int
) -> None:
    idle = replace(FREE, reasons=1, counters=((4, 100), (32, 50)))
    watch = World([idle, replace(idle, counters=after)], proc).watch
    watch.recover(0.0)
    batch = watch.batch()
    assert (batch.throttled_by, batch.states[0].reasons) == (spoils, reasons)


def test_counters_rise_from_batch_to_batch_each_for_itself(proc: Path) -> None:
    hot, cool = replace(FREE, counters=((32, 51),)), replace(FREE, counters=((32, 50),))
    watch = World([cool, hot, hot], proc).watch
    watch.recover(0.0)
    assert [watch.batch().throttled_by, watch.batch().throttled_by] == [32, 0]


def test_behind_work_of_ours_utilisation_is_no_evidence_and_nobody_waits(proc: Path) -> None:
    start_worker(proc)
    world = World([used_by(ELSEWHERE, utilisation=97)], proc)
    world.watch.check_free(is_behind=True)
    assert world.slept == []


def test_behind_work_of_ours_memory_and_strangers_are_evidence_as_ever(proc: Path) -> None:
    with pytest.raises(GpuBusy, match=r"40\.0 GiB"):
        World([used_by(ELSEWHERE, memory_used_bytes=40 * GIB)], proc).watch.check_free(is_behind=True)
    with pytest.raises(GpuBusy, match="process 4711"):
        World([used_by(STRANGER)], proc).watch.check_free(is_behind=True)


def test_a_batch_keeps_what_held_the_clocks_down_but_not_that_it_was_idle_in_between(proc: Path) -> None:
    watch = World([replace(FREE, reasons=1), replace(FREE, reasons=4, sm_mhz=1700)], proc).watch
    watch.recover(0.0)
    assert [(each.reasons, each.sm_mhz) for each in watch.batch().states] == [(4, 1700)]


def test_a_gpu_without_reasons_has_unknown_ones_in_its_batch(proc: Path) -> None:
    watch = World([replace(FREE, reasons=None)], proc).watch
    watch.recover(0.0)
    assert watch.batch().states[0].reasons is None


def test_waiting_for_a_throttled_gpu_ends_when_it_has_recovered(proc: Path) -> None:
    hot = replace(FREE, reasons=64)
    world = World([hot, hot, hot, FREE], proc)
    assert world.watch.recover(5.0) == pytest.approx(sum(world.slept))
    assert 0 < sum(world.slept) < 1.0


def test_waiting_for_a_throttled_gpu_ends_with_the_time(proc: Path) -> None:
    world = World([replace(FREE, reasons=64)], proc)
    assert world.watch.recover(0.33) == pytest.approx(0.33)
