"""Names of the kernels of a call, read off a graph that it was captured into: nothing is profiled, and nothing runs.

Not yet run on a GPU.
"""

import ctypes
from typing import Any, Callable, List

from .calls import ADDRESS, CallFailed, Calls
from .runtime import Runtime

# Source: cuda.h of CUDA 13.
_KERNEL_NODE = 0
SIGNATURES = {
    "cuGraphGetNodes": (ADDRESS, ADDRESS, ADDRESS),
    "cuGraphNodeGetType": (ADDRESS, ADDRESS),
    "cuGraphKernelNodeGetParams_v2": (ADDRESS, ADDRESS),
    "cuFuncGetName": (ADDRESS, ADDRESS),
    "cuKernelGetName": (ADDRESS, ADDRESS),
}


class Launch(ctypes.Structure):
    """CUDA_KERNEL_NODE_PARAMS_v2: `kernel` counts where `function` is null."""

    _fields_ = [
        ("function", ctypes.c_void_p),
        ("sizes", ctypes.c_uint * 7),
        ("arguments", ctypes.c_void_p),
        ("extra", ctypes.c_void_p),
        ("kernel", ctypes.c_void_p),
        ("context", ctypes.c_void_p),
    ]


class Kernels:
    """Asks the driver, libcuda.

    Raises: MissingFunction where it is older than CUDA 12.3.
    """

    def __init__(self, driver: Any) -> None:
        self.calls = Calls(driver, SIGNATURES, _failed, title="cuda")

    def names(self, runtime: Runtime, stream: int, enqueue: "Callable[[], Any]") -> "List[str]":
        """Names of all kernels of this call in the order of their capture, as in the source.

        Raises: CaptureFailed, CallFailed.
        """
        graph = runtime.captured(stream, enqueue)
        try:
            return [demangled(self._name(node)) for node in self._nodes(graph) if self._is_kernel(node)]
        finally:
            runtime.drop_captured(graph)

    def _nodes(self, graph: int) -> "List[int]":
        count = ctypes.c_size_t()
        self.calls("cuGraphGetNodes", graph, None, ctypes.byref(count))
        nodes = (ctypes.c_void_p * max(1, count.value))()
        self.calls("cuGraphGetNodes", graph, nodes, ctypes.byref(count))
        return [node for node in nodes[: count.value] if node is not None]

    def _is_kernel(self, node: int) -> bool:
        kind = ctypes.c_int()
        self.calls("cuGraphNodeGetType", node, ctypes.byref(kind))
        return kind.value == _KERNEL_NODE

    def _name(self, node: int) -> str:
        launch, name = Launch(), ctypes.c_char_p()
        self.calls("cuGraphKernelNodeGetParams_v2", node, ctypes.byref(launch))
        if launch.function:
            self.calls("cuFuncGetName", ctypes.byref(name), launch.function)
        else:
            self.calls("cuKernelGetName", ctypes.byref(name), launch.kernel)
        return (name.value or b"").decode("utf-8", "replace")


def demangled(name: str) -> str:
    """A C++ name as in its source; any other, and all where there is no C++ library, as it is."""
    try:
        library = ctypes.CDLL("libstdc++.so.6")
    except OSError:
        return name
    demangle, status = library["__cxa_demangle"], ctypes.c_int()
    demangle.argtypes, demangle.restype = [ctypes.c_char_p, ADDRESS, ADDRESS, ADDRESS], ctypes.c_void_p
    text = demangle(name.encode(), None, None, ctypes.byref(status))
    if not text:
        return name
    try:
        return (ctypes.string_at(text)).decode("utf-8", "replace")
    finally:
        free = ctypes.CDLL(None)["free"]
        free.argtypes = [ctypes.c_void_p]
        free(text)


def _failed(function: str, status: int) -> CallFailed:
    return CallFailed(function, status, "a CUresult of cuda.h")
