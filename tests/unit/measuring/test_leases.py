"""Leases of one process that follow each other, lie inside each other, or meet a fork or an interrupt."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_cnnperf.measuring import lease as lease_module
from pytest_cnnperf.measuring.lease import DeviceBusy, Leases, lease

from .conftest import ROOT, held_elsewhere


def test_leases_that_follow_each_other_keep_one_file_until_they_are_closed(tmp_path: Path) -> None:
    leases = Leases(tmp_path)
    for devices in (["cpu-0"], ["cpu-1", "cpu-0"]):
        with leases.hold(devices) as taken:
            assert taken == tuple(sorted(devices))
        with lease(devices, directory=tmp_path, wait_seconds=0):
            pass
        assert [path.name for path in tmp_path.glob("*.claim")] == ["00000001.claim"]
    leases.close()
    assert not list(tmp_path.glob("*.claim"))


def test_a_lease_inside_another_has_a_place_of_its_own(tmp_path: Path) -> None:
    leases = Leases(tmp_path, wait_seconds=0)
    with leases.hold(["GPU-a"]), leases.hold(["cpu-0"]):
        assert len(list(tmp_path.glob("*.claim"))) == 2
    with leases.hold(["cpu-0"]), leases.hold(["GPU-a"]), pytest.raises(DeviceBusy), leases.hold(["GPU-a"]):
        pass
    leases.close()
    assert not list(tmp_path.glob("*.claim"))


def test_a_forked_child_keeps_nothing_of_what_its_killed_parent_held(tmp_path: Path) -> None:
    code = """
import os, sys, time
from pathlib import Path
from pytest_cnnperf.measuring.lease import Leases
leases = Leases(Path(sys.argv[1]))
with leases.hold(["cpu-0"]):
    pass
with leases.hold(["cpu-0"]):
    if not os.fork():
        print(os.getpid(), flush=True)
        time.sleep(600)
    sys.stdin.readline()
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=-1, stdout=-1, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        try:
            with pytest.raises(DeviceBusy), lease(["cpu-0"], directory=tmp_path, wait_seconds=0):
                pass
            parent.kill()
            parent.wait()
            with lease(["cpu-0"], directory=tmp_path, wait_seconds=0) as taken:
                assert taken == ("cpu-0",)
        finally:
            parent.kill()
            os.kill(child, signal.SIGKILL)


def test_an_interrupt_while_waiting_leaves_no_wish_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leases = Leases(tmp_path)

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with held_elsewhere(tmp_path, "cpu-1") as process:
        with leases.hold(["cpu-0"]):
            pass
        monkeypatch.setattr(lease_module.time, "sleep", interrupt)
        with pytest.raises(KeyboardInterrupt), leases.hold(["cpu-1"]):
            pass
        monkeypatch.undo()
        process.kill()
        process.wait()
        with lease(["cpu-1"], directory=tmp_path, wait_seconds=0) as taken:
            assert taken == ("cpu-1",)
    leases.close()
    assert not list(tmp_path.glob("*.claim"))
