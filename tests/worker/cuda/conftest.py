"""A model of CUDA's libraries, and the adapter of cuDNN on it, in this process."""

from __future__ import annotations

import importlib
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from pytest_cnnperf.cases import Case
from pytest_cnnperf.host.remote import to_wire
from pytest_cnnperf.worker import wire
from pytest_cnnperf.worker.cuda import kernels, product, runtime
from pytest_cnnperf.worker.cudnn import convolutions

HERE = Path(__file__).parent
# Not a package: the adapter of a real worker loads the same two files, in a process without these tests.
sys.path.insert(0, str(HERE))
MODEL, CUDNN_MODEL = importlib.import_module("cuda_model"), importlib.import_module("cudnn_model")
sys.path.remove(str(HERE))
# As a worker names them: what an adapter imports must be what the tests look at.
AS_IN_A_WORKER = (
    "adapters",
    "adapters.kernel_names",
    "adapters.loaded",
    "cuda",
    *(f"cuda.{name}" for name in ("calls", "ceilings", "kernels", "libraries", "product", "runtime", "timing")),
    "cudnn",
    "cudnn.choosing",
    "cudnn.convolutions",
)


@pytest.fixture(scope="session")
def model() -> ModuleType:
    """The model's own names: its device times, its statuses."""
    return MODEL


@pytest.fixture
def libraries() -> Callable[..., Any]:
    """Makes a device and the loader of its libraries."""

    def make(**device: Any) -> Any:
        signatures = runtime.SIGNATURES, product.SIGNATURES
        return CUDNN_MODEL.libraries(*signatures, kernels, convolutions=convolutions, **device)

    return make


@pytest.fixture
def small_control(monkeypatch: pytest.MonkeyPatch) -> int:
    """A control of 8 by 8 matrices instead of 2048 by 2048, for tests that only pass by it."""
    side = 8
    monkeypatch.setitem(product.Product.__init__.__kwdefaults__, "side", side)
    return side


@pytest.fixture
def adapter(monkeypatch: pytest.MonkeyPatch, libraries: Any, small_control: int) -> Callable[..., Any]:
    """Makes an adapter on a modelled device, which it has as `gpu`, with cuDNN as `library`."""
    package = "pytest_cnnperf.worker"
    monkeypatch.setitem(sys.modules, "wire", wire)
    monkeypatch.setitem(sys.modules, "cnnperf_worker", importlib.import_module(package))
    for name in AS_IN_A_WORKER:
        monkeypatch.setitem(sys.modules, f"cnnperf_worker.{name}", importlib.import_module(f"{package}.{name}"))
    module = SimpleNamespace(**runpy.run_path(str(Path(wire.__file__).parent / "adapters" / "cudnn.py")))

    def make(**device: Any) -> Any:
        gpu, load = libraries(**device)
        made = module.Adapter(load=load)
        made.gpu, made.library = gpu, load("cudnn")
        return made

    return make


@pytest.fixture
def as_sent() -> Callable[[Case], wire.Case]:
    """A case as the worker has it."""
    return lambda case: wire.Case(to_wire(case))
