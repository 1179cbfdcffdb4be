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
