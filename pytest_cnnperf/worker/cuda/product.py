"""The control of a GPU: a fixed product of two matrices by cuBLAS, whatever framework is under test."""

import ctypes
from contextlib import ExitStack
from typing import Any

import numpy as np

from .. import control
from . import libraries
from .calls import ADDRESS, INT, SIZE, CallFailed, Calls, function_of
from .runtime import Memory, Runtime
from .timing import Timed, Timer

CONTROL_SIDE = 2048
_NO_TRANSPOSE = 0
_ALLOCATION_FAILED = 3
_PEDANTIC = 2  # float32 throughout: neither TF32 nor emulation by bfloat16, whatever the environment says
_WORKSPACE_BYTES = 32 << 20  # NVIDIA's recommendation for Hopper; without one of ours a capture would allocate

SIGNATURES = {
    "cublasCreate_v2": (ADDRESS,),
    "cublasDestroy_v2": (ADDRESS,),
    "cublasSetStream_v2": (ADDRESS, ADDRESS),
    "cublasSetWorkspace_v2": (ADDRESS, ADDRESS, SIZE),
    "cublasSetMathMode": (ADDRESS, INT),
    "cublasSgemm_v2": (ADDRESS,) + (INT,) * 5 + (ADDRESS, ADDRESS, INT, ADDRESS, INT, ADDRESS, ADDRESS, INT),
}
STATUS_NAME = "cublasGetStatusName"


class Product:
    """Strict float32 product of two fixed square matrices; one unit is one product. Not yet run on a GPU.

    It finds its libraries by itself; `runtime`, `cublas` and `timer` are for callers that have them already. `version`
    is that of the control, of the default `side`: it changes with whatever would change its time, except cuBLAS itself,
    which frameworks bring along.
    Cost: 17.2 GFLOP a unit of the control, and 336 MiB of device memory, 256 of them the flush.
    Raises: LibraryNotFound, NoDevice, OutOfDeviceMemory.
    """

    version = "sgemm2048 pedantic flushed 1"

    def __init__(self, runtime: Any = None, cublas: Any = None, *, timer: Any = None, side: int = CONTROL_SIDE) -> None:
        if runtime is None:
            runtime = Runtime(libraries.load("cudart"))
            runtime.start()
        cublas = libraries.load("cublas") if cublas is None else cublas
        self.name_of = function_of(cublas, STATUS_NAME, (INT,), ctypes.c_char_p, title="cublas")
        self.calls = Calls(cublas, SIGNATURES, self._failed, title="cublas")
        self.runtime = runtime
        self.timer = Timer(runtime) if timer is None else timer
        self.side = side
        self.scales = (ctypes.c_float(1), ctypes.c_float(0))
        self.timed = Timed(self.timer, self._enqueue)
        self.held = ExitStack()
        try:
            self._allocate()
            self._start()
        except BaseException:
            self.close()
            if timer is None:
                self.timer.close()
            raise

    def nanoseconds(self, units: int, clock: str) -> int:
        """Device time of so many products on "device_cold" or "device_hot"."""
        return self.timed.nanoseconds(units, clock)

    def output(self) -> Any:
        """The product that ran last; cuBLAS counts rows first."""
        values = np.empty((self.side, self.side), np.float32)
        self.runtime.copy_out(self.result, values)
        return values.T

    def close(self) -> None:
        """Give back what it holds, but not the timer."""
        self.timed.close()
        self.held.close()

    def _failed(self, function: str, status: int) -> CallFailed:
        return CallFailed(function, status, self.name_of(status).decode())

    def _allocate(self) -> None:
        a, b = matrices(self.side)
        self.a, self.b = (self._block(a.nbytes, "the operands of the control") for _ in range(2))
        self.runtime.copy_in(self.a, a)
        self.runtime.copy_in(self.b, b)
        self.result = self._block(a.nbytes, "the result of the control")
        self.workspace = self._block(_WORKSPACE_BYTES, "the workspace of the control")

    def _block(self, size_bytes: int, purpose: str) -> Memory:
        memory = self.runtime.allocate(size_bytes, purpose)
        self.held.callback(memory.free)
        return memory

    def _start(self) -> None:
        """cuBLAS's handle, and a first product: it loads kernels and may allocate, which a capture forbids."""
        self.handle = handle = ctypes.c_void_p()
        try:
            self.calls("cublasCreate_v2", ctypes.byref(handle))
        except CallFailed as error:
            if error.status != _ALLOCATION_FAILED:
                raise
            raise self.runtime.out_of_memory("cuBLAS cannot allocate what it needs for the control") from error
        self.held.callback(self.calls, "cublasDestroy_v2", handle)
        self.calls("cublasSetStream_v2", handle, self.timer.stream)
        # After the stream: choosing one takes the workspace away.
        self.calls("cublasSetWorkspace_v2", handle, self.workspace.address, _WORKSPACE_BYTES)
        self.calls("cublasSetMathMode", handle, _PEDANTIC)
        self._enqueue()
        self.runtime.synchronize()

    def _enqueue(self) -> None:
        one, zero = map(ctypes.byref, self.scales)
        side = self.side
        how = (_NO_TRANSPOSE, _NO_TRANSPOSE, side, side, side)
        left, right = (one, self.a.address, side), (self.b.address, side)
        self.calls("cublasSgemm_v2", self.handle, *(how + left + right + (zero, self.result.address, side)))


def matrices(side: int) -> Any:
    """Two different ones without a pattern: a GPU computes zeros and repetitions faster than anything else."""
    both = control.scrambled(2, side, side)
    return both[0], both[1]
