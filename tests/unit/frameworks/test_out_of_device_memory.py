"""The adapters of torch and JAX with a made-up framework: what they hold of a GPU, and what they do when it is full."""

from __future__ import annotations

import gc
import importlib
import runpy
import sys
import weakref
from contextlib import nullcontext
from types import ModuleType, SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pytest

from pytest_cnnperf.cases import Algorithm, Case, DeviceKind, Pass, Problem
from pytest_cnnperf.frameworks import torch as torch_offers
from pytest_cnnperf.frameworks.spec import adapter_file
from pytest_cnnperf.host.pool import identify
from pytest_cnnperf.host.remote import to_wire
from pytest_cnnperf.worker import wire

CASE = Case(
    *("any", "convolution", "custom", "layer", Problem(2, 4, 6, 6, 4, 3, 3), Pass.BACKWARD_DATA, Algorithm.AUTO),
    device_kind=DeviceKind.CUDA,
)


class OutOfMemory(RuntimeError):
    """The made-up framework's own."""


class Cuda:
    """What a GPU adds to an adapter, and a compiled call that is kept."""

    def __init__(self):
        self.control = SimpleNamespace(version="made up")
        self.kept = []

    def begin(self):
        pass

    def compile(self, _case, call, _operands):
        self.kept.append(call)
        return call


@pytest.fixture
def adapter_of(monkeypatch):
    """The adapter of this name, on these stand-ins for what it imports."""

    def load(name, *, cnnperf_adapters=(), **stand_ins):
        package = {"cnnperf_worker": "", "cnnperf_worker.adapters": ".adapters"}
        made = {full: importlib.import_module(f"pytest_cnnperf.worker{part}") for full, part in package.items()}
        adapters = ModuleType("cnnperf_worker.adapters")
        for each, stand_in in dict(cnnperf_adapters).items():
            setattr(adapters, each, stand_in)
        made.update({"cnnperf_worker.adapters": adapters, "wire": wire, **stand_ins})
        for full, stand_in in made.items():
            monkeypatch.setitem(sys.modules, full, stand_in)
        return SimpleNamespace(**runpy.run_path(str(adapter_file(name)))).Adapter()

    return load


def arrays_of(case):
    return {name: np.zeros(shape, np.float32) for name, shape in case.operand_shapes}


class Tensor:
    """Device memory."""

    def contiguous(self, memory_format):
        return self

    def copy_(self, values):
        return self


@pytest.fixture
def torch_adapter(adapter_of):
    torch = MagicMock()
    torch.empty = lambda *_, **__: Tensor()
    torch_cuda = SimpleNamespace(Cuda=Cuda, compilations=int)
    adapters = {"torch_cuda": torch_cuda, "onednn_verbose": None, "transform_probe": None}
    made = adapter_of("torch", torch=torch, cnnperf_adapters=adapters)
    made.cuda.refusing = nullcontext
    made.torch = torch
    return made


@pytest.mark.parametrize("pass_", [Pass.BACKWARD_DATA, Pass.BACKWARD_FILTER])
def test_a_compiled_call_that_outlives_its_case_holds_no_device_memory(torch_adapter, pass_):
    case = wire.Case({**to_wire(CASE), "pass": str(pass_), "options": {"compiled": "on"}})
    handle = torch_adapter.prepare(case, arrays_of(case))
    assert len(handle.operands) == 3
    held = [weakref.ref(operand) for operand in handle.operands]

    assert torch_adapter.cuda.kept, "the call that is kept"
    del handle
    gc.collect()

    assert [operand() for operand in held] == [None] * 3


def test_products_of_short_floats_are_added_up_in_float32(torch_adapter):
    torch_adapter.prepare(wire.Case(to_wire(CASE)), arrays_of(wire.Case(to_wire(CASE))))

    matmul = torch_adapter.torch.backends.cuda.matmul
    assert matmul.allow_bf16_reduced_precision_reduction is False
    assert matmul.allow_fp16_reduced_precision_reduction is False


def test_what_searches_for_plans_has_a_worker_of_its_own():
    # In one process PyTorch's cache would hand the searched plan to the heuristic's case, or the other way round.
    on_gpu = {offer.options: offer for offer in torch_offers.SPEC.offers if offer.device_kind is DeviceKind.CUDA}
    searching = on_gpu[(("benchmark", "on"),)]
    others = [on_gpu[(("deterministic", "on"),)], on_gpu[(("compiled", "on"),)], on_gpu[()]]

    workers = {identify(torch_offers.SPEC, offer, CASE) for offer in others}

    assert len(workers) == 1
    assert identify(torch_offers.SPEC, searching, CASE) not in workers


@pytest.fixture
def jax_adapter(adapter_of):
    jax = MagicMock()
    jax.errors.JaxRuntimeError = OutOfMemory
    names = ("jax_cuda", "xla_text")
    jax_cuda = SimpleNamespace(
        Cuda=Cuda,
        CompilationCount=lambda: SimpleNamespace(count=0),
        TYPES={"float32": np.float32},
        PRECISIONS={"float32": None},
        is_out_of_memory=lambda error: "RESOURCE_EXHAUSTED" in str(error),
    )
    adapters = dict(zip(names, (jax_cuda, None), strict=True))
    made = adapter_of("jax", jax=jax, jaxlib=MagicMock(), cnnperf_adapters=adapters)
    made.jax = jax
    return made


def failing(text):
    def fail(*_, **__):
        raise OutOfMemory(text)

    return fail


FULL = "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8589934592 bytes"


@pytest.mark.parametrize("where", ["compile", "operands", "call", "wait"])
def test_a_device_that_is_full_is_a_hole_in_jax_wherever_it_shows(jax_adapter, where):
    jax, case = jax_adapter.jax, wire.Case(to_wire(CASE))
    compiled = jax.jit.return_value.lower.return_value.compile
    if where == "compile":
        compiled.side_effect = failing(FULL)
    elif where == "operands":
        jax.device_put = failing(FULL)
    elif where == "call":
        compiled.return_value.side_effect = failing(FULL)
    else:
        compiled.return_value.return_value.block_until_ready = failing(FULL)

    def whole_way():
        jax_adapter.run(jax_adapter.prepare(case, arrays_of(case)))
        jax_adapter.synchronize()

    with pytest.raises(wire.NotOffered, match=r"jax backward_data.*: RESOURCE_EXHAUSTED.* 8589934592 bytes; next: a"):
        whole_way()

    assert jax_adapter.latest is None


def test_a_case_that_ran_out_of_memory_keeps_none_in_jax(jax_adapter):
    case = wire.Case(to_wire(CASE))
    handle = jax_adapter.prepare(case, arrays_of(case))
    handle.program.call = failing(FULL)

    with pytest.raises(wire.NotOffered):
        jax_adapter.run(handle)

    assert (handle.operands, handle.result) == ((), None)


def test_another_failure_of_jax_is_none_of_memory(jax_adapter):
    case = wire.Case(to_wire(CASE))
    handle = jax_adapter.prepare(case, arrays_of(case))
    handle.program.call = failing("INTERNAL: illegal address")

    with pytest.raises(OutOfMemory, match="INTERNAL"):
        jax_adapter.run(handle)
