"""Every way in which a worker goes wrong: a clear error or a result to be judged, and no process left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from pytest_cnnperf.cases import Clock, Problem
from pytest_cnnperf.errors import NotOffered, WorkerFailed, WorkerRefused
from pytest_cnnperf.host import remote
from pytest_cnnperf.worker import wire

PROBLEM = Problem(1, 2, 6, 6, 3, 3, 3)
PLAN = {"samples": 2, "warmup": 1, "repeats": 1, "control_units": 1, "clock": Clock.PROCESS_CPU, "flip": False}
OUTPUT_FAULTS = {
    "nan": lambda first, last: np.isnan(last).sum() == 1,
    "wrong_shape": lambda first, last: last.shape == (1, 3, 4, 3),
    "wrong_value": lambda first, last: (last == first * np.float32(1.01)).all(),
}


@pytest.fixture
def prepare(case_of, operands_of):
    case = case_of(PROBLEM)

    def prepare_on(worker, *, deadline_seconds=20.0):
        return remote.prepare(worker, case, operands_of(case), deadline_seconds=deadline_seconds)

    return prepare_on


def gone(group):
    """Whether no process of this group runs, at the latest two seconds from now; a zombie waits for init only."""
    for _ in range(200):
        if not running(group):
            return True
        time.sleep(0.01)
    return False


def running(group):
    states = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended meanwhile
            # pid (name) state parent group …; the name may hold blanks and brackets.
            state, _, process_group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(process_group) == group and state != "Z":
                states.append(state)
    return states


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("crash", ["ended by SIGABRT", "fake: about to abort"]),
        ("killed", ["ended by SIGKILL", "memory runs out"]),
        ("exit", ["exit status 3"]),
        ("garbage_on_wire", ["no frame of the wire"]),
    ],
)
@pytest.mark.parametrize("at", ["prepare", "time"])
def test_a_worker_that_ends_or_breaks_the_wire_fails_with_its_case_and_its_last_words(
    start_fake, prepare, case_of, fault, told, at
):
    worker = start_fake(fault=fault, at=at)
    with pytest.raises(WorkerFailed) as caught:
        prepare(worker).time(**PLAN)
    text = str(caught.value)
    for part in [*told, f"request '{at}'", case_of(PROBLEM).key, "worker fake", "next: "]:
        assert part in text
    assert not worker.alive
    assert gone(worker.pid)


@pytest.mark.parametrize("at", ["prepare", "time"])
def test_a_worker_that_hangs_is_ended_at_its_deadline(start_fake, prepare, at):
    worker = start_fake(fault="hang", at=at, workload_ns=1000, control_ns=1000)
    with pytest.raises(WorkerFailed, match=r"no answer within 0\.5") as caught:
        prepare(worker, deadline_seconds=0.5).time(**PLAN)
    assert "fake: hanging" in str(caught.value)
    assert gone(worker.pid)


@pytest.mark.parametrize("fault", ["crash", "exit", "garbage_on_wire"])
def test_a_worker_that_fails_at_its_start_is_told_and_gone(start_fake, fault):
    with pytest.raises(WorkerFailed, match="request 'hello'"):
        start_fake(fault=fault, at="hello")


def test_garbage_on_stdout_is_harmless(start_fake, prepare, case_of, operands_of, by_definition):
    for at in ("hello", "prepare", "time"):
        prepared = prepare(start_fake(fault="garbage_on_stdout", at=at))
        assert len(prepared.time(**PLAN).workload_ns) == 2
        case = case_of(PROBLEM)
        np.testing.assert_array_equal(prepared.last_output(), by_definition(case, operands_of(case)))


@pytest.mark.parametrize("fault", OUTPUT_FAULTS)
def test_a_wrong_output_passes_through_to_be_judged(start_fake, prepare, case_of, operands_of, by_definition, fault):
    right = by_definition(case_of(PROBLEM), operands_of(case_of(PROBLEM))).astype(np.float32)
    assert OUTPUT_FAULTS[fault](right, prepare(start_fake(fault=fault)).output)
    prepared = prepare(start_fake(fault=fault, at="time"))
    np.testing.assert_array_equal(prepared.output, right)
    prepared.time(**PLAN)
    assert OUTPUT_FAULTS[fault](right, prepared.last_output())


def test_a_flip_turns_the_output_around_and_a_stale_output_does_not_follow(start_fake, prepare):
    honest, stale = prepare(start_fake()), prepare(start_fake(fault="stale"))
    for prepared in (honest, stale):
        prepared.time(**{**PLAN, "flip": True})
    np.testing.assert_array_equal(honest.last_output(), -honest.output)
    np.testing.assert_array_equal(stale.last_output(), stale.output)
    honest.time(**{**PLAN, "flip": True})
    np.testing.assert_array_equal(honest.last_output(), honest.output)


@pytest.mark.parametrize(
    ("fault", "error", "told"),
    [
        ("not_offered", NotOffered, "scripted: this case is not offered"),
        ("raise", WorkerRefused, "RuntimeError: scripted: the framework raised"),
        ("out_of_memory", WorkerRefused, "out of memory: scripted"),
    ],
)
@pytest.mark.parametrize("at", ["prepare", "time"])
def test_an_error_of_the_adapter_is_an_answer_and_the_worker_lives_on(start_fake, prepare, fault, error, told, at):
    worker = start_fake(fault=fault, at=at)
    with pytest.raises(error, match=told) as caught:
        prepare(worker).time(**PLAN)
    if error is WorkerRefused:
        assert "Traceback" in str(caught.value)
        assert "fake.py" in str(caught.value)
    assert worker.alive
    worker.request("release", deadline_seconds=20)


def test_a_framework_that_is_missing_is_told_with_its_import_error(start, tmp_path):
    adapter = tmp_path / "absent.py"
    adapter.write_text("import no_such_framework\n")
    with pytest.raises(WorkerRefused, match="ModuleNotFoundError: No module named 'no_such_framework'"):
        start(adapter)


def test_an_interpreter_that_is_missing_is_told(start):
    with pytest.raises(WorkerFailed, match="cannot start '/no/such/python'"):
        start("fake", command=("/no/such/python",))


def test_an_interpreter_without_numpy_is_told_with_its_last_words(start):
    with pytest.raises(WorkerFailed, match="No module named 'numpy'"):
        start("fake", command=(sys.executable, "-S", "-E"))


def test_another_wire_version_is_refused_by_the_worker(start, monkeypatch):
    monkeypatch.setattr(wire, "WIRE_VERSION", 2)
    with pytest.raises(WorkerRefused, match="wire version 2 asked, this worker speaks 1"):
        start("fake")


@pytest.mark.parametrize(
    ("request_", "fields", "told"),
    [
        ("dance", {}, "request 'dance'; known: estimate, exit, hello"),
        ("time", {**PLAN, "clock": "process_cpu"}, "no case is prepared"),
        ("estimate", {"clock": "process_cpu"}, "no case is prepared"),
        ("output", {}, "no case is prepared"),
        ("prepare", {"case": {}}, "without a usable field"),
        ("time", {**PLAN, "clock": "process_cpu", "samples": 0}, "samples=0 must be an integer of at least 1"),
        ("time", {**PLAN, "clock": "process_cpu", "repeats": "2"}, "repeats='2' must be an integer"),
    ],
)
def test_a_request_that_cannot_be_served_is_a_refusal(start_fake, request_, fields, told):
    worker = start_fake()
    with pytest.raises(WorkerRefused, match=told):
        worker.request(request_, deadline_seconds=20, **fields)
    assert worker.alive


def test_operands_of_another_shape_are_refused(start_fake, case_of, operands_of):
    case = case_of(PROBLEM)
    operands = {**operands_of(case), "w": np.zeros((1, 1, 1, 1), np.float32)}
    with pytest.raises(WorkerRefused, match=r"operands .*'w': \(1, 1, 1, 1\).*; expected .*'w': \(3, 2, 3, 3\)"):
        remote.prepare(start_fake(), case, operands, deadline_seconds=20)


def test_a_device_clock_is_not_offered_by_an_adapter_without_one(start, prepare):
    with pytest.raises(NotOffered, match="no device clock"):
        prepare(start("numpy")).estimate(Clock.DEVICE_COLD)


def test_a_closed_worker_is_gone_and_says_so(start_fake):
    worker = start_fake()
    worker.close()
    assert gone(worker.pid)
    assert not worker.alive
    with pytest.raises(WorkerFailed, match="has ended"):
        worker.request("peak", deadline_seconds=1)
    worker.close()


def test_closing_ends_the_children_of_a_worker_too(start, tmp_path):
    adapter = tmp_path / "parent.py"
    adapter.write_text(
        "import subprocess, sys\n"
        "class Adapter:\n"
        "    def info(self):\n"
        "        child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "        return {'framework': 'parent', 'version': '1', 'libraries': {}}\n"
        "    def close(self):\n        pass\n"
    )
    worker = start(adapter)
    worker.close()
    assert gone(worker.pid)


HOST = """
import sys
from pathlib import Path
from pytest_cnnperf.host.process import Worker
worker = Worker.start((), Path(sys.argv[1]), environment={}, cpus=(), name="hanging")
print(worker.pid, flush=True)
worker.request("peak", deadline_seconds=600)
"""


def test_a_worker_that_hangs_is_gone_when_its_host_is_killed(tmp_path):
    adapter, hanging = tmp_path / "hanging.py", tmp_path / "now"
    adapter.write_text(
        "import time\nclass Adapter:\n"
        "    def info(self):\n        return {'framework': 'hanging', 'version': '1', 'libraries': {}}\n"
        f"    def flops_per_second(self):\n        open({str(hanging)!r}, 'w').close()\n        time.sleep(600)\n"
    )
    root = str(Path(remote.__file__).parents[2])
    command = [sys.executable, "-c", HOST, str(adapter)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": root}) as host:
        assert host.stdout is not None
        group = int(host.stdout.readline())
        while not hanging.exists():
            assert host.poll() is None
            time.sleep(0.01)
        host.send_signal(signal.SIGKILL)
    assert gone(group)


def test_a_host_interrupted_in_the_middle_of_a_request_leaves_no_worker(start_fake, prepare, monkeypatch):
    prepared = prepare(start_fake())

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(wire, "decode", interrupt)
    with pytest.raises(KeyboardInterrupt):
        prepared.last_output()
    assert gone(prepared.worker.pid)


def test_stderr_of_any_length_is_drained_and_its_end_is_kept(start, tmp_path):
    adapter = tmp_path / "chatty.py"
    adapter.write_text(
        "import os, sys\nsys.stderr.write('x' * 300000 + 'the very end')\nsys.stderr.flush()\nos._exit(1)\n"
    )
    with pytest.raises(WorkerFailed, match="xthe very end") as caught:
        start(adapter)
    assert len(str(caught.value)) < 10_000


def test_the_hosts_python_path_does_not_reach_the_worker(start, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    adapter = tmp_path / "path.py"
    adapter.write_text(
        "import os, sys\nclass Adapter:\n"
        "    def info(self):\n        return {'path': sys.path, 'again': os.environ.get('PYTHONPATH')}\n"
        "    def close(self):\n        pass\n"
    )
    hello = start(adapter).hello
    assert hello["again"] is None
    assert str(tmp_path) not in hello["path"]
    assert not any("adapters" in entry or entry.endswith("worker") for entry in hello["path"])
