"""cuDNN's algorithms in a whole run, recorded and compared: a made-up driver, and a model of CUDA's libraries."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
MODELLED = f"""
from dataclasses import replace
from pathlib import Path
from pytest_cnnperf.frameworks.cudnn import SPEC

def pytest_cnnperf_frameworks():
    adapter = Path({str(TESTS / "worker" / "cuda" / "modelled_adapter.py")!r})
    # On Hopper and later cuDNN has no fused Winograd.
    environment = {{"CNNPERF_MODELLED": "{{'unsupported': [('Forward', 3), ('Forward', 6)]}}"}}
    return [replace(SPEC, adapter=adapter, modules=(), environment=environment)]
"""
ARGUMENTS = ("--cnnperf-frameworks=cudnn", "--cnnperf-batches=1", "test_suite.py")


@pytest.fixture
def modelled(suite, monkeypatch):
    """A folder in which the framework cudnn runs on the model, on the quiet GPU of a made-up driver."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    driver = runpy.run_path(str(Path(__file__).with_name("test_gpu_state.py")))["DRIVER"]
    suite.pytester.makeconftest(MODELLED)
    suite.pytester.makepyfile(pynvml=driver.replace("MHZ", "1980"))
    return suite


def test_a_run_records_what_cudnn_ran_and_the_next_one_compares_with_it(modelled):
    arguments = (*ARGUMENTS, "--cnnperf-algorithms=winograd", "--cnnperf-compare")

    recorded = by_variant(modelled.outcomes(*arguments, "--cnnperf-missing=record"))

    fused, nonfused = recorded["fused"], recorded["nonfused"]
    # Layer b has a stride of 2, and is no case of Winograd at all.
    assert (fused["verdict"], fused["reason"]) == ("UNKNOWN", "not_offered")
    assert (
        "cuDNN WINOGRAD: cudnnGetConvolutionForwardWorkspaceSize: CUDNN_STATUS_NOT_SUPPORTED (3000)" in fused["detail"]
    )
    assert nonfused["reason"] == "no_baseline"
    assert nonfused["resolved"] == "cuDNN WINOGRAD_NONFUSED FMA_MATH"
    # x 2 x 6 x 6, y 3 x 6 x 6, w 3 x 2 x 3 x 3 in float32, and the 7000 bytes that the model scripts for number 7.
    assert nonfused["workspace_bytes"] == 7000
    assert nonfused["peak_memory_bytes"] == 4 * (72 + 108 + 54) + 7000

    compared = by_variant(modelled.outcomes(*arguments))

    assert compared["nonfused"]["verdict"] == "SAME"


def by_variant(outcomes):
    assert len(outcomes) == 2
    return {"nonfused" if each["key"].endswith("variant=nonfused") else "fused": each for each in outcomes}
