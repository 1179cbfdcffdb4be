"""Leases between real processes; the other process tells its steps by lines, so that nothing waits for a time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_cnnperf.measuring import lease as lease_module
from pytest_cnnperf.measuring.lease import DeviceBusy, core_device, cores, default_directory, lease

ROOT = Path(__file__).resolve().parents[3]
HOLDER = """
import sys
from pathlib import Path
from pytest_cnnperf.measuring.lease import lease
with lease(sys.argv[2:], directory=Path(sys.argv[1])) as taken:
    print(*taken, flush=True)
    sys.stdin.readline()
print("released", flush=True)
"""


@contextmanager
def held_elsewhere(directory: Path, *devices: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds these devices until its stdin says otherwise."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", HOLDER, str(directory), *devices]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().split() == sorted(devices)
            yield process
        finally:
            process.kill()


def test_a_held_device_is_busy_for_another_process_and_the_error_names_the_holder(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path, "cpu-1") as process:
        with (
            pytest.raises(
                DeviceBusy, match=rf"device cpu-1 was busy .* held by process {process.pid};.*ps -fp {process.pid}"
            ),
            lease(["cpu-1"], directory=tmp_path, wait_seconds=0),
        ):
            pass
        with lease(["cpu-0"], directory=tmp_path, wait_seconds=0) as taken:
            assert taken == ("cpu-0",)


def test_a_waiter_gets_the_device_when_its_holder_lets_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_module, "TELL_SECONDS", 0.0)
    told: list[tuple[str, int | None]] = []
    with held_elsewhere(tmp_path, "cpu-1") as process:

        def tell(device: str, holder: int | None, seconds: float) -> None:
            if not told:
                process.stdin.write("\n")  # type: ignore[union-attr]
                process.stdin.flush()  # type: ignore[union-attr]
            told.append((device, holder))

        with lease(["cpu-1"], directory=tmp_path, on_wait=tell, wait_seconds=30) as taken:
            assert taken == ("cpu-1",)
        assert told[0] == ("cpu-1", process.pid)


def test_the_kernel_frees_what_a_killed_process_held(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path, "GPU-a", "GPU-b") as process:
        process.kill()
        process.wait()
        with lease(["GPU-b", "GPU-a"], directory=tmp_path, wait_seconds=0) as taken:
            assert taken == ("GPU-a", "GPU-b")


def test_any_of_several_devices_is_the_one_that_is_free(tmp_path: Path) -> None:
    with (
        held_elsewhere(tmp_path, "cpu-0"),
        lease(["cpu-0", "cpu-1"], count=1, directory=tmp_path, wait_seconds=0) as taken,
    ):
        assert taken == ("cpu-1",)


def test_what_was_taken_is_given_back_when_the_rest_cannot_be_had(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path, "cpu-1"):
        with pytest.raises(DeviceBusy), lease(["cpu-0", "cpu-1"], directory=tmp_path, wait_seconds=0):
            pass
        with lease(["cpu-0"], directory=tmp_path, wait_seconds=0):
            pass


def test_processes_that_want_the_same_two_devices_never_hold_one_each(tmp_path: Path) -> None:
    program = HOLDER.replace("sys.stdin.readline()", "pass")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    orders = (("cpu-0", "cpu-1"), ("cpu-1", "cpu-0"), ("cpu-1", "cpu-0"))
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path), *order], stdout=-1, text=True, env=environment)
        for order in orders
    ]
    assert [process.communicate(timeout=60)[0].split() for process in processes] == [["cpu-0", "cpu-1", "released"]] * 3


def test_more_devices_than_there_are_is_refused_at_once(tmp_path: Path) -> None:
    told = "3 devices asked for, but there are only 1: GPU-a"
    with pytest.raises(DeviceBusy, match=told), lease(["GPU-a"], count=3, directory=tmp_path):
        pass


def test_the_holders_record_is_never_cut(tmp_path: Path) -> None:
    path = tmp_path / "cpu-0.lock"
    path.write_text("123456789012".ljust(23) + "\n")
    with lease(["cpu-0"], directory=tmp_path, wait_seconds=0):
        assert path.read_text().strip() == str(os.getpid())
        assert path.stat().st_size == 24


def test_a_lease_ends_with_an_error_inside_it(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), lease(["cpu-0"], directory=tmp_path, wait_seconds=0):
        raise KeyboardInterrupt
    with lease(["cpu-0"], directory=tmp_path, wait_seconds=0):
        pass


def test_all_runs_of_a_user_share_a_directory_that_is_his(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert default_directory() == default_directory() == tmp_path / f"pytest-cnnperf-{os.getuid()}" / "leases"
    mine = os.getuid()
    (tmp_path / f"pytest-cnnperf-{mine + 1}").mkdir()
    monkeypatch.setattr("os.getuid", lambda: mine + 1)
    with pytest.raises(DeviceBusy, match="set TMPDIR to another directory"):
        default_directory()


def test_cores_are_those_that_this_process_may_use() -> None:
    assert set(cores()) == os.sched_getaffinity(0)
    assert core_device(3) == "cpu-3"
