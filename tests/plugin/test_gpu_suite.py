"""The suite on a made-up GPU: variants, clocks, memory, ceilings, and a recording that goes on where it was cut off."""

from __future__ import annotations

import json

import pytest

FRAMEWORK = """
from dataclasses import replace
from pytest_cnnperf.cases import Algorithm, DeviceKind, DType
from pytest_cnnperf.frameworks.fake import SPEC
from pytest_cnnperf.frameworks.spec import Offer

def pytest_cnnperf_frameworks():
    types = (DType.FLOAT32, DType.TF32)
    plain = Offer(Algorithm.GEMM, device_kind=DeviceKind.CUDA, dtypes=types)
    searched = Offer(Algorithm.GEMM, device_kind=DeviceKind.CUDA, options=(("search", "on"),))
    return [replace(SPEC, name="graphic", title="Graphic", offers=(plain, searched))]
"""

# Whatever NVML is asked, it has one idle GPU to tell of.
DRIVER = """
from types import SimpleNamespace

class NVMLError(Exception): value = 0

ANSWERS = {
    "Count": 1, "HandleByIndex": 0, "HandleByUUID": 0, "UUID": "GPU-a", "Name": "Made up", "ClockInfo": 1500,
    "MemoryInfo": SimpleNamespace(total=80 * 2**30, used=0), "UtilizationRates": SimpleNamespace(gpu=0),
    "ComputeRunningProcesses": [], "Temperature": 45, "CurrentClocksEventReasons": 0, "PowerUsage": 300000,
}

def nvmlInit(): pass
def nvmlShutdown(): pass

def __getattr__(name):
    asked = name.removeprefix("nvmlDeviceGet")
    if asked not in ANSWERS:
        raise AttributeError(name)
    return lambda *_: ANSWERS[asked]
"""

# The run ends without a word as soon as one case has been told.
CUT_OFF = """
import os
import pytest
from pytest_cnnperf.plugin.recording import Recorder

Recorder.every_seconds = 0.0

@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report):
    if os.environ.get("CUT_OFF") and getattr(report, "cnnperf", None):
        os._exit(9)
"""

ON_GPU = ("--cnnperf-frameworks=graphic", "--cnnperf-batches=1")


@pytest.fixture
def graphic(suite, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    suite.pytester.makeconftest(FRAMEWORK + CUT_OFF)
    suite.pytester.makepyfile(pynvml=DRIVER)
    suite.play(memory={"peak_bytes": 3_000_000, "workspace_bytes": 1_000_000}, bytes_per_second=4e11)
    return suite


def stored(suite):
    """The keys in the baseline."""
    return sorted(key for path in suite.baseline_files for key in json.loads(path.read_text())["entries"])


def test_every_variant_is_timed_cold_and_hot_with_its_memory(graphic):
    outcomes = graphic.outcomes(*ON_GPU, "--cnnperf-clocks=device_cold,device_hot", "-m", "gpu")

    keys = [outcome["key"].partition("-cuda1-threads1-")[2] for outcome in outcomes]
    assert keys == [
        way for way in ("device_cold", "device_hot", "device_cold-search=on", "device_hot-search=on") for _ in "ab"
    ]
    assert {outcome["median_ns"] is not None for outcome in outcomes} == {True}
    assert {(outcome["peak_memory_bytes"], outcome["workspace_bytes"]) for outcome in outcomes} == {
        (3_000_000, 1_000_000)
    }
    assert {outcome["batch"] for outcome in outcomes} == {1}


def test_the_ceilings_of_the_gpu_stand_beside_its_cases(graphic):
    graphic.play(workload_ns=1_000_000, flops_per_second=1e9, bytes_per_second=4e7, noise=0.0)
    result = graphic.run(*ON_GPU, "-m", "gpu", "-k", "tiny-a and not search", "--cnnperf-json=out.json")
    document = json.loads((graphic.pytester.path / "out.json").read_text())

    assert (document["gpu_peak_flops"], document["gpu_copy_bytes_per_second"]) == (1e9, 4e7)
    # 2·3·2·3·3·6·6 FLOP in 1 ms, 0.4 % of 1 GFLOP/s; x 2·6·6, w 3·2·3·3 and y 3·6·6 of four bytes in it.
    peak, copy = 2 * 3 * 2 * 9 * 36 / 1e-3 / 1e9, 4 * (72 + 54 + 108) / 1e-3 / 4e7
    result.stdout.fnmatch_lines(["*peak*copy*error*", f"*graphic* {peak * 100:.0f} % *{copy * 100:.0f} %*"])


def test_a_type_that_is_named_is_asked_of_all_and_is_a_hole_where_it_is_not_offered(graphic):
    document = graphic.document(*ON_GPU, "-m", "gpu", "--cnnperf-dtypes=tf32", "--cnnperf-check-only")

    assert {(outcome["dtype"], "search" in outcome["key"]) for outcome in document["outcomes"]} == {("tf32", False)}
    assert "dtype tf32: Graphic offers gemm in float32 here" in {hole["reason"] for hole in document["holes"]}


def test_a_framework_that_compiles_in_a_timed_call_fails_its_test_and_leaves_no_time(graphic):
    graphic.play(compiles_at=[0, *range(12, 30)])
    result = graphic.run(*ON_GPU, "-m", "gpu", "-k", "tiny-a and not search", "--cnnperf-json=out.json")
    (outcome,) = json.loads((graphic.pytester.path / "out.json").read_text())["outcomes"]

    result.assert_outcomes(failed=1, deselected=3)
    result.stdout.fnmatch_lines(["*UNKNOWN (recompiled): graphic-*", "*compiled or searched for an algorithm*"])
    assert (outcome["verdict"], outcome["reason"], outcome["median_ns"]) == ("UNKNOWN", "recompiled", None)


def test_a_case_larger_than_the_gpu_is_not_collected(graphic):
    graphic.pytester.makepyfile(pynvml=DRIVER.replace("80 * 2**30", "2**30"))
    document = graphic.document(*ON_GPU, "-m", "gpu")

    assert document["outcomes"] == []
    assert any("the GPU has 1.1 GB" in hole["reason"] for hole in document["holes"])


def test_what_was_measured_before_a_run_was_cut_off_is_stored_and_the_next_run_goes_on(graphic, monkeypatch):
    monkeypatch.setenv("CUT_OFF", "yes")
    assert graphic.run(*ON_GPU, "-m", "gpu", "--cnnperf-update-new").ret == 9
    first = stored(graphic)
    assert len(first) == 1

    monkeypatch.delenv("CUT_OFF")
    result = graphic.run(*ON_GPU, "-m", "gpu", "--cnnperf-update-new", "--cnnperf-only-missing")

    result.assert_outcomes(passed=3, deselected=1)
    result.stdout.fnmatch_lines(
        ["*1 case was left out: the baseline of this machine has them*", "*3 new and 0 changed baseline entries*"]
    )
    assert len(stored(graphic)) == 4
    assert first[0] in stored(graphic)


@pytest.mark.parametrize(
    ("narrowing", "left_out", "passed"),
    [(("-m", "not gpu"), None, 0), (("-k", "tiny-a"), "2 cases were", 0), (("-k", "tiny-b"), None, 2)],
)
def test_only_cases_that_the_run_would_have_had_are_told_to_be_left_out(graphic, narrowing, left_out, passed):
    graphic.run(*ON_GPU, "--cnnperf-update-new", "-k", "tiny-a")
    result = graphic.run(*ON_GPU, "--cnnperf-only-missing", *narrowing)

    assert result.parseoutcomes().get("passed", 0) == passed
    told = [line for line in result.outlines if "left out" in line]
    assert bool(told) is (left_out is not None)
    assert all(left_out in line for line in told)


def test_a_run_for_missing_cases_only_calls_none_unused(graphic):
    graphic.run(*ON_GPU, "-m", "gpu", "--cnnperf-update-new", "-k", "tiny-a")
    document = graphic.document(*ON_GPU, "--cnnperf-compare", "--cnnperf-only-missing", "--cnnperf-prune")

    assert document["unused"] == []
    assert len(stored(graphic)) == 2
