"""The GPU inventory, with a made-up NVML; not yet run on a real GPU."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_cnnperf.measuring.gpus import inventory


class NVMLError(Exception):
    """What pynvml raises."""


UUIDS = ("GPU-aaaa-1", "GPU-aabb-2", "GPU-cccc-3")


def nvml(uuids: tuple[Any, ...] = UUIDS, *, failing: str = "") -> Any:
    calls: list[str] = []

    def call(name: str, answer: Any) -> Any:
        def function(*_: object) -> Any:
            calls.append(name)
            if name == failing:
                raise NVMLError("Driver/library version mismatch")
            return answer(*_) if callable(answer) else answer

        return function

    return SimpleNamespace(
        NVMLError=NVMLError,
        calls=calls,
        nvmlInit=call("init", None),
        nvmlShutdown=call("shutdown", None),
        nvmlDeviceGetCount=call("count", len(uuids)),
        nvmlDeviceGetHandleByIndex=call("handle", lambda index: index),
        nvmlDeviceGetUUID=call("uuid", lambda index: uuids[index]),
        nvmlDeviceGetName=call("name", b"NVIDIA H200"),
        nvmlDeviceGetMemoryInfo=call("memory", SimpleNamespace(total=141 * 2**30)),
    )


def divided(*, at: int, parts: tuple[str | None, ...]) -> Any:
    """The same GPUs; the one at this place is divided into MIG devices, None being an empty place."""
    library = nvml()
    whole_uuid, whole_memory = library.nvmlDeviceGetUUID, library.nvmlDeviceGetMemoryInfo

    def mode(handle: int) -> tuple[int, int]:
        if handle == 0:
            raise NVMLError("Not Supported")  # as GPUs before Ampere answer
        return (int(handle == at), int(handle == at))

    def part(handle: int, place: int) -> tuple[int, int]:
        if parts[place] is None:
            raise NVMLError("Not Found")
        return handle, place

    library.nvmlDeviceGetMigMode = mode
    library.nvmlDeviceGetMaxMigDeviceCount = lambda handle: len(parts)
    library.nvmlDeviceGetMigDeviceHandleByIndex = part
    library.nvmlDeviceGetGpuInstanceId = lambda handle: 7 + handle[1]
    library.nvmlDeviceGetComputeInstanceId = lambda handle: 0
    library.nvmlDeviceGetUUID = lambda handle: parts[handle[1]] if isinstance(handle, tuple) else whole_uuid(handle)
    library.nvmlDeviceGetMemoryInfo = lambda handle: (
        SimpleNamespace(total=20 * 2**30) if isinstance(handle, tuple) else whole_memory(handle)
    )
    return library


def found(visible: str | None, **made: Any) -> list[str]:
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    return [gpu.uuid for gpu in inventory(environment, nvml=nvml(**made)).gpus]


def test_all_gpus_are_seen_when_the_caller_says_nothing() -> None:
    library = nvml()
    gpus = inventory({}, nvml=library).gpus
    assert [gpu.uuid for gpu in gpus] == list(UUIDS)
    assert (gpus[1].name, gpus[1].index, gpus[1].memory_bytes) == ("NVIDIA H200", 1, 141 * 2**30)
    assert library.calls[-1] == "shutdown"


@pytest.mark.parametrize(
    ("visible", "uuids"),
    [
        ("", []),
        ("-1", []),
        ("2,0", ["GPU-cccc-3", "GPU-aaaa-1"]),
        ("GPU-cccc", ["GPU-cccc-3"]),
        ("GPU-aa,0", []),  # ambiguous: two begin so
        ("1,7,0", ["GPU-aabb-2"]),  # CUDA's rule: the first entry that names nothing ends the list
        ("0,0,1", ["GPU-aaaa-1"]),
        (" 1 , 2 ", ["GPU-aabb-2", "GPU-cccc-3"]),
        ("MIG-aaaa", []),
        ("0,2,-1,1", ["GPU-aaaa-1", "GPU-cccc-3"]),  # the example of the CUDA C++ Programming Guide
        ("1,no,0", ["GPU-aabb-2"]),
        ("0,,1", ["GPU-aaaa-1"]),
        ("GPU-cccc-3,GPU-aaaa", ["GPU-cccc-3", "GPU-aaaa-1"]),
        ("cccc", []),  # without GPU- it is no UUID
        ("GPU-cccc-3,2,0", ["GPU-cccc-3"]),  # named twice, in two ways
        ("²", []),
    ],
)
def test_the_callers_choice_and_order_are_respected(visible: str, uuids: list[str]) -> None:
    assert found(visible) == uuids


@pytest.mark.parametrize(
    ("visible", "places"), [(None, [(0, 0), (1, 1), (2, 2)]), ("2,0", [(0, 2), (1, 0)]), ("GPU-cccc", [(0, 2)])]
)
def test_the_index_counts_among_the_visible_and_nvmls_own_stands_beside_it(
    visible: str | None, places: list[tuple[int, int]]
) -> None:
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    gpus = inventory(environment, nvml=nvml()).gpus
    assert [(gpu.index, gpu.nvml_index) for gpu in gpus] == places


def test_the_skip_reason_tells_the_callers_choice() -> None:
    said = inventory({"CUDA_VISIBLE_DEVICES": "7"}, nvml=nvml()).looked_for
    assert said == "NVML of an NVIDIA driver (3 GPUs) inside CUDA_VISIBLE_DEVICES='7'"


@pytest.mark.parametrize("failing", ["init", "count", "uuid"])
def test_a_driver_that_fails_is_no_gpu_and_says_why(failing: str) -> None:
    library = nvml(failing=failing)
    result = inventory({}, nvml=library)
    assert result.gpus == ()
    assert "Driver/library version mismatch" in result.looked_for
    assert ("shutdown" in library.calls) == (failing != "init")


def test_without_nvml_the_reason_ends_with_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    result = inventory({})
    assert result.gpus == ()
    assert result.looked_for.endswith("python -m pip install nvidia-ml-py)")


def test_old_bindings_that_answer_bytes_are_understood() -> None:
    assert found(None, uuids=(b"GPU-old",)) == ["GPU-old"]


def test_a_divided_gpu_is_its_mig_devices() -> None:
    gpus = inventory({}, nvml=divided(at=1, parts=("MIG-11", None, "MIG-22"))).gpus
    assert [(gpu.uuid, gpu.index, gpu.nvml_index) for gpu in gpus] == [
        ("GPU-aaaa-1", 0, 0),
        ("MIG-11", 1, 1),
        ("MIG-22", 2, 1),
        ("GPU-cccc-3", 3, 2),
    ]
    assert [gpu.memory_bytes >> 30 for gpu in gpus] == [141, 20, 20, 141]


@pytest.mark.parametrize(
    ("visible", "uuids"),
    [
        ("MIG-22,MIG-11", ["MIG-22", "MIG-11"]),
        ("MIG-2", ["MIG-22"]),
        ("MIG-GPU-aabb-2/9/0", ["MIG-22"]),  # as drivers before R470 named it; place 2 is GPU instance 9 here
        ("MIG-GPU-aabb-2/8/0", []),
        ("1", ["MIG-11"]),
        ("2,0", ["GPU-cccc-3", "GPU-aaaa-1"]),  # indices count physical GPUs
        ("GPU-aabb-2", []),  # CUDA cannot compute on a divided GPU as a whole
        ("MIG-33,0", []),
    ],
)
def test_mig_devices_are_chosen_by_their_uuid(visible: str, uuids: list[str]) -> None:
    library = divided(at=1, parts=("MIG-11", None, "MIG-22"))
    found = inventory({"CUDA_VISIBLE_DEVICES": visible}, nvml=library).gpus
    assert [gpu.uuid for gpu in found] == uuids


def test_a_uuid_that_is_also_the_beginning_of_another_names_itself() -> None:
    assert found("GPU-a", uuids=("GPU-a", "GPU-ab")) == ["GPU-a"]
