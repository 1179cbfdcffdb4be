"""Looks at a GPU through a made-up NVML; not yet run on a real GPU."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_cnnperf.measuring.gpu.state import GpuProcess, GpuState, GpuUnreadable, Probe


class NVMLError(Exception):
    """What pynvml raises: the codes of nvml.h are its `value`."""

    def __init__(self, value: int, text: str) -> None:
        super().__init__(text)
        self.value = value


NOT_SUPPORTED, NO_PERMISSION, FUNCTION_NOT_FOUND, GPU_IS_LOST = 3, 4, 13, 15


def nvml(**answers: Any) -> Any:
    """An NVML with one busy H200; an answer may be an error, which is raised, or a function."""
    calls: list[str] = []
    usual = {
        "nvmlInit": None,
        "nvmlShutdown": None,
        "nvmlDeviceGetHandleByUUID": lambda uuid: f"handle of {uuid}",
        "nvmlDeviceGetClockInfo": lambda handle, kind: {1: 1980, 2: 3201}[kind],
        "nvmlDeviceGetTemperature": lambda handle, sensor: {0: 41}[sensor],
        "nvmlDeviceGetPowerUsage": 412_300,
        "nvmlDeviceGetCurrentClocksEventReasons": 4,
        "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=97, memory=40),
        "nvmlDeviceGetMemoryInfo": SimpleNamespace(total=141 * 2**30, used=3 * 2**30),
        "nvmlDeviceGetComputeRunningProcesses": [SimpleNamespace(pid=4711, usedGpuMemory=2**30)],
    }

    def call(name: str, answer: Any) -> Any:
        def function(*arguments: object) -> Any:
            calls.append(name)
            if isinstance(answer, Exception):
                raise answer
            return answer(*arguments) if callable(answer) else answer

        return function

    made = {name: call(name, answer) for name, answer in {**usual, **answers}.items() if answer != "missing"}
    return SimpleNamespace(NVMLError=NVMLError, calls=calls, **made)


def state(**answers: Any) -> GpuState:
    return Probe(["GPU-a"], nvml=nvml(**answers)).states()[0]


def test_a_look_tells_clocks_heat_power_reasons_and_who_computes() -> None:
    assert state() == GpuState(
        "GPU-a",
        sm_mhz=1980,
        memory_mhz=3201,
        temperature_c=41,
        power_w=412.3,  # NVML counts milliwatts
        reasons=4,
        utilisation=97,
        memory_used_bytes=3 * 2**30,
        processes=(GpuProcess(4711, 2**30),),
    )


@pytest.mark.parametrize("code", [NOT_SUPPORTED, NO_PERMISSION, FUNCTION_NOT_FOUND])
def test_a_number_that_a_gpu_does_not_have_is_none(code: int) -> None:
    error = NVMLError(code, "no such number")
    seen = state(nvmlDeviceGetPowerUsage=error, nvmlDeviceGetUtilizationRates=error, nvmlDeviceGetMemoryInfo=error)
    assert (seen.power_w, seen.utilisation, seen.memory_used_bytes) == (None, None, None)
    assert seen.sm_mhz == 1980


def test_reasons_are_asked_under_their_older_name_of_an_older_driver() -> None:
    error = NVMLError(FUNCTION_NOT_FOUND, "Function Not Found")
    older = state(nvmlDeviceGetCurrentClocksEventReasons=error, nvmlDeviceGetCurrentClocksThrottleReasons=8)
    assert older.reasons == 8


def field(number: int, nanoseconds: int, *, status: int = 0) -> Any:
    return SimpleNamespace(fieldId=number, nvmlReturn=status, value=SimpleNamespace(ullVal=nanoseconds))


def test_what_has_held_the_clocks_down_is_counted_by_reason() -> None:
    # Policies and fields by their numbers in nvml.h; the GPU does not count the last of these fields.
    library = nvml(
        nvmlDeviceGetViolationStatus=lambda handle, policy: SimpleNamespace(violationTime={0: 700, 1: 50}[policy]),
        nvmlDeviceGetFieldValues=lambda handle, fields: [
            field(number, 10 * number, status=NOT_SUPPORTED if number == 271 else 0) for number in fields
        ],
    )
    library.NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN = 270
    library.NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN = 271
    (seen,) = Probe(["GPU-a"], nvml=library).states()
    assert seen.counters == ((4, 700), (32, 50), (64, 2700))


def test_what_a_gpu_or_its_binding_does_not_count_is_left_out() -> None:
    error = NVMLError(NOT_SUPPORTED, "Not Supported")
    assert state(nvmlDeviceGetViolationStatus=error).counters == ()
    assert state().counters == ()  # neither function is known


def test_bindings_that_are_older_than_a_function_have_no_such_number() -> None:
    seen = state(nvmlDeviceGetComputeRunningProcesses="missing", nvmlDeviceGetCurrentClocksEventReasons="missing")
    assert (seen.processes, seen.reasons) == ((), None)


def test_a_gpu_that_is_lost_in_the_middle_is_an_error_that_names_it_and_what_to_type() -> None:
    probe = Probe(["GPU-a"], nvml=nvml(nvmlDeviceGetClockInfo=NVMLError(GPU_IS_LOST, "GPU is lost")))
    with pytest.raises(GpuUnreadable, match=r"for GPU-a, nvmlDeviceGetClockInfo, .* GPU is lost; next: nvidia-smi"):
        probe.states()


def test_a_driver_that_does_not_open_says_why() -> None:
    with pytest.raises(GpuUnreadable, match="Driver/library version mismatch"):
        Probe(["GPU-a"], nvml=nvml(nvmlInit=NVMLError(18, "Driver/library version mismatch")))


def test_nvml_is_given_back_where_a_gpu_is_not_known() -> None:
    library = nvml(nvmlDeviceGetHandleByUUID=NVMLError(6, "Not Found"))
    with pytest.raises(GpuUnreadable, match="GPU-x, and answered: Not Found"):
        Probe(["GPU-x"], nvml=library)
    assert library.calls[-1] == "nvmlShutdown"


def test_without_nvml_the_error_ends_with_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(GpuUnreadable, match="python -m pip install nvidia-ml-py"):
        Probe(["GPU-a"])


def test_a_mig_device_has_the_clocks_of_its_whole_gpu_and_memory_of_its_own() -> None:
    asked: dict[str, object] = {}

    def remembering(name: str, answer: Any) -> Any:
        def function(handle: object, *_: object) -> Any:
            asked[name] = handle
            return answer

        return function

    library = nvml(
        nvmlDeviceGetDeviceHandleFromMigDeviceHandle=lambda handle: "the whole",
        nvmlDeviceGetClockInfo=remembering("clock", 1980),
        nvmlDeviceGetMemoryInfo=remembering("memory", SimpleNamespace(used=7)),
    )
    Probe(["MIG-1"], nvml=library).states()
    assert asked == {"clock": "the whole", "memory": "handle of MIG-1"}


def test_nothing_of_a_card_is_ever_set() -> None:
    library = nvml()
    probe = Probe(["GPU-a", "GPU-b"], nvml=library)
    probe.states()
    probe.close()
    assert [name for name in library.calls if "Set" in name or "Reset" in name] == []
    assert (library.calls[0], library.calls[-1]) == ("nvmlInit", "nvmlShutdown")
