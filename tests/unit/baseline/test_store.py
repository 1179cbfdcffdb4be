"""The store: what is written is found, nothing stored is ever lost."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_cnnperf.baseline import Baselines, Entry, Written
from pytest_cnnperf.cases import Case, Clock, DeviceKind
from pytest_cnnperf.errors import BaselineError
from pytest_cnnperf.measuring.between_visits import LEAST_OF_ONE_RUN, PRIOR_SPREAD, Floor
from pytest_cnnperf.measuring.machine import Machine

ROOT = Path(__file__).resolve().parents[3]
MakeEntry = Callable[..., Entry]


def files_of(baselines: Baselines) -> list[str]:
    return sorted(path.relative_to(baselines.directory).as_posix() for path in baselines.directory.glob("*/*.json"))


def test_what_is_written_is_found_by_another_run(baselines: Baselines, make_entry: MakeEntry) -> None:
    entry = make_entry()
    written = baselines.write([entry])
    path = baselines.directory / "amd-epyc-2-cores" / "torch.convolution.alexnet.json"
    assert written == Written((path,), added=1, changed=0)
    assert baselines.find(entry.key) == entry
    assert Baselines.open(baselines.directory, baselines.machine).find(entry.key) == entry


def test_nothing_is_found_and_nothing_made_where_nothing_is_stored(baselines: Baselines, make_entry: MakeEntry) -> None:
    assert baselines.find(make_entry().key) is None
    assert baselines.foreign(make_entry().key) is None
    assert baselines.load_all() == {}
    assert not baselines.directory.exists()


def test_each_framework_workload_and_network_has_its_file_whatever_the_name(
    baselines: Baselines, make_entry: MakeEntry
) -> None:
    baselines.write([make_entry(), make_entry(framework="numpy"), make_entry(network="../a b/ü-1")])
    assert files_of(baselines) == [
        "amd-epyc-2-cores/numpy.convolution.alexnet.json",
        "amd-epyc-2-cores/torch.convolution...%2Fa%20b%2F%C3%BC%2D1.json",
        "amd-epyc-2-cores/torch.convolution.alexnet.json",
    ]
    assert all(path.parent.parent == baselines.directory for path in map(baselines.path_for, baselines.load_all()))
    assert len(Baselines.open(baselines.directory, baselines.machine).load_all()) == 3


def test_a_write_keeps_other_cases_and_counts_what_it_did(baselines: Baselines, make_entry: MakeEntry) -> None:
    baselines.write([make_entry("conv1"), make_entry("conv2")])
    again = make_entry("conv2", workload_ns=(1, 2, 3))
    written = Baselines.open(baselines.directory, baselines.machine).write([again, make_entry("conv3")])
    assert (written.added, written.changed) == (1, 1)
    fresh = Baselines.open(baselines.directory, baselines.machine)
    assert fresh.find(make_entry("conv1").key) == make_entry("conv1")
    assert fresh.find(again.key) == again


def test_an_entry_is_added_to_the_runs_of_its_case(baselines: Baselines, make_entry: MakeEntry) -> None:
    baselines.write([make_entry("conv1"), make_entry("conv2")])
    again = make_entry("conv2", workload_ns=(6_000_000,) * 3)
    written = baselines.add([again, make_entry("conv3")])
    assert (written.added, written.changed, written.unlike) == (1, 1, {})
    stored = Baselines.open(baselines.directory, baselines.machine).load_all()
    assert [len(entry.samples.runs) for entry in stored.values()] == [1, 2, 1]
    assert stored[again.key] == make_entry("conv2").with_run(again)


@pytest.mark.parametrize("earlier", [1, 2, 3])
def test_the_same_run_is_added_once_however_often_it_is_written(
    baselines: Baselines, make_entry: MakeEntry, earlier: int
) -> None:
    """As by a run whose first write failed behind the first of its files."""
    for number in range(earlier):
        baselines.add([make_entry(workload_ns=(5_000_000 + number,) * 60)])
    again = make_entry(workload_ns=tuple(range(6_000_000, 6_000_060)))
    assert baselines.add([again]).changed == 1
    assert baselines.add([again]) == Written((), 0, 0)
    (entry,) = baselines.load_all().values()
    assert len(entry.samples.runs) == min(3, earlier + 1)


def test_an_unlike_entry_is_not_added_and_what_is_stored_stays(baselines: Baselines, make_entry: MakeEntry) -> None:
    baselines.write([make_entry()])
    other = replace(make_entry(), versions={"torch": "2.14.0"})
    written = baselines.add([other])
    assert written == Written((), 0, 0, unlike={other.key: "versions"})
    assert baselines.find(other.key) == make_entry()


def test_the_floor_between_visits_knows_the_runs_apart(baselines: Baselines, make_entry: MakeEntry) -> None:
    steady = (5_000_000, 5_010_000, 4_990_000)
    entries = [make_entry(layer, workload_ns=steady, rounds=4) for layer in ("conv1", "conv2", "conv3")]
    baselines.write(entries)
    alone = baselines.floor("torch").visits
    baselines.add(
        make_entry(layer, workload_ns=tuple(2 * ns for ns in steady), rounds=4) for layer in ("conv1", "conv2")
    )
    # What two runs differ by is nothing between visits.
    assert baselines.floor("torch").visits <= alone


def test_a_run_that_read_before_another_wrote_does_not_undo_its_write(
    baselines: Baselines, make_entry: MakeEntry
) -> None:
    slow_run, quick_run = (Baselines.open(baselines.directory, baselines.machine) for _ in range(2))
    assert slow_run.find(make_entry("conv1").key) is None
    quick_run.write([make_entry("conv1")])
    slow_run.write([make_entry("conv2")])
    assert len(baselines.load_all()) == 2


def test_writing_what_is_stored_already_writes_nothing(baselines: Baselines, make_entry: MakeEntry) -> None:
    baselines.write([make_entry()])
    assert baselines.write([make_entry()]) == Written((), 0, 0)
    assert baselines.write([]) == Written((), 0, 0)


def test_another_machines_entry_is_foreign_and_never_found(baselines: Baselines, make_entry: MakeEntry) -> None:
    other = Baselines.open(baselines.directory, replace(baselines.machine, cores=64))
    other.write([make_entry()])
    assert baselines.find(make_entry().key) is None
    assert baselines.foreign(make_entry().key) == "amd-epyc-64-cores"
    assert baselines.foreign(make_entry("conv5").key) is None
    assert other.foreign(make_entry().key) is None


def test_a_broken_foreign_file_is_nobodys_error(baselines: Baselines, make_entry: MakeEntry) -> None:
    path = baselines.directory / "elsewhere" / "torch.convolution.alexnet.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\xff\xfe")
    assert baselines.foreign(make_entry().key) is None


def test_gpu_and_cpu_times_lie_in_folders_of_their_own(
    baselines: Baselines, make_entry: MakeEntry, machine: Machine
) -> None:
    with_gpu = Baselines.open(baselines.directory, replace(machine, gpus=("NVIDIA H200",)))
    entry = make_entry()
    case = replace(Case.parse(entry.key), device_kind=DeviceKind.CUDA, clock=Clock.DEVICE_COLD)
    gpu_entry = replace(entry, key=case.key, clock=case.clock)
    written = with_gpu.write([entry, gpu_entry])
    assert [path.parent.name for path in written.files] == ["amd-epyc-2-cores", "nvidia-h200-x1"]
    assert set(Baselines.open(baselines.directory, with_gpu.machine).load_all()) == {entry.key, gpu_entry.key}


def test_a_broken_file_is_an_error_only_for_its_own_cases(baselines: Baselines, make_entry: MakeEntry) -> None:
    numpy = make_entry(framework="numpy")
    baselines.write([make_entry(), numpy])
    baselines.path_for(make_entry().key).write_text("{", encoding="utf-8")
    fresh = Baselines.open(baselines.directory, baselines.machine)
    assert fresh.find(numpy.key) == numpy
    for broken in (lambda: fresh.find(make_entry().key), fresh.load_all):
        with pytest.raises(BaselineError, match=r"torch\.convolution\.alexnet\.json:1: the file is truncated"):
            broken()
    assert fresh.floor("torch") == Floor(one_run=LEAST_OF_ONE_RUN)


@pytest.mark.parametrize("content", [b"", b"{", b"<<<<<<< HEAD\n{}", b'{"schema": 9}', b"\xff\xfe\x00"])
def test_a_broken_file_is_never_overwritten(baselines: Baselines, make_entry: MakeEntry, content: bytes) -> None:
    path = baselines.path_for(make_entry().key)
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(BaselineError, match=str(path)):
        baselines.write([make_entry(), make_entry(framework="numpy")])
    assert path.read_bytes() == content
    assert files_of(baselines) == [f"{path.parent.name}/{path.name}"]


@pytest.mark.parametrize("where", ["directory", "machine"])
def test_a_directory_that_is_a_file_cannot_be_written_and_says_so(
    baselines: Baselines, make_entry: MakeEntry, where: str
) -> None:
    in_the_way = baselines.directory if where == "directory" else baselines.directory / baselines.machine.slug
    in_the_way.parent.mkdir(parents=True, exist_ok=True)
    in_the_way.write_text("precious", encoding="utf-8")
    with pytest.raises(BaselineError, match=r"cannot be (written|read) \(.*\).*--cnnperf-baselines DIR"):
        baselines.write([make_entry()])
    assert in_the_way.read_text(encoding="utf-8") == "precious"


def test_a_folder_in_place_of_the_file_cannot_be_read_and_says_so(baselines: Baselines, make_entry: MakeEntry) -> None:
    baselines.path_for(make_entry().key).mkdir(parents=True)
    for attempt in (lambda: baselines.find(make_entry().key), lambda: baselines.write([make_entry()])):
        with pytest.raises(BaselineError, match=r"cannot be read \(Is a directory\).*ls -l"):
            attempt()


def test_git_never_sees_the_lock(baselines: Baselines, make_entry: MakeEntry) -> None:
    subprocess.run(["git", "init", "--quiet", str(baselines.directory)], check=True)
    baselines.write([make_entry()])
    command = ["git", "-C", str(baselines.directory), "status", "--porcelain", "--untracked-files=all"]
    seen = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert seen.split() == ["??", "amd-epyc-2-cores/torch.convolution.alexnet.json"]


def failing(number: int) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("step", ["os.fsync", "os.replace"])
@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "make room (df -h"), (errno.EROFS, "make it writable (ls -ld"), (errno.EACCES, "ls -ld")],
)
def test_a_full_or_read_only_disk_leaves_the_old_file_and_no_rubbish(
    baselines: Baselines, make_entry: MakeEntry, monkeypatch: pytest.MonkeyPatch, step: str, number: int, remedy: str
) -> None:
    baselines.write([make_entry()])
    path = baselines.path_for(make_entry().key)
    before = path.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(step, failing(number))
        with pytest.raises(BaselineError) as caught:
            baselines.write([make_entry("conv2")])
    assert os.strerror(number) in str(caught.value)
    assert remedy in str(caught.value)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert Baselines.open(baselines.directory, baselines.machine).write([make_entry("conv2")]).added == 1


class PowerCut(BaseException):
    """What ends a process without any clean-up."""


def test_an_interruption_before_the_replacement_loses_nothing(
    baselines: Baselines, make_entry: MakeEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    baselines.write([make_entry()])
    path = baselines.path_for(make_entry().key)
    before = path.read_bytes()

    def interrupt(*_: object) -> None:
        raise PowerCut

    with monkeypatch.context() as patched:
        patched.setattr("os.replace", interrupt)
        with pytest.raises(PowerCut):
            baselines.write([make_entry("conv2")])
    assert path.read_bytes() == before
    # A process that is killed cannot even remove its temporary file: the next writer does.
    leftover = path.with_name(f".{path.name}.4711.tmp")
    leftover.write_text("half", encoding="utf-8")
    Baselines.open(baselines.directory, baselines.machine).write([make_entry("conv3")])
    assert not leftover.exists()
    assert set(Baselines.open(baselines.directory, baselines.machine).load_all()) == {
        make_entry().key,
        make_entry("conv3").key,
    }


WRITER = """
import json, sys
from pathlib import Path
from pytest_cnnperf.baseline import Baselines, Entry
from pytest_cnnperf.measuring.machine import Machine
given = json.load(sys.stdin)
machine = Machine(**{**given["machine"], "gpus": ()})
print("ready", flush=True)
for key, plain in given["entries"].items():
    Baselines.open(Path(given["directory"]), machine).write([Entry.from_plain(key, plain)])
"""


def test_two_processes_that_write_at_once_lose_nothing(baselines: Baselines, make_entry: MakeEntry) -> None:
    layers = [[f"conv{number}" for number in range(start, 24, 2)] for start in (0, 1)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITER], stdin=-1, stdout=-1, stderr=-1, text=True, env=environment)
        for _ in layers
    ]
    for process, names in zip(processes, layers, strict=True):
        entries = {entry.key: entry.to_plain() for entry in map(make_entry, names)}
        given = {"machine": baselines.machine.to_plain(), "directory": str(baselines.directory), "entries": entries}
        assert process.stdin is not None
        process.stdin.write(json.dumps(given))
        process.stdin.close()
        process.stdin = None
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    stored = baselines.load_all()
    assert set(stored) == {make_entry(f"conv{number}").key for number in range(24)}


def test_the_unused_are_what_a_framework_stores_and_a_run_did_not_see(
    baselines: Baselines, make_entry: MakeEntry
) -> None:
    seen, gone, other = make_entry("conv1"), make_entry("conv9"), make_entry("conv9", framework="numpy")
    baselines.write([seen, gone, other])
    assert baselines.unused({seen.key}, frameworks={"torch"}) == (gone.key,)
    assert baselines.unused({seen.key}, frameworks={"torch", "numpy"}) == (other.key, gone.key)
    assert baselines.unused(set(), frameworks=set()) == ()


def test_pruning_removes_these_cases_and_a_file_that_is_left_empty(baselines: Baselines, make_entry: MakeEntry) -> None:
    kept, gone, other = make_entry("conv1"), make_entry("conv9"), make_entry(framework="numpy")
    baselines.write([kept, gone, other])
    assert baselines.prune([gone.key, other.key, make_entry("never").key]).changed == 2
    assert not baselines.path_for(other.key).exists()
    assert Baselines.open(baselines.directory, baselines.machine).load_all() == {kept.key: kept}


def test_the_floor_is_pooled_from_the_visits_of_a_framework(baselines: Baselines, make_entry: MakeEntry) -> None:
    def jumping(layer: str) -> Entry:
        entry = make_entry(layer)
        first, second = entry.rounds
        slower = replace(second, workload_ns=tuple(ns * 11 // 10 for ns in second.workload_ns))
        samples = replace(entry.samples, rounds=(first, slower))
        facts = {name: getattr(entry, name) for name in ("resolved", "error_fraction", "versions", "recorded")}
        return Entry.of(entry.key, samples, **facts)

    assert baselines.floor("torch") == Floor(one_run=LEAST_OF_ONE_RUN)
    baselines.write([jumping(f"conv{number}") for number in range(40)])
    # Visits 10 % apart: ln(1.1) / sqrt(2) = 6.7 % is the deviation of every case, of which three samples a visit
    # explain less than 2 %; the prior counts as 3 of 43.
    assert baselines.floor("torch").visits == pytest.approx(0.0625, rel=0.03)
    assert baselines.floor("numpy").visits == PRIOR_SPREAD
