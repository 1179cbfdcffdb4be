"""The machine and its folder name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_cnnperf.cases import DeviceKind
from pytest_cnnperf.measuring.machine import Machine, as_slug, cpu_model, detect

EPYC = """processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: {family}
model\t\t: {model}
model name\t: AMD EPYC
stepping\t: 1

processor\t: 1
model name\t: something else
"""


def machine(cpu: str = "AMD EPYC family 26 model 2", gpus: tuple[str, ...] = (), cores: int = 2) -> Machine:
    return Machine(cpu_model=cpu, cores=cores, memory_bytes=2**34, gpus=gpus, system="Linux")


def test_two_cpus_of_one_marketing_name_are_two_machines() -> None:
    turin, milan = (machine(cpu_model(EPYC.format(family=family, model=model))) for family, model in ((26, 2), (25, 1)))
    assert turin.slug == "amd-epyc-family-26-model-2-2-cores"
    assert milan.slug == "amd-epyc-family-25-model-1-2-cores"


def test_one_core_is_written_in_the_singular() -> None:
    assert machine("x", cores=1).slug == "x-1-core"


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz", "intel-xeon-platinum-8481c"),
        ("AMD Ryzen 9 7950X 16-Core Processor", "amd-ryzen-9-7950x"),
        ("NVIDIA H200", "nvidia-h200"),
        ("../..", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_slug_is_the_name_without_trademarks_and_rates_and_safe_as_a_folder(name: str, slug: str) -> None:
    assert as_slug(name) == slug


def test_an_arm_core_is_told_by_implementer_and_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert (
        cpu_model("processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\n")
        == "aarch64 implementer 0x41 part 0xd40"
    )


def test_a_gpus_times_belong_to_the_gpus_and_a_cpus_to_the_cpu_beside_them() -> None:
    mixed = machine(gpus=("NVIDIA H200", "NVIDIA L4", "NVIDIA H200"))
    assert mixed.slug_for(DeviceKind.CUDA) == "nvidia-h200-x2-nvidia-l4-x1"
    assert mixed.slug_for(DeviceKind.CPU) == machine().slug
    assert machine().slug_for(DeviceKind.CUDA) == "no-gpu"


def test_this_machine_can_be_detected_and_written_as_json(tmp_path: Path) -> None:
    here = detect(gpus=())
    assert here.cores >= 1
    assert here.memory_bytes > 2**20
    assert json.loads(json.dumps(here.to_plain()))["cpu_model"] == here.cpu_model
    assert detect(gpus=(), cpuinfo=tmp_path / "none").cpu_model
