"""Parts of the adapters that need no framework: the network that Caffe is given, and what loaded libraries tell."""

from __future__ import annotations

import re
import runpy
import sys
from types import ModuleType

import pytest

from pytest_cnnperf.cases import Algorithm, Case, Pass, Problem
from pytest_cnnperf.frameworks.spec import adapter_file
from pytest_cnnperf.host.remote import to_wire
from pytest_cnnperf.worker import wire

UNEVEN = Problem(2, 4, 15, 14, 6, 5, 3, stride=(2, 1), pad=(1, 0), dilation=(1, 2), groups=2)


@pytest.fixture
def prototxt(monkeypatch):
    """The network of a case, as the adapter writes it for Caffe."""
    stubs = {name: ModuleType(name) for name in ("caffe", "cnnperf_worker", "cnnperf_worker.adapters")}
    stubs["cnnperf_worker.adapters"].loaded = None
    for name, module in {**stubs, "wire": wire}.items():
        monkeypatch.setitem(sys.modules, name, module)
    written = runpy.run_path(str(adapter_file("caffe")))["_prototxt"]

    def of(pass_, algorithm=Algorithm.GEMM):
        case = Case("caffe", "convolution", "n", "l", UNEVEN, pass_, algorithm)
        return written(wire.Case(to_wire(case)))

    return of


@pytest.mark.parametrize(
    ("pass_", "source", "learning_rate", "losses"),
    [
        (Pass.FORWARD, "Input", "0", 0),
        # What has parameters below it gets a gradient; what has learning rate 0 has none of its own.
        (Pass.BACKWARD_DATA, "Parameter", "0", 1),
        (Pass.BACKWARD_FILTER, "Input", "1", 1),
    ],
)
def test_caffe_is_left_one_gradient_to_compute_and_a_loss_to_begin_from(prototxt, pass_, source, learning_rate, losses):
    text = prototxt(pass_)

    assert re.search(r'name: "source" .*type: "(\w+)"', text)[1] == source
    assert re.search(r"lr_mult: (\d)", text)[1] == learning_rate
    assert text.count("loss_weight: 1") == losses
    assert "force_backward" not in text  # it computes both gradients, whatever else is said


def test_caffe_is_told_the_two_numbers_of_each_pair_in_their_order(prototxt):
    text = prototxt(Pass.FORWARD)

    assert "dim: 2 dim: 4 dim: 15 dim: 14" in text
    assert "num_output: 6 bias_term: false group: 2" in text
    assert "kernel_h: 5 kernel_w: 3 stride_h: 2 stride_w: 1 pad_h: 1 pad_w: 0 dilation: 1 dilation: 2" in text


def test_caffe_is_never_asked_for_the_engine_that_ends_a_process_of_the_cpu_build(prototxt):
    assert "engine: CAFFE" in prototxt(Pass.FORWARD, Algorithm.GEMM)
    assert "engine: DEFAULT" in prototxt(Pass.FORWARD, Algorithm.AUTO)


def test_only_loaded_libraries_are_found_and_what_is_not_loaded_tells_nothing():
    loaded = runpy.run_path(str(adapter_file("loaded")))

    assert any("libc.so" in path or "libc-" in path for path in loaded["paths"]("libc"))
    assert loaded["paths"]("libthatnobodyhas") == []
    assert loaded["_function"]("libthatnobodyhas", "malloc") is None
    assert loaded["_function"]("libc.so", "no_such_function") is None
