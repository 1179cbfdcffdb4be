"""Tests and cases on GPUs: selected, leased and skipped, with a made-up framework and a made-up driver."""

from __future__ import annotations

import pytest

FRAMEWORK = """
from dataclasses import replace
from pytest_cnnperf.cases import Algorithm, DeviceKind
from pytest_cnnperf.frameworks.fake import SPEC
from pytest_cnnperf.frameworks.spec import Offer

def pytest_cnnperf_frameworks():
    offers = (Offer(Algorithm.GEMM), Offer(Algorithm.GEMM, device_kind=DeviceKind.CUDA))
    return [replace(SPEC, name="graphic", title="Graphic", offers=offers)]
"""

DRIVER = """
from types import SimpleNamespace

class NVMLError(Exception): pass

def nvmlInit(): pass
def nvmlShutdown(): pass
def nvmlDeviceGetCount(): return 3
def nvmlDeviceGetHandleByIndex(index): return index
def nvmlDeviceGetUUID(index): return f"GPU-{'abc'[index]}"
def nvmlDeviceGetName(index): return "Made up"
def nvmlDeviceGetMemoryInfo(index): return SimpleNamespace(total=80 * 2**30)
"""

OWN_TESTS = """
import pytest

def test_plain(): pass

def test_fixture(gpu): pass

def test_fixtures(gpus): pass

@pytest.mark.gpu
def test_marked(): pass

@pytest.mark.gpus(2)
def test_marked_two(): pass

@pytest.mark.parametrize("place", ["host", pytest.param("device", marks=pytest.mark.gpu)])
def test_places(place, request):
    assert place == "host" or "gpus" in request.fixturenames
"""

ON_GPU = ["test_fixture", "test_fixtures", "test_marked", "test_marked_two", "test_places[device]"]


@pytest.fixture
def no_gpu(suite, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    suite.pytester.makeconftest(FRAMEWORK)
    return suite


@pytest.fixture
def one_gpu(suite, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2")
    suite.pytester.makeconftest(FRAMEWORK)
    suite.pytester.makepyfile(pynvml=DRIVER)
    return suite


@pytest.mark.parametrize(("expression", "passed", "skipped"), [("gpu", 0, 2), ("not gpu", 2, 0)])
def test_cases_on_a_gpu_are_selected_by_their_mark(no_gpu, expression, passed, skipped):
    result = no_gpu.run("--cnnperf-frameworks=graphic", "test_suite.py", "-m", expression, "-rs")
    result.assert_outcomes(passed=passed, skipped=skipped, deselected=2)
    if skipped:
        result.stdout.fnmatch_lines(["*needs 1 GPU, 0 found: NVML*"])


def test_a_test_that_uses_gpus_is_selected_without_a_mark(no_gpu):
    no_gpu.pytester.makepyfile(test_own=OWN_TESTS)
    chosen = no_gpu.run("test_own.py", "-m", "gpu", "--collect-only", "-q")
    names = [line.partition("::")[2] for line in chosen.outlines if line.startswith("test_own.py::")]
    assert names == ON_GPU


def test_a_marked_test_is_skipped_even_if_it_uses_no_fixture(no_gpu):
    no_gpu.pytester.makepyfile(test_own=OWN_TESTS)
    result = no_gpu.run("test_own.py", "-rs")
    result.assert_outcomes(passed=2, skipped=len(ON_GPU))
    result.stdout.fnmatch_lines(["*needs 2 GPUs, 0 found: NVML*"])


def test_marked_tests_run_where_their_gpus_are(one_gpu):
    one_gpu.pytester.makepyfile(test_own=OWN_TESTS)
    result = one_gpu.run("test_own.py", "-rs")
    result.assert_outcomes(passed=6, skipped=1)
    result.stdout.fnmatch_lines(["*needs 2 GPUs, 1 found: NVML*(3 GPUs) inside CUDA_VISIBLE_DEVICES='2'*"])


def test_gpus_are_numbered_and_ordered_as_the_caller_sees_them(one_gpu, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,0")
    one_gpu.pytester.makepyfile(
        test_own="""
        import pytest

        @pytest.mark.gpus(2)
        def test_two(gpus):
            assert [(gpu.index, gpu.nvml_index, gpu.uuid) for gpu in gpus] == [(0, 2, "GPU-c"), (1, 0, "GPU-a")]
        """
    )
    one_gpu.run("test_own.py").assert_outcomes(passed=1)


@pytest.mark.parametrize("count", ["0", "'two'", "1, 2", ""])
def test_a_count_that_cannot_be_used_is_a_usage_error(suite, count):
    suite.pytester.makepyfile(test_own=f"import pytest\n@pytest.mark.gpus({count})\ndef test_it(): pass\n")
    result = suite.run("test_own.py")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*@pytest.mark.gpus takes one count of at least 1; got (*in test_own.py::test_it"])


USES_BOTH = """
import pytest
from dataclasses import replace
from pytest_cnnperf.cases import DeviceKind
from test_suite import TINY

@pytest.mark.cnnperf_convolutions(TINY)
def test_both(cnnperf, case, gpu):
    if case.device_kind is DeviceKind.CUDA:
        cnnperf.check(replace(case, device_count=COUNT))
"""


def test_a_case_uses_the_gpu_that_its_test_holds(one_gpu):
    one_gpu.pytester.makepyfile(test_both=USES_BOTH.replace("COUNT", "1"))
    result = one_gpu.run("--cnnperf-frameworks=graphic", "test_both.py", "--cnnperf-check-only")
    result.assert_outcomes(passed=4)


def test_a_case_that_needs_more_gpus_than_its_test_holds_says_which_mark_helps(one_gpu):
    one_gpu.pytester.makepyfile(test_both=USES_BOTH.replace("COUNT", "2"))
    result = one_gpu.run("--cnnperf-frameworks=graphic", "test_both.py", "--cnnperf-check-only")
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(["*needs 2 GPUs, but the test holds 1: mark it @pytest.mark.gpus(2): *test_both*"])


def test_an_error_of_ours_in_a_fixture_is_shown_without_a_traceback(suite):
    suite.pytester.makepyfile(
        test_own="""
        import pytest
        from pytest_cnnperf.errors import UsageError

        @pytest.fixture
        def wrong():
            raise UsageError("complete as it stands")

        def test_it(wrong): pass
        """
    )
    result = suite.run("test_own.py")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["UsageError: complete as it stands"])
    result.stdout.no_fnmatch_line("*raise UsageError*")
