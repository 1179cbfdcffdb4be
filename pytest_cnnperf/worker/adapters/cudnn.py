"""cuDNN without a framework: each of its convolution algorithms by name, and its own two ways to choose.

Not yet run on a GPU.
"""

from contextlib import ExitStack

import numpy as np
from cnnperf_worker.adapters import kernel_names
from cnnperf_worker.cuda import ceilings, libraries
from cnnperf_worker.cuda.calls import CallFailed, MissingFunction
from cnnperf_worker.cuda.kernels import Kernels
from cnnperf_worker.cuda.product import Product
from cnnperf_worker.cuda.runtime import CaptureFailed, OutOfDeviceMemory, Runtime
from cnnperf_worker.cuda.timing import Timed, Timer
from cnnperf_worker.cudnn import choosing
from cnnperf_worker.cudnn.convolutions import MATH, Convolution, Cudnn, NoMemory, Unsupported
from wire import NotOffered

# From NCHW and KCRS to the order in memory.
_ORDERS = {"nchw": (0, 1, 2, 3), "nhwc": (0, 2, 3, 1)}
# What kernels' names tell apart for sure: a tiled transform from a whole one they do not, nor one product from another.
_FAMILIES = dict.fromkeys(("direct", "gemm", "implicit_gemm"), "product")
_FAMILIES.update(dict.fromkeys(("fft", "fft_tiling"), "fft"), winograd="winograd")
_NOT_A_NUMBER = 0xFF  # four such bytes are a NaN: what a kernel leaves out shows


class Handle:
    """A prepared case: descriptors, device memory by operand name, and the call that is timed."""

    def __init__(self, case):
        self.case = case
        self.convolution = None
        self.memories = {}
        self.workspace = None
        self.pick = None
        self.timed = None

    @property
    def addresses(self):
        return {name: memory.address for name, memory in self.memories.items()}

    def close(self):
        if self.timed is not None:
            self.timed.close()
        for memory in list(self.memories.values()) + ([self.workspace] if self.workspace else []):
            memory.free()
        if self.convolution is not None:
            self.convolution.close()


class Device:
    """What all cases share: the runtime on its GPU, cuDNN's handle, the timer, and the control; all of them or none."""

    def __init__(self, runtime, cudnn, cublas):
        runtime.start()
        self.runtime = runtime
        self.cudnn = cudnn
        with ExitStack() as made:
            self.timer = Timer(runtime)
            made.callback(self.timer.close)
            cudnn.start(self.timer.stream)
            made.callback(cudnn.stop)
            self.control = Product(runtime, cublas, timer=self.timer)
            made.pop_all()


class Adapter:
    """The GPU is touched by the first case, not before; `load` finds a library by name."""

    device_control_version = Product.version

    def __init__(self, load=libraries.load):
        # cuDNN opens cuBLAS by itself, and finds the one that is loaded.
        self.runtime, self.cublas = Runtime(load("cudart")), load("cublas")
        self.cudnn = Cudnn(load("cudnn"))
        self.load = load
        self.device = None
        self.picks = {}

    def info(self):
        versions = {"cuda": self.runtime.version(), "cuda driver": self.runtime.version("Driver")}
        return {
            "framework": "cudnn",
            "version": self.cudnn.version(),
            "libraries": {name: version for name, version in versions.items() if version},
        }

    def prepare(self, case, arrays):
        _check(case)
        handle = Handle(case)
        try:
            self._start()
            self._make(handle, arrays)
        except BaseException as error:
            handle.close()
            _as_hole(error, case)
            raise
        return handle

    def _start(self):
        if self.device is None:
            self.device = Device(self.runtime, self.cudnn, self.cublas)

    def _make(self, handle, arrays):
        case = handle.case
        handle.convolution = convolution = Convolution(self.cudnn, case)
        # What cuDNN does not support is known before anything is copied.
        pick = None if case.algorithm == "auto" else choosing.named(convolution, case)
        shapes = dict(case.operand_shapes)
        shapes[convolution.result] = case.result_shape
        for name, shape in shapes.items():
            handle.memories[name] = self.runtime.allocate(4 * int(np.prod(shape, dtype=np.int64)), name)
        self.fill(handle, arrays)
        handle.pick = pick = pick or self._chosen(handle)
        handle.workspace = self.runtime.allocate(pick.workspace_bytes, "the workspace of cuDNN %s" % pick.named.name)
        call = convolution.call(pick.named.number, handle.addresses, handle.workspace)
        handle.timed = Timed(self.device.timer, call)

    def _chosen(self, handle):
        """What cuDNN chooses for a case is asked once in a process, so that all its rounds time the same."""
        case, convolution = handle.case, handle.convolution
        key = (case.text, case.dtype, case.options.get("choice"))
        if key not in self.picks:
            self.picks[key] = choosing.chosen(convolution, case, runtime=self.runtime, addresses=handle.addresses)
        convolution.set_math(self.picks[key].math)
        return self.picks[key]

    def fill(self, handle, arrays):
        for name, _ in handle.case.operand_shapes:
            values = np.asarray(arrays[name], dtype=np.float32).transpose(_ORDERS[handle.case.layout])
            self.runtime.copy_in(handle.memories[name], values)
        self.runtime.set_bytes(handle.memories[handle.convolution.result], _NOT_A_NUMBER, self.device.timer.stream)
        self.synchronize()

    def negate(self, handle):
        """The first operand times -1, on the device; it is always a tensor, never the filter."""
        name = handle.case.operand_shapes[0][0]
        handle.convolution.scale(name, handle.memories[name].address, -1.0)
        self.synchronize()

    def run(self, handle):
        try:
            handle.timed.enqueue()
        except Exception as error:  # any failure is raised again, as a hole where it is none of ours
            _as_hole(error, handle.case)
            raise

    def synchronize(self):
        if self.device is not None:
            self.runtime.wait_for(self.device.timer.stream)

    def output(self, handle):
        case = handle.case
        order = _ORDERS[case.layout]
        values = np.empty([case.result_shape[axis] for axis in order], np.float32)
        self.runtime.copy_out(handle.memories[handle.convolution.result], values)
        return np.ascontiguousarray(values.transpose(np.argsort(order)))

    def resolved(self, handle):
        pick = handle.pick
        how = "" if pick.how == "named" else " by its " + pick.how
        name = "cuDNN %s %s%s" % (pick.named.name, handle.convolution.math_name(), how)
        algorithm, kernels = pick.named.algorithm, self._kernels(handle)
        if kernels:
            seen = kernel_names.resolved(kernels)
            name += ": " + seen["name"]
            algorithm = _what_ran(algorithm, seen["algorithm"])
        return {"algorithm": algorithm, "name": name, "tile": None, "workspace_bytes": pick.workspace_bytes}

    def _kernels(self, handle):
        """Names of the kernels of one call; none where the driver does not tell them."""
        try:
            kernels = Kernels(self.load("cuda"))
            return kernels.names(self.runtime, self.device.timer.stream, handle.timed.enqueue)
        except (libraries.LibraryNotFound, MissingFunction, CallFailed):
            return []

    def memory(self, handle):
        """Operands, result and workspace, which is all that is allocated for the case."""
        sizes = [memory.size_bytes for memory in handle.memories.values()]
        return {"peak_bytes": sum(sizes) + handle.pick.workspace_bytes, "workspace_bytes": handle.pick.workspace_bytes}

    def device_sample(self, handle, repeats, clock):
        try:
            return handle.timed.nanoseconds(repeats, clock)
        except CaptureFailed as error:
            raise NotOffered("%s: cuDNN %s cannot be captured: %s" % (clock, handle.pick.named.name, error)) from error

    def device_control(self, units, clock):
        return self.device.control.nanoseconds(units, clock)

    def device_peaks(self):
        try:
            self._start()
            return ceilings.measured(self.runtime, self.cublas, self.device.timer)
        except (OutOfDeviceMemory, NoMemory) as error:
            raise NotOffered("the peaks of the GPU: %s" % error) from error

    def release(self, handle):
        handle.close()

    def close(self):
        pass


def _check(case):
    if case.workload != "convolution" or case.device_count != 1 or case.device_kind != "cuda":
        raise NotOffered(
            "cuDNN: convolutions on one GPU only, got %s on %s%d" % (case.workload, case.device_kind, case.device_count)
        )
    for name, known in (("dtype", MATH), ("layout", _ORDERS)):
        if getattr(case, name) not in known:
            raise NotOffered("cuDNN: %s %s; offered: %s" % (name, getattr(case, name), ", ".join(sorted(known))))


def _what_ran(called, seen):
    """The algorithm of the kernels where they are of another family than was called: a fallback inside cuDNN."""
    return called if seen is None or _FAMILIES[seen] == _FAMILIES.get(called) else seen


def _as_hole(error, case):
    """Raise NotOffered for what the device cannot hold and what cuDNN does not support."""
    if isinstance(error, (Unsupported, OutOfDeviceMemory, NoMemory)):
        raise NotOffered("cuDNN %s: %s" % (case.text, error)) from error
