"""The whole line of a device clock: a real worker process, the wire, the loop, and the model in place of a GPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pytest_cnnperf.cases import Algorithm, Case, Clock, DeviceKind, Pass, Problem
from pytest_cnnperf.errors import NotOffered, WorkerRefused
from pytest_cnnperf.host import remote

ADAPTER = Path(__file__).with_name("modelled_adapter.py")
CASE = Case(
    "cudnn",
    "convolution",
    "custom",
    "layer",
    Problem(2, 4, 9, 8, 6, 3, 3, pad=1),
    Pass.BACKWARD_DATA,
    Algorithm.WINOGRAD,
    device_kind=DeviceKind.CUDA,
    clock=Clock.DEVICE_COLD,
    options=(("variant", "nonfused"),),
)


@pytest.fixture
def prepared(start, operands_of):
    """Prepares the case in a worker whose device has these properties."""

    def prepare(**device):
        worker = start(ADAPTER, environment={"OMP_NUM_THREADS": "1", "CNNPERF_MODELLED": repr(device)})
        return remote.prepare(worker, CASE, operands_of(CASE), deadline_seconds=30)

    return prepare


def test_a_case_is_prepared_timed_and_its_last_output_is_the_negative_of_the_first(
    prepared, operands_of, by_definition, model
):
    case = prepared()

    assert np.array_equal(case.output, by_definition(CASE, operands_of(CASE)))
    assert case.control == "sgemm2048 pedantic flushed 1"
    assert case.resolved.algorithm is Algorithm.WINOGRAD
    assert case.resolved.name == "cuDNN WINOGRAD_NONFUSED FMA_MATH"
    assert case.resolved.workspace_bytes == 5000
    assert case.resolved.peak_bytes > 5000
    assert case.estimate(Clock.DEVICE_COLD) == (model.CONVOLUTION_NS["cold"], model.PRODUCT_NS["cold"])
    for clock, temperature in ((Clock.DEVICE_COLD, "cold"), (Clock.DEVICE_HOT, "hot")):
        timed = case.time(samples=2, warmup=1, repeats=3, control_units=2, clock=clock, flip=True)
        assert timed.workload_ns == (model.CONVOLUTION_NS[temperature],) * 2
        assert timed.control_ns == (model.PRODUCT_NS[temperature],) * 2
    assert np.array_equal(case.last_output(), case.output)  # negated twice
    case.time(samples=1, warmup=0, repeats=1, control_units=1, clock=Clock.DEVICE_COLD, flip=True)
    assert np.array_equal(case.last_output(), -case.output)
    case.release()


def test_a_status_of_cudnn_crosses_the_wire_as_a_hole(prepared):
    with pytest.raises(NotOffered, match="CUDNN_STATUS_NOT_SUPPORTED"):
        prepared(unsupported=[("BackwardData", 5)])


def test_missing_libraries_are_a_refusal_that_says_where_they_were_looked_for(start, tmp_path):
    adapter = tmp_path / "nowhere.py"
    adapter.write_text(
        "from cnnperf_worker.adapters import cudnn\n"
        "from cnnperf_worker.cuda import libraries\n"
        "libraries.NAMES = {'cudart': ('libcnnperf-no-such.so.13',)}\n"
        "libraries.loaded.paths = lambda fragment: []\n"
        "Adapter = cudnn.Adapter\n"
    )

    with pytest.raises(WorkerRefused, match=r"libcudart was found neither .*; next: python -m pip"):
        start(adapter)


def test_a_missing_driver_is_a_refusal_with_the_next_command(prepared):
    with pytest.raises(WorkerRefused, match=r"cudaErrorInsufficientDriver.*next: nvidia-smi"):
        prepared(has_driver=False)
