"""libcudart, libcuda and libcublas in Python: C functions; device memory is the host's, device time is scripted.

Work waits on its stream until somebody synchronizes, as on a device: what forgets to wait reads what was there before.
It is loaded by tests, and by the adapter of a real worker (modelled_adapter.py), beside whose package it stands.
"""

from __future__ import annotations

import ctypes
import itertools
import re
from functools import partial

import numpy as np

SUCCESS, OUT_OF_MEMORY, NO_DRIVER, INVALID = 0, 2, 35, 1
CUDA_ERROR = {
    INVALID: (b"cudaErrorInvalidValue", b"invalid argument"),
    OUT_OF_MEMORY: (b"cudaErrorMemoryAllocation", b"out of memory"),
    NO_DRIVER: (b"cudaErrorInsufficientDriver", b"CUDA driver version is insufficient for CUDA runtime version"),
    900: (b"cudaErrorStreamCaptureUnsupported", b"operation not permitted when stream is capturing"),
}
L2_BYTES = 50 << 20
# Device time of each kind of work. What finds its operands in the cache is faster.
FLUSH_NS, COPY_NS, SCALE_NS = 100_000, 200_000, 50_000
CONVOLUTION_NS = {"cold": 3_000_000, "hot": 2_000_000}
PRODUCT_NS = {"cold": 400_000, "hot": 300_000}


def write(address, kind, value):
    """An out-parameter."""
    kind.from_address(address).value = value


class Device:
    """State of the one GPU: blocks, streams with their waiting work, events, graphs, the cache, and the clock."""

    def __init__(self, *, total_bytes=80 << 30, has_driver=True, can_capture=True):
        self.total_bytes = total_bytes
        self.has_driver = has_driver
        self.can_capture = can_capture
        self.blocks = {}
        self.waiting = {0: []}
        self.capturing = {}
        self.events = {}
        self.graphs = {}
        self.now_ns = 0
        self.is_cold = False
        self.is_failed = False
        self.ids = itertools.count(0x1000, 0x10)
        self.log = []

    def free_bytes(self):
        return self.total_bytes - sum(size for size, _ in self.blocks.values())

    def put(self, stream, work, kernel=None):
        """Work for later; a stream under capture only remembers it. Work that a kernel does tells its name."""
        work = partial(work)
        work.kernel = kernel
        (self.capturing[stream] if stream in self.capturing else self.waiting[stream]).append(work)
        return SUCCESS

    def drain(self, stream):
        waiting, self.waiting[stream] = self.waiting[stream], []
        for work in waiting:
            work()

    def spend(self, name, ns):
        self.log.append(name)
        self.now_ns += ns

    def compute(self, name, times, work):
        """A kernel that runs as fast as the cache allows, and leaves its operands there."""
        self.spend(name, times["cold" if self.is_cold else "hot"])
        self.is_cold = False
        work()

    def array(self, address, shape):
        """The float32 values of a block."""
        _, block = self.blocks[address]
        return np.frombuffer(block, np.float32, count=int(np.prod(shape))).reshape(shape)


class Library:
    """C functions by name, made of its methods: cudaMemGetInfo is `mem_get_info`."""

    def __init__(self, device, signatures):
        self.device = device
        self._name = type(self).__name__
        for name, types in signatures.items():
            setattr(self, name, ctypes.CFUNCTYPE(ctypes.c_int, *types)(self.method(name)))

    def method(self, name):
        bare = re.sub("^(cuda|cublas|cudnn)", "", name)
        return getattr(self, re.sub("(?<!^)([A-Z])", r"_\1", bare).lower())


def telling(texts):
    """A function from a status to its text."""

    def tell(status):
        return texts.get(status, b"unknown")

    return tell


class Cudart(Library):
    def __init__(self, device, signatures):
        super().__init__(device, signatures)
        self.cudaGetErrorName = telling({status: name for status, (name, _) in CUDA_ERROR.items()})
        self.cudaGetErrorString = telling({status: text for status, (_, text) in CUDA_ERROR.items()})
        self.cudaGetLastError = partial(self.forget)

    def forget(self):
        self.device.is_failed = False
        return 0

    def failed(self, status):
        self.device.is_failed = True
        return status

    def runtime_get_version(self, out):
        write(out, ctypes.c_int, 13000)
        return SUCCESS

    def driver_get_version(self, out):
        write(out, ctypes.c_int, 13010 if self.device.has_driver else 0)
        return SUCCESS

    def get_device_count(self, out):
        write(out, ctypes.c_int, 1)
        return SUCCESS if self.device.has_driver else self.failed(NO_DRIVER)

    def set_device(self, number):
        return SUCCESS if number == 0 else self.failed(INVALID)

    def device_get_attribute(self, out, attribute, device):
        write(out, ctypes.c_int, {38: L2_BYTES}[attribute])
        return SUCCESS

    def mem_get_info(self, free, total):
        write(free, ctypes.c_size_t, self.device.free_bytes())
        write(total, ctypes.c_size_t, self.device.total_bytes)
        return SUCCESS

    def malloc(self, out, size):
        if size > self.device.free_bytes():
            return self.failed(OUT_OF_MEMORY)
        # What is only flushed or handed to cuDNN need not be there at its full size.
        block = ctypes.create_string_buffer(size if size <= 64 << 20 else 4096)
        address = ctypes.addressof(block)
        self.device.blocks[address] = (size, block)
        write(out, ctypes.c_void_p, address)
        return SUCCESS

    def free(self, address):
        return SUCCESS if self.device.blocks.pop(address, None) else self.failed(INVALID)

    def memcpy(self, target, source, size, kind):
        # Neither waits for a stream that waits for no other, nor is waited for.
        if (target if kind == 1 else source) not in self.device.blocks or kind not in (1, 2):
            return self.failed(INVALID)
        ctypes.memmove(target, source, size)
        return SUCCESS

    def memcpy_async(self, target, source, size, kind, stream):
        return self.device.put(stream, lambda: self.device.spend("copy", COPY_NS)) if kind == 3 else INVALID

    def memset_async(self, address, value, size, stream):
        def work():
            self.device.spend("flush" if size > L2_BYTES else "memset", FLUSH_NS)
            self.device.is_cold = self.device.is_cold or size > L2_BYTES
            ctypes.memset(address, value, len(self.device.blocks[address][1]))

        return self.device.put(stream, work)

    def device_synchronize(self):
        for stream in self.device.waiting:
            self.device.drain(stream)
        return SUCCESS

    def stream_create_with_flags(self, out, flags):
        stream = next(self.device.ids)
        self.device.waiting[stream] = []
        write(out, ctypes.c_void_p, stream)
        return SUCCESS if flags == 1 else INVALID

    def stream_destroy(self, stream):
        self.device.drain(stream)
        del self.device.waiting[stream]
        return SUCCESS

    def stream_synchronize(self, stream):
        self.device.drain(stream)
        return SUCCESS

    def event_create(self, out):
        event = next(self.device.ids)
        self.device.events[event] = None
        write(out, ctypes.c_void_p, event)
        return SUCCESS

    def event_destroy(self, event):
        del self.device.events[event]
        return SUCCESS

    def event_record(self, event, stream):
        self.device.events[event] = None
        return self.device.put(stream, lambda: self.device.events.__setitem__(event, self.device.now_ns))

    def event_synchronize(self, event):
        return self.device_synchronize()

    def event_elapsed_time(self, out, start, end):
        write(out, ctypes.c_float, (self.device.events[end] - self.device.events[start]) / 1e6)
        return SUCCESS

    def stream_begin_capture(self, stream, mode):
        self.device.capturing[stream] = []
        return SUCCESS

    def stream_end_capture(self, stream, out):
        works = self.device.capturing.pop(stream)
        if not self.device.can_capture:
            return self.failed(900)
        return self._made(out, works)

    def graph_instantiate_with_flags(self, out, graph, flags):
        return self._made(out, self.device.graphs[graph])

    def _made(self, out, works):
        graph = next(self.device.ids)
        self.device.graphs[graph] = works
        write(out, ctypes.c_void_p, graph)
        return SUCCESS

    def graph_launch(self, graph, stream):
        for work in self.device.graphs[graph]:
            self.device.put(stream, work)
        return SUCCESS

    def graph_destroy(self, graph):
        return SUCCESS if self.device.graphs.pop(graph, None) is not None else self.failed(INVALID)

    graph_exec_destroy = graph_destroy


class Driver(Library):
    """Names what is in a graph; `names` are those of the model's kernels ("Forward 2"), all others have none."""

    def __init__(self, device, signatures, launch, names):
        self.launch, self.names, self.nodes = launch, names, {}
        super().__init__(device, signatures)

    def method(self, name):
        return super().method("cuda" + name[2:].replace("_v2", ""))

    def graph_get_nodes(self, graph, nodes, count):
        works = self.device.graphs[graph]
        write(count, ctypes.c_size_t, len(works))
        for place, work in enumerate(works if nodes else ()):
            node = next(self.device.ids)
            self.nodes[node] = None if work.kernel is None else self._text(work.kernel)
            write(nodes + 8 * place, ctypes.c_void_p, node)
        return SUCCESS

    def graph_node_get_type(self, node, kind):
        write(kind, ctypes.c_int, 2 if self.nodes[node] is None else 0)
        return SUCCESS

    def graph_kernel_node_get_params(self, node, params):
        # As a kernel of a library, which has no function of its own; every other one as a function.
        launch = self.launch.from_address(params)
        launch.function, launch.kernel = (node, None) if node % 0x20 else (None, node)
        return SUCCESS if self.nodes[node].value else INVALID

    def func_get_name(self, name, node):
        write(name, ctypes.c_void_p, ctypes.addressof(self.nodes[node]))
        return SUCCESS

    def _text(self, kernel):
        return ctypes.create_string_buffer(self.names.get(kernel, "").encode())

    kernel_get_name = func_get_name


class Cublas(Library):
    is_warm = False

    def __init__(self, device, signatures):
        super().__init__(device, signatures)
        self.cublasGetStatusName = telling({1: b"CUBLAS_STATUS_NOT_INITIALIZED", 3: b"CUBLAS_STATUS_ALLOC_FAILED"})
        self.math, self.workspace_bytes, self.handles = None, 0, set()

    def create_v2(self, out):
        made = next(self.device.ids)
        self.handles.add(made)
        write(out, ctypes.c_void_p, made)
        return SUCCESS

    def destroy_v2(self, handle):
        self.handles.remove(handle)
        return SUCCESS

    def set_stream_v2(self, handle, stream):
        self.stream, self.workspace_bytes = stream, 0
        return SUCCESS

    def set_workspace_v2(self, handle, address, size):
        self.workspace_bytes = size
        return SUCCESS

    def set_math_mode(self, handle, math):
        self.math = math
        return SUCCESS

    def sgemm_v2(self, handle, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
        array = self.device.array
        # As a library whose kernels are loaded by their first call, which a capture forbids.
        if self.stream in self.device.capturing and not self.is_warm:
            return 14
        self.is_warm = True

        def work():
            # It counts columns first: of C-ordered arrays it computes the transposed product.
            if m <= 64:  # of larger ones only the time is of interest
                array(c, (n, m))[...] = array(b, (n, k)) @ array(a, (k, m))

        return self.device.put(self.stream, lambda: self.device.compute("product", PRODUCT_NS, work))
