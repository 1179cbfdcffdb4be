"""The CUDA runtime: memory, copies, streams, events and graphs of the one device that this process sees.

Not yet run on a GPU. Streams, events and graphs are addresses, as the runtime hands them out.
"""

import ctypes
from typing import Any, Callable, Tuple

import numpy as np

from .calls import ADDRESS, FLAGS, INT, LONG_FLAGS, SIZE, CallFailed, Calls, function_of

# Source: driver_types.h of CUDA 12 and 13.
_OUT_OF_MEMORY = 2
_TO_DEVICE, _TO_HOST, _WITHIN_DEVICE = 1, 2, 3
_NON_BLOCKING = 1
_CAPTURE_THIS_THREAD = 1
_L2_BYTES = 38
_NO_DEVICE = (35, 36, 100, 999)  # insufficient driver, call requires newer driver, no device, unknown

SIGNATURES = {
    "cudaRuntimeGetVersion": (ADDRESS,),
    "cudaDriverGetVersion": (ADDRESS,),
    "cudaGetDeviceCount": (ADDRESS,),
    "cudaSetDevice": (INT,),
    "cudaDeviceGetAttribute": (ADDRESS, INT, INT),
    "cudaDeviceSynchronize": (),
    "cudaMemGetInfo": (ADDRESS, ADDRESS),
    "cudaMalloc": (ADDRESS, SIZE),
    "cudaFree": (ADDRESS,),
    "cudaMemcpy": (ADDRESS, ADDRESS, SIZE, INT),
    "cudaMemcpyAsync": (ADDRESS, ADDRESS, SIZE, INT, ADDRESS),
    "cudaMemsetAsync": (ADDRESS, INT, SIZE, ADDRESS),
    "cudaStreamCreateWithFlags": (ADDRESS, FLAGS),
    "cudaStreamDestroy": (ADDRESS,),
    "cudaStreamSynchronize": (ADDRESS,),
    "cudaStreamBeginCapture": (ADDRESS, INT),
    "cudaStreamEndCapture": (ADDRESS, ADDRESS),
    "cudaEventCreate": (ADDRESS,),
    "cudaEventDestroy": (ADDRESS,),
    "cudaEventRecord": (ADDRESS, ADDRESS),
    "cudaEventSynchronize": (ADDRESS,),
    "cudaEventElapsedTime": (ADDRESS, ADDRESS, ADDRESS),
    "cudaGraphInstantiateWithFlags": (ADDRESS, ADDRESS, LONG_FLAGS),
    "cudaGraphLaunch": (ADDRESS, ADDRESS),
    "cudaGraphExecDestroy": (ADDRESS,),
    "cudaGraphDestroy": (ADDRESS,),
}
TEXTS = ("cudaGetErrorName", "cudaGetErrorString")


class OutOfDeviceMemory(MemoryError):
    """The device has no block of this size left."""


class NoDevice(CallFailed):
    """No GPU can be used: no driver, one that is too old, or none visible."""


class CaptureFailed(CallFailed):
    """These calls cannot become a graph."""


class Memory:
    """A block on the device."""

    def __init__(self, runtime: "Runtime", address: int, size_bytes: int) -> None:
        self.runtime = runtime
        self.address = address
        self.size_bytes = size_bytes

    def free(self) -> None:
        """Give it back; once more does nothing."""
        if self.address:
            address, self.address = self.address, 0
            self.runtime.calls("cudaFree", address)


class Runtime:
    """Calls of libcudart on device 0: the host leases a GPU by leaving only that one visible.

    Raises: CallFailed with the runtime's own words, of every method.
    """

    def __init__(self, cudart: Any) -> None:
        self.calls = Calls(cudart, SIGNATURES, self._failed, title="cudart")
        self.texts = [function_of(cudart, name, (INT,), ctypes.c_char_p, title="cudart") for name in TEXTS]
        # A failure is remembered per thread; a framework in this process would take the next look at it for its own.
        self.forget = function_of(cudart, "cudaGetLastError", (), ctypes.c_int, title="cudart")

    def _failed(self, function: str, status: int) -> CallFailed:
        self.forget()
        name, text = (tell(status).decode() for tell in self.texts)
        if function == "cudaGetDeviceCount" and status in _NO_DEVICE:
            return NoDevice(function, status, name, detail=text + "; next: nvidia-smi")
        return CallFailed(function, status, name, detail=text)

    def version(self, of: str = "Runtime") -> str:
        """Version of the runtime, or of the driver (of="Driver"), e.g. ``13.0``; empty where there is no driver."""
        number = self._answer("cuda%sGetVersion" % of, ctypes.c_int)
        return "%d.%d" % (number // 1000, number % 1000 // 10) if number else ""

    def start(self) -> None:
        """Use device 0.

        Raises: NoDevice.
        """
        self._answer("cudaGetDeviceCount", ctypes.c_int)
        self.calls("cudaSetDevice", 0)

    def l2_bytes(self) -> int:
        """Size of the device's last cache."""
        return int(self._answer("cudaDeviceGetAttribute", ctypes.c_int, _L2_BYTES, 0))

    def memory_bytes(self) -> "Tuple[int, int]":
        """Free and total memory of the device."""
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        self.calls("cudaMemGetInfo", ctypes.byref(free), ctypes.byref(total))
        return free.value, total.value

    def allocate(self, size_bytes: int, purpose: str) -> Memory:
        """A block of so many bytes, at least one.

        Raises: OutOfDeviceMemory with what was asked for and what is there.
        """
        address = ctypes.c_void_p()
        try:
            self.calls("cudaMalloc", ctypes.byref(address), max(1, size_bytes))
        except CallFailed as error:
            if error.status != _OUT_OF_MEMORY:
                raise
            raise self.out_of_memory("%d bytes asked for %s" % (size_bytes, purpose)) from None
        return Memory(self, address.value or 0, size_bytes)

    def out_of_memory(self, asked: str) -> OutOfDeviceMemory:
        """The error that says what was asked and what is free."""
        return OutOfDeviceMemory(
            "out of device memory: %s, %d of %d free; next: a smaller batch, or end what else uses the GPU (nvidia-smi)"
            % ((asked,) + self.memory_bytes())
        )

    def copy_in(self, memory: Memory, array: Any) -> None:
        """The array's bytes, in C order, into a block of their size."""
        values = np.ascontiguousarray(array)
        self._check_size(memory, values)
        # The stream of the samples does not wait for copies, nor they for it.
        self.synchronize()
        self.calls("cudaMemcpy", memory.address, values.ctypes.data, values.nbytes, _TO_DEVICE)
        self.synchronize()

    def copy_out(self, memory: Memory, array: Any) -> None:
        """A block's bytes into a C-ordered array of their size, after all that the device has still to do."""
        self._check_size(memory, array)
        self.synchronize()
        self.calls("cudaMemcpy", array.ctypes.data, memory.address, array.nbytes, _TO_HOST)

    def copy_within(self, target: Memory, source: Memory, stream: int) -> None:
        """One block into another of at least its size, in the stream's turn."""
        self.calls("cudaMemcpyAsync", target.address, source.address, source.size_bytes, _WITHIN_DEVICE, stream)

    def _check_size(self, memory: Memory, array: Any) -> None:
        if memory.size_bytes != array.nbytes:
            raise ValueError("copy of %d bytes; expected the block's %d" % (array.nbytes, memory.size_bytes))

    def set_bytes(self, memory: Memory, value: int, stream: int) -> None:
        """Write one byte's value all over a block, in the stream's turn."""
        self.calls("cudaMemsetAsync", memory.address, value, memory.size_bytes, stream)

    def synchronize(self) -> None:
        """Wait until the device has nothing more to do."""
        self.calls("cudaDeviceSynchronize")

    def stream(self) -> int:
        """A new stream that waits for no other."""
        return self._answer("cudaStreamCreateWithFlags", ctypes.c_void_p, _NON_BLOCKING)

    def drop_stream(self, stream: int) -> None:
        """Give a stream back."""
        self.calls("cudaStreamDestroy", stream)

    def wait_for(self, stream: int) -> None:
        """Wait until this stream has nothing more to do."""
        self.calls("cudaStreamSynchronize", stream)

    def event(self) -> int:
        """A new event that takes the device's time."""
        return self._answer("cudaEventCreate", ctypes.c_void_p)

    def drop_event(self, event: int) -> None:
        """Give an event back."""
        self.calls("cudaEventDestroy", event)

    def record(self, event: int, stream: int) -> None:
        """The event's time is when the stream comes to this point."""
        self.calls("cudaEventRecord", event, stream)

    def elapsed_ns(self, start: int, end: int) -> int:
        """Device time between two events, after the second; the runtime's resolution is about 500 ns."""
        self.calls("cudaEventSynchronize", end)
        milliseconds = ctypes.c_float()
        self.calls("cudaEventElapsedTime", ctypes.byref(milliseconds), start, end)
        return round(milliseconds.value * 1e6)

    def captured(self, stream: int, enqueue: "Callable[[], Any]") -> int:
        """A graph, not yet executable, of what `enqueue` puts on the stream; nothing of it runs.

        Raises: CaptureFailed, or what `enqueue` raised; the stream can be used again after either.
        """
        self.calls("cudaStreamBeginCapture", stream, _CAPTURE_THIS_THREAD)
        graph = ctypes.c_void_p()
        try:
            enqueue()
        except BaseException as error:
            # Its own status says less than what has just been raised.
            self.calls.functions["cudaStreamEndCapture"](stream, ctypes.byref(graph))
            self.forget()
            if isinstance(error, CallFailed):
                raise CaptureFailed(error.function, error.status, error.name) from error
            raise
        try:
            self.calls("cudaStreamEndCapture", stream, ctypes.byref(graph))
        except CallFailed as error:
            raise CaptureFailed(error.function, error.status, error.name) from error
        return graph.value or 0

    def drop_captured(self, graph: int) -> None:
        """Give back what `captured` made."""
        self.calls("cudaGraphDestroy", graph)

    def capture(self, stream: int, enqueue: "Callable[[], Any]") -> int:
        """An executable graph of what `enqueue` puts on the stream; nothing of it runs yet.

        Raises: CaptureFailed, or what `enqueue` raised.
        """
        graph = self.captured(stream, enqueue)
        try:
            return int(self._answer("cudaGraphInstantiateWithFlags", ctypes.c_void_p, graph, 0))
        except CallFailed as error:
            raise CaptureFailed(error.function, error.status, error.name) from error
        finally:
            self.drop_captured(graph)

    def replay(self, graph: int, stream: int) -> None:
        """Put a captured graph on the stream."""
        self.calls("cudaGraphLaunch", graph, stream)

    def drop_graph(self, graph: int) -> None:
        """Give a captured graph back."""
        self.calls("cudaGraphExecDestroy", graph)

    def _answer(self, name: str, kind: Any, *arguments: Any) -> Any:
        """Value of the first, outgoing, argument."""
        value = kind()
        self.calls(name, ctypes.byref(value), *arguments)
        return value.value
