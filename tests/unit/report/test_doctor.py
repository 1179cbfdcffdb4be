"""The doctor's page of a made-up machine: GPUs, warnings, widths."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pytest_cnnperf.cases import Algorithm, DeviceKind
from pytest_cnnperf.frameworks.spec import FrameworkSpec, Offer, adapter_file
from pytest_cnnperf.host.ailment import Ailment, State
from pytest_cnnperf.host.checkup import Checkup, Hello
from pytest_cnnperf.measuring.gpus import Gpu, Inventory
from pytest_cnnperf.measuring.machine import Machine
from pytest_cnnperf.measuring.surroundings.conditions import Condition
from pytest_cnnperf.measuring.surroundings.processor import Cache, Processor
from pytest_cnnperf.report.doctor import page
from pytest_cnnperf.report.doctor.document import as_json, document
from pytest_cnnperf.report.doctor.examination import Examination, Surroundings, devices

GIB = 2**30
H200 = Gpu("GPU-1", "NVIDIA H200", 0, 0, 141 * GIB)
PLACE = Surroundings(
    machine=Machine("AMD EPYC family 26 model 2", 16, 64 * GIB, (), "Linux"),
    processor=Processor(
        2, 8, 2, (Cache(1, "data", 48 * 1024, 2), Cache(3, "unified", 32 * 2**20, 8)), ("avx2",), False
    ),
    usable_cores=(0, 1, 2, 5),
    memory_limit_bytes=None,
    gpus=Inventory((), "NVML"),
    gpu_driver=None,
    system="Debian, Linux 6.1",
    python="3.11.7",
    package="0.1.0",
    conditions=(Condition("SMT", "on", "two CPUs may be one core", "echo off"), Condition("boost", "off")),
)
SPEC = FrameworkSpec(
    "torch",
    "PyTorch",
    adapter_file("torch"),
    "pip install torch",
    (Offer(Algorithm.GEMM), Offer(Algorithm.AUTO, device_kind=DeviceKind.CUDA)),
)
HELLO = Hello(
    "2.13.0", "3.11.7", "2.2.6", 1, {"mkl": "2024.2"}, {"GNU OpenMP": "/lib/libgomp.so.1", "MKL": "/lib/libmkl_rt.so"}
)
FINE = Checkup(SPEC, HELLO, start_seconds=2.25)


def printed(*checkups, width=100, whole=False, **changes) -> str:
    examination = Examination(replace(PLACE, **changes), checkups)
    return "\n".join(line.text for line in page.render(examination, width, whole=whole))


def test_libraries_are_those_that_were_told_and_those_that_were_only_seen():
    # MKL was told with its version, so its file adds nothing.
    assert "numpy 2.2.6, mkl 2024.2, GNU OpenMP" in printed(FINE)


def test_a_library_is_said_in_few_words_and_never_broken_over_two_lines():
    told = {"openblas": "OpenBLAS 0.3.13 NO_LAPACKE DYNAMIC_ARCH", "mpi": "Open MPI v4.1.0", "mkl": "2018.0.3"}
    talkative = replace(FINE, hello=replace(HELLO, libraries=told, loaded={}))
    assert "numpy 2.2.6, OpenBLAS 0.3.13, Open MPI v4.1.0, mkl 2018.0.3" in printed(talkative, width=200)
    narrow = printed(talkative, width=80)
    assert all(words in narrow for words in ("OpenBLAS 0.3.13", "Open MPI v4.1.0", "mkl 2018.0.3"))


def test_numpy_is_no_library_of_itself():
    own = Checkup(replace(SPEC, name="numpy", title="NumPy"), replace(HELLO, version="2.2.6", libraries={}, loaded={}))
    assert "numpy 2.2.6" not in printed(own)


def test_without_a_gpu_the_cpu_is_what_can_be_used_and_the_table_says_no_more():
    assert [(each.kind, each.count, each.why_not) for each in devices(FINE, PLACE)] == [
        (DeviceKind.CPU, 4, None),
        (DeviceKind.CUDA, 0, "no GPU here; looked for: NVML"),
    ]
    assert "4 cpu " in printed(FINE)
    assert "without CUDA" not in printed(FINE)


def test_a_cpu_build_beside_a_gpu_is_told():
    assert "PyTorch 2.13.0 was built without CUDA" in printed(FINE, gpus=Inventory((H200,), "NVML"))


def test_a_gpu_build_beside_a_gpu_can_use_it():
    build = replace(FINE, hello=replace(HELLO, libraries={"cuda": "12.8"}))
    text = printed(build, gpus=Inventory((H200, H200), "NVML"), gpu_driver="570.86.15")
    assert "4 cpu, 2 cuda" in text
    assert "0: NVIDIA H200, 141 GiB, driver 570.86.15" in text


def test_the_reference_blas_is_a_warning_with_its_file_and_the_command():
    slow = replace(FINE, hello=replace(HELLO, loaded={"reference BLAS": "/lib/blas/libblas.so.3"}))
    text = printed(slow, width=200)
    assert "computes on the reference BLAS (/lib/blas/libblas.so.3)" in text
    assert "→ pip install torch" in text


def test_the_machine_says_which_cores_and_how_much_memory_may_be_used():
    text = printed(FINE, memory_limit_bytes=8 * GIB)
    assert "8 with 2 threads each: 16 CPUs, 2 sockets, 4 usable (0-2,5)" in text
    assert "64.0 GiB, of which 8.00 GiB may be used" in text
    # Two threads of one core share its first level; eight CPUs are four cores.
    assert "L1 data 48.0 KiB a core, L3 32.0 MiB for 4 cores" in text
    assert "baselines/amd-epyc-family-26-model-2-16-cores/" in text


def test_a_condition_that_disturbs_comes_with_its_command_and_one_that_does_not_without():
    lines = printed(FINE).splitlines()
    place = next(index for index, line in enumerate(lines) if "two CPUs may be one core" in line)
    assert lines[place].split()[0] == "SMT"
    assert lines[place + 1].strip() == "→ echo off"
    assert lines[-1].split() == ["boost", "off"]


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_tables_and_text_fit_every_width_and_a_command_is_never_broken(width):
    command = "cnnperf frameworks remove torch && cnnperf frameworks install torch " + "x" * 30
    reason = "the shared library libmpi.so.12 is missing or cannot be found, and this is told at some length"
    ill = Checkup(SPEC, ailment=Ailment(State.LIBRARY_MISSING, reason, command, "one\ntwo"))
    lines = printed(FINE, ill, width=width).splitlines()
    assert [line for line in lines if len(line) > width and command not in line] == []
    assert any(line.endswith(command) for line in lines)


def test_all_that_a_worker_said_is_shown_on_demand_only():
    ill = Checkup(SPEC, ailment=Ailment(State.CRASHED, "it ended", "cnnperf doctor torch", "first\nsecond"))
    assert "first" not in printed(ill)
    assert "    first\n    second" in printed(ill, whole=True)


def test_the_document_is_plain_sorted_and_says_what_is_not_known_as_null():
    examination = Examination(PLACE, (FINE,))
    assert json.loads(as_json(examination)) == document(examination)
    assert document(examination)["baselines"] == {"cpu": PLACE.machine.slug, "cuda": None}
    assert document(examination)["machine"]["gpu_driver"] is None
    assert document(examination)["conditions"][1] == {"name": "boost", "value": "off", "hint": None, "command": None}
    assert document(examination)["frameworks"][0]["start_seconds"] == 2.25
