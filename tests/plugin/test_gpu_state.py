"""Busy, throttled, capped and failing GPUs, end to end: a made-up driver and the fake framework."""

from __future__ import annotations

import json
import os
import textwrap

import pytest

FRAMEWORK = """
from dataclasses import replace
from pathlib import Path
from pytest_cnnperf.cases import Algorithm, DeviceKind
from pytest_cnnperf.frameworks.fake import SPEC
from pytest_cnnperf.frameworks.spec import Offer

def pytest_cnnperf_frameworks():
    adapter, offer = Path(__file__).with_name("graphic.py"), Offer(Algorithm.GEMM, device_kind=DeviceKind.CUDA)
    return [replace(SPEC, name="graphic", title="Graphic", adapter=adapter, offers=(offer,))]
"""

# The fake framework with a device clock, which is its scripted one.
ADAPTER = """
from cnnperf_worker.adapters.fake import Adapter as Fake

class Adapter(Fake):
    device_control_version = "scripted1"

    def device_sample(self, handle, repeats, clock):
        return self.passed(lambda: self.run(handle), repeats)

    def device_control(self, units, clock):
        return self.passed(lambda: self.advance("control_ns"), units)

    def passed(self, call, times):
        before = self._clock.cpu_ns()
        for _ in range(times):
            call()
        return self._clock.cpu_ns() - before

    def memory(self, handle):
        return {"peak_bytes": 3 * 2**20, "workspace_bytes": 2**20}
"""

# `look` counts how often the GPU was looked at; what follows the driver's text may replace any function.
DRIVER = """
from types import SimpleNamespace

class NVMLError(Exception):
    def __init__(self, value, text):
        super().__init__(text)
        self.value = value

look = 0

def nvmlInit(): pass
def nvmlShutdown(): pass
def nvmlDeviceGetCount(): return 1
def nvmlDeviceGetHandleByIndex(index): return index
def nvmlDeviceGetHandleByUUID(uuid): return 0
def nvmlDeviceGetUUID(index): return "GPU-a"
def nvmlDeviceGetName(index): return "Made up"
def nvmlDeviceGetMemoryInfo(index): return SimpleNamespace(total=80 * 2**30, used=2**29)
def nvmlDeviceGetUtilizationRates(index): return SimpleNamespace(gpu=0)
def nvmlDeviceGetComputeRunningProcesses(index): return []
def nvmlDeviceGetClockInfo(index, kind): return MHZ
def nvmlDeviceGetTemperature(index, sensor): return 45
def nvmlDeviceGetCurrentClocksEventReasons(index): return reasons()
def reasons(): return 0

def nvmlDeviceGetPowerUsage(index):
    global look
    look += 1
    return 412300
"""


@pytest.fixture
def drive(suite, monkeypatch):
    """`drive(text, mhz=…)` replaces functions of the driver; without a word the GPU is quiet."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    suite.pytester.makeconftest(FRAMEWORK)
    (suite.pytester.path / "graphic.py").write_text(ADAPTER)

    def replace(text="", *, mhz=1980):
        suite.pytester.makepyfile(pynvml=DRIVER.replace("MHZ", str(mhz)) + textwrap.dedent(text))
        return suite

    return replace


ARGUMENTS = ("--cnnperf-frameworks=graphic", "--cnnperf-batches=1", "test_suite.py")


def outcomes(suite, *arguments):
    return suite.outcomes(*ARGUMENTS, *arguments)


def stored(suite):
    return {
        key: entry for file in suite.baseline_files for key, entry in json.loads(file.read_text())["entries"].items()
    }


def words(found):
    return {(each["verdict"], each["reason"]) for each in found}


def test_the_conditions_of_a_quiet_gpu_stand_in_the_json_the_baseline_and_the_table(drive):
    suite = drive()
    result = suite.run("--cnnperf-json=out.json", *ARGUMENTS, "--cnnperf-update")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*1980 MHz · 45 °C*"])
    found = json.loads((suite.pytester.path / "out.json").read_text())["outcomes"]
    for conditions in (
        *(each["conditions"] for each in found),
        *(each["conditions"] for each in stored(suite).values()),
    ):
        assert conditions["sm_mhz"] == {"min": 1980, "median": 1980, "max": 1980}
        assert conditions["power_w"]["median"] == 412.3
        assert conditions["reasons"] == {}
        assert (conditions["throttled_samples"], conditions["throttled_by"]) == (0, [])
        assert conditions["batches"] >= 3  # three visits of a round, each of at least one batch
    assert words(outcomes(suite, "--cnnperf-compare")) == {("SAME", "within_threshold")}


def test_a_gpu_that_a_stranger_uses_is_named_and_neither_judged_nor_recorded(drive):
    # The process that runs this test is none of the run that it starts.
    suite = drive(
        f"""
        def nvmlDeviceGetComputeRunningProcesses(index):
            return [SimpleNamespace(pid={os.getpid()}, usedGpuMemory=12 * 2**30)]
        """
    )
    result = suite.run("--cnnperf-json=out.json", *ARGUMENTS, "--cnnperf-update")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*see who uses the GPU: 2 cases undecided*", "*nvidia-smi*"])
    found = json.loads((suite.pytester.path / "out.json").read_text())["outcomes"]
    assert words(found) == {("UNDECIDED", "gpu_busy")}
    for each in found:
        assert f"GPU-a is used by process {os.getpid()} (" in each["detail"]
        assert "12.0 GiB" in each["detail"]
        assert each["correct"] is True
        assert each["median_ns"] is None
    assert stored(suite) == {}


def test_a_stranger_that_comes_while_a_case_is_timed_spoils_it(drive):
    suite = drive(
        f"""
        def nvmlDeviceGetComputeRunningProcesses(index):
            return [SimpleNamespace(pid={os.getpid()}, usedGpuMemory=2**30)] if look == 4 else []
        """
    )
    first, second = outcomes(suite, "--cnnperf-update")
    assert first["reason"] == "gpu_busy"
    assert second["reason"] != "gpu_busy"
    assert list(stored(suite)) == [second["key"]]


def test_our_own_worker_makes_no_gpu_busy(drive):
    # Every child of the run is in the list, as its worker with a CUDA context would be.
    suite = drive(
        """
        import os
        from pathlib import Path

        def nvmlDeviceGetComputeRunningProcesses(index):
            children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
            return [SimpleNamespace(pid=int(pid), usedGpuMemory=2**28) for pid in children]

        def nvmlDeviceGetUtilizationRates(index): return SimpleNamespace(gpu=100 if look > 3 else 0)
        """
    )
    assert words(outcomes(suite)) == {("UNKNOWN", "not_compared")}


def test_our_own_utilisation_behind_a_visit_makes_no_gpu_busy_where_no_process_is_told(drive):
    # Only the first look, before anything was computed, finds the card idle.
    suite = drive("def nvmlDeviceGetUtilizationRates(index): return SimpleNamespace(gpu=100 if look > 1 else 0)")
    suite.pytester.makepyfile(test_own="def test_it(gpu, cnnperf):\n    cnnperf.time(lambda: sum(range(100000)))\n")
    assert words(outcomes(suite, "-k", "tiny-a")) == {("UNKNOWN", "not_compared")}
    assert words(suite.outcomes("test_own.py")) == {("UNKNOWN", "not_compared")}


def test_the_peak_of_device_memory_stands_in_the_json_and_the_baseline(drive):
    suite = drive()
    for each in outcomes(suite, "--cnnperf-update"):
        assert (each["peak_memory_bytes"], each["workspace_bytes"]) == (3 * 2**20, 2**20)
    assert [entry["peak_memory_bytes"] for entry in stored(suite).values()] == [3 * 2**20] * 2


def test_only_correctness_needs_no_free_gpu(drive):
    suite = drive(
        f"""
        def nvmlDeviceGetComputeRunningProcesses(index):
            return [SimpleNamespace(pid={os.getpid()}, usedGpuMemory=2**30)]
        """
    )
    assert words(outcomes(suite, "--cnnperf-check-only")) == {("UNKNOWN", "check_only")}


def test_a_gpu_that_is_always_throttled_leaves_its_cases_undecided_and_unrecorded(drive):
    suite = drive("def reasons(): return 64 | 1")
    # A round may lose five times its time: 50 ms.
    suite.pytester.makepyfile(
        test_suite=(suite.pytester.path / "test_suite.py")
        .read_text()
        .replace("@pytest.mark.cnnperf_conv", "@pytest.mark.cnnperf(max_seconds=0.01)\n@pytest.mark.cnnperf_conv")
    )
    found = outcomes(suite, "--cnnperf-update")
    assert words(found) == {("UNDECIDED", "throttled")}
    for each in found:
        assert "hw_thermal" in each["detail"]
        assert each["samples"] == 0
        assert each["conditions"]["throttled_samples"] > 0
    assert stored(suite) == {}


def test_throttled_samples_are_discarded_and_counted_and_the_rest_is_judged(drive):
    drive().run(*ARGUMENTS, "--cnnperf-update").assert_outcomes(passed=2)
    # A visit looks before it, before its first batch, behind each batch, and behind it.
    suite = drive("def reasons(): return 32 if look % 3 == 0 else 0")
    result = suite.run("--cnnperf-json=out.json", *ARGUMENTS, "--cnnperf-compare")
    result.stdout.fnmatch_lines(["*throttled samples discarded*"])
    found = json.loads((suite.pytester.path / "out.json").read_text())["outcomes"]
    assert words(found) == {("SAME", "within_threshold")}
    discarded = [each["conditions"] for each in found if each["conditions"]["throttled_samples"]]
    assert discarded
    assert all(conditions["throttled_by"] == ["sw_thermal"] for conditions in discarded)


def test_a_slowdown_within_a_batch_of_an_otherwise_idle_card_discards_it(drive):
    suite = drive(
        """
        def reasons(): return 1

        def nvmlDeviceGetViolationStatus(index, policy):
            return SimpleNamespace(violationTime=5 * 10**6 * (look // 3) if policy == 1 else 0)
        """
    )
    found = outcomes(suite)
    assert words(found) == {("UNKNOWN", "not_compared")}
    discarded = [each["conditions"] for each in found if each["conditions"]["throttled_samples"]]
    assert discarded
    assert all(conditions["throttled_by"] == ["sw_thermal"] for conditions in discarded)


def test_a_power_cap_is_marked_and_discards_nothing(drive):
    suite = drive("def reasons(): return 4")
    result = suite.run("--cnnperf-json=out.json", *ARGUMENTS)
    result.stdout.fnmatch_lines(["*power cap in * of * batches*"])
    for each in json.loads((suite.pytester.path / "out.json").read_text())["outcomes"]:
        assert each["conditions"]["reasons"] == {"power_cap": each["conditions"]["batches"]}
        assert each["conditions"]["throttled_samples"] == 0


def test_a_driver_that_fails_in_the_middle_leaves_its_case_undecided(drive):
    suite = drive(
        """
        def nvmlDeviceGetTemperature(index, sensor):
            if look == 4:
                raise NVMLError(15, "GPU is lost")
            return 45
        """
    )
    first, second = outcomes(suite, "--cnnperf-update")
    assert (first["verdict"], first["reason"]) == ("UNDECIDED", "gpu_unreadable")
    assert "nvmlDeviceGetTemperature" in first["detail"]
    assert "GPU is lost" in first["detail"]
    assert list(stored(suite)) == [second["key"]]


def test_a_comparison_at_other_clocks_says_so(drive):
    drive(mhz=1980).run(*ARGUMENTS, "--cnnperf-update").assert_outcomes(passed=2)
    for each in outcomes(drive("def reasons(): return 4", mhz=1755), "--cnnperf-compare"):
        # 1755 / 1980 = 0.886
        assert "1755 MHz, -11.4% against the baseline's 1980 MHz" in each["detail"]
        assert "power cap" in each["detail"]


def test_conditions_travel_from_xdist_workers_and_siblings_are_no_strangers(drive):
    # The sibling's pytest process itself is in the list, as after a test that computed in it.
    suite = drive(
        """
        import os
        from pathlib import Path

        def nvmlDeviceGetComputeRunningProcesses(index):
            siblings = Path(f"/proc/{os.getppid()}/task/{os.getppid()}/children").read_text().split()
            return [SimpleNamespace(pid=int(pid), usedGpuMemory=2**28) for pid in siblings]
        """
    )
    found = outcomes(suite, "-n", "2")
    assert words(found) == {("UNKNOWN", "not_compared")}
    assert all(each["conditions"]["sm_mhz"]["median"] == 1980 for each in found)


def test_a_callable_of_a_test_that_holds_a_gpu_is_watched_too(drive):
    suite = drive("def reasons(): return 4")
    suite.pytester.makepyfile(test_own="def test_it(gpu, cnnperf):\n    cnnperf.time(lambda: sum(range(100000)))\n")
    (found,) = suite.outcomes("test_own.py")
    assert found["conditions"]["reasons"]["power_cap"] >= 1
