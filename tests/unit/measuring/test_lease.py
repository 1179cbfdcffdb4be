"""Leases between real processes; the other process tells its steps by lines, so that nothing waits for a time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_cnnperf.measuring import lease as lease_module
from pytest_cnnperf.measuring.claims import Claim, Place
from pytest_cnnperf.measuring.lease import DeviceBusy, core_device, cores, default_directory, lease

from .conftest import ROOT, held_elsewhere


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
    told: list[tuple[str, int]] = []
    with held_elsewhere(tmp_path, "cpu-1") as process:

        def tell(device: str, holder: int, seconds: float) -> None:
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


# Each line that a process prints is a lease that it has. The marks show that it is alone with its devices.
CROWD = """
import os, random, sys
from pathlib import Path
from pytest_cnnperf.measuring.lease import Leases
folder, count, times, seed, is_marked = Path(sys.argv[1]), *map(int, sys.argv[2:])
print("ready", flush=True)
sys.stdin.readline()
order = random.Random(seed)
leases = Leases(folder, wait_seconds=120)
for _ in range(times):
    devices = ["GPU-a", "GPU-b", "GPU-c"]
    order.shuffle(devices)
    with leases.hold(devices, count=count) as taken:
        marks = [folder / f"{device}.mark" for device in taken if is_marked]
        for mark in marks:
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
        print(*taken, flush=True)
        for mark in marks:
            mark.unlink()
"""


@contextmanager
def begun_together(program: str, arguments: Iterable[Sequence[object]]) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that all stand at their first lease before the first of them asks for it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with ExitStack() as ended:
        processes = []
        for each in arguments:
            command = [sys.executable, "-c", program, *map(str, each)]
            process = ended.enter_context(subprocess.Popen(command, stdin=-1, stdout=-1, text=True, env=environment))
            ended.callback(process.kill)
            processes.append(process)
        for process in processes:
            assert lines(process, 1) == ["ready"]
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        yield processes


def lines(process: subprocess.Popen[str], count: int) -> list[str]:
    """The next lines that it prints."""
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(count)]


def test_many_processes_that_want_one_or_more_of_three_devices_all_get_them_and_nobody_shares(tmp_path: Path) -> None:
    counts = (1, 1, 2, 2, 3)
    with begun_together(CROWD, [(tmp_path, count, 6, seed, 1) for seed, count in enumerate(counts)]) as processes:
        got = [lines(process, 6) for process in processes]
        assert [process.wait(timeout=60) for process in processes] == [0] * 5
    assert [[len(line.split()) for line in each] for each in got] == [[count] * 6 for count in counts]


def test_the_others_go_on_when_some_are_killed_while_they_hold_or_wait(tmp_path: Path) -> None:
    counts = (2, 1, 1, 3, 2, 1)
    with begun_together(CROWD, [(tmp_path, count, 10_000, seed, 0) for seed, count in enumerate(counts)]) as processes:
        for victim in (processes[0], processes[3]):
            lines(victim, 2)
            victim.kill()  # holding, waiting or between: as chance will have it
        for survivor in (processes[1], processes[2], processes[4], processes[5]):
            assert all(line.startswith("GPU-") for line in lines(survivor, 20))


def test_who_asks_again_at_once_does_not_overtake_those_who_wait(tmp_path: Path) -> None:
    asked = Claim(1, ("cpu-0",), 1)
    places = {name: Place(tmp_path, asked) for name in "xyz"}
    order = ""
    for _ in range(15):
        # Those served last look first, so nothing but the queue makes them wait.
        looking = sorted(places, key=order.rfind, reverse=True)
        [served] = [name for name in looking if places[name].take()]
        order += served
        places[served].leave()
        places[served] = Place(tmp_path, asked)
    assert order == "xyz" * 5


def test_a_waiter_for_both_devices_is_not_overtaken_by_those_for_one(tmp_path: Path) -> None:
    both = Place(tmp_path, Claim(1, ("cpu-0", "cpu-1"), 2))
    with pytest.raises(DeviceBusy), lease(["cpu-1"], directory=tmp_path, wait_seconds=0):
        pass
    assert both.take() == ("cpu-0", "cpu-1")
    both.leave()


def test_a_waiter_does_not_keep_others_from_a_device_that_it_does_not_want(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path, "cpu-1"):
        waiting = Place(tmp_path, Claim(1, ("cpu-1",), 1))
        assert waiting.take() == ()
        with lease(["cpu-0"], directory=tmp_path, wait_seconds=0) as taken:
            assert taken == ("cpu-0",)
        waiting.leave()


def test_a_long_wait_is_told_at_ever_longer_intervals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    clock = SimpleNamespace(monotonic=lambda: now, sleep=sleep)
    monkeypatch.setattr(lease_module, "time", clock)
    told: list[int] = []
    with held_elsewhere(tmp_path, "cpu-1"):
        late = lease(["cpu-1"], directory=tmp_path, wait_seconds=200, on_wait=lambda *said: told.append(round(said[2])))
        with pytest.raises(DeviceBusy, match="was busy for 200 s"), late:
            pass
    assert told == [2, 4, 8, 16, 32, 64, 124, 184]


def test_more_devices_than_there_are_is_refused_at_once(tmp_path: Path) -> None:
    told = "3 devices asked for, but there are only 1: GPU-a"
    with pytest.raises(DeviceBusy, match=told), lease(["GPU-a"], count=3, directory=tmp_path):
        pass


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
