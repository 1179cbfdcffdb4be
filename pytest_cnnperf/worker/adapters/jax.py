"""JAX: each pass is a program that XLA compiles; on the CPU its text tells what it runs, on a GPU its kernels do."""

import traceback

import jax
import jaxlib
import numpy as np
from cnnperf_worker.adapters import jax_cuda, xla_text
from jax import lax
from wire import NotOffered

_ORDERS = {"nchw": ("NCHW", "OIHW"), "nhwc": ("NHWC", "HWIO")}  # of images and filters
_NO_YNNPACK = {"xla_cpu_experimental_ynn_fusion_type": ""}


class Program:
    """A compiled pass, and what it runs: by its text on the CPU, by its first call on a GPU."""

    def __init__(self, compiled, resolved=None):
        self.call = compiled
        self.resolved = resolved


class Handle:
    """A prepared case: its operands on the device, and the program that is timed."""

    def __init__(self, case):
        self.case = case
        self.program = None
        self.operands = ()
        self.result = None


class Adapter:
    """Programs are kept, so that a later round of a case does not compile again."""

    def __init__(self):
        # A call computes in the calling thread and returns when it is done: no second thread beside a pinned one, and
        # repeated calls hold the memory of one.
        jax.config.update("jax_cpu_enable_async_dispatch", False)
        self.programs = {}
        self.latest = None
        self.cuda = jax_cuda.Cuda()
        self.device_control_version = self.cuda.control.version
        self.compiled = jax_cuda.CompilationCount()

    def info(self):
        return {"framework": "jax", "version": jax.__version__, "libraries": {"jaxlib": jaxlib.__version__}}

    def prepare(self, case, arrays):
        reason = _why_not(case)
        if reason:
            raise NotOffered("jax: %s" % reason)
        if case.device_kind == "cuda":
            self.cuda.begin()
        handle = Handle(case)
        try:
            self._make(handle, arrays)
        except jax.errors.JaxRuntimeError as error:
            self._refuse(handle, error)
            raise
        return handle

    def _make(self, handle, arrays):
        case = handle.case
        key = (case.text, case.threads, case.dtype)
        if key not in self.programs:
            self.programs[key] = _compiled_for_gpu(case) if case.device_kind == "cuda" else _compiled_for_cpu(case)
        handle.program = program = self.programs[key]
        if case.algorithm != "auto" and case.algorithm != program.resolved["algorithm"]:
            raise NotOffered("jax: XLA runs %(algorithm)s (%(name)s)" % program.resolved + " for %s" % case.text)
        self.fill(handle, arrays)

    def fill(self, handle, arrays):
        case = handle.case
        handle.operands = tuple(
            # Not NumPy's own memory, which begins anywhere, elsewhere in every process.
            jax.device_put(_ordered(case, name, arrays[name]), may_alias=False)
            for name, _ in case.operand_shapes
        )

    def negate(self, handle):
        first, second = handle.operands
        handle.operands = (-first, second)

    def run(self, handle):
        try:
            handle.result = handle.program.call(*handle.operands)
        except jax.errors.JaxRuntimeError as error:
            self._refuse(handle, error)
            raise
        self.latest = handle

    def synchronize(self):
        if self.latest is None:
            return
        try:
            self.latest.result.block_until_ready()
        except jax.errors.JaxRuntimeError as error:
            self._refuse(self.latest, error)
            raise

    def _refuse(self, handle, error):
        """Raise NotOffered, and give the memory of this case back, where the GPU has too little for it."""
        if handle.case.device_kind == "cuda" and jax_cuda.is_out_of_memory(error):
            # What failed half-way is still in the frames of the error.
            traceback.clear_frames(error.__traceback__)
            self.release(handle)
            handle.operands, handle.result = (), None
            raise NotOffered(
                "jax %s: %s; next: a smaller batch, or end what else uses the GPU (nvidia-smi)"
                % (handle.case.text, error)
            ) from error

    def output(self, handle):
        name = {"forward": "y", "backward_data": "x", "backward_filter": "w"}[handle.case.pass_]
        result = np.asarray(handle.result).astype(np.float32, copy=False)
        return np.array(result.transpose(np.argsort(_order(handle.case, name))), order="C")

    def memory(self, handle):
        return jax_cuda.memory(handle.program.call) if handle.case.device_kind == "cuda" else None

    def compilations(self):
        return self.compiled.count

    def device_sample(self, handle, repeats, clock):
        return self.cuda.sample(self, handle, repeats, clock)

    def device_control(self, units, clock):
        return self.cuda.control.nanoseconds(units, clock)

    def device_peaks(self):
        return self.cuda.control.peaks()

    def resolved(self, handle):
        program = handle.program
        if program.resolved is None:
            program.resolved = self.cuda.resolved(self, handle)
        return program.resolved

    def release(self, handle):
        if self.latest is handle:
            self.latest = None

    def close(self):
        pass


def _why_not(case):
    if (case.workload, case.device_count) != ("convolution", 1):
        return "only convolutions on one device, got %s on %d" % (case.workload, case.device_count)
    types = ("float32",) if case.device_kind == "cpu" else tuple(jax_cuda.TYPES)
    if case.dtype not in types:
        return "dtype %s on %s; offered: %s" % (case.dtype, case.device_kind, ", ".join(types))
    algorithms = ("auto", "implicit_gemm", "gemm") if case.device_kind == "cpu" else ("auto",)
    if case.algorithm not in algorithms:
        return "algorithm %s on %s; offered: %s" % (case.algorithm, case.device_kind, ", ".join(algorithms))
    return ""


def _lowered(case):
    return jax.jit(_workload(case)).lower(*(_spec(case, name, shape) for name, shape in case.operand_shapes))


def _compiled_for_gpu(case):
    # Its autotuning is said by XLA_FLAGS, which the case's offer sets.
    return Program(_lowered(case).compile())


def _compiled_for_cpu(case):
    # Named algorithms are what XLA runs by itself: YNNPACK would take some shapes from it.
    options = {} if case.algorithm == "auto" else dict(_NO_YNNPACK)
    options["xla_cpu_multi_thread_eigen"] = case.threads > 1
    compiled = _compiled(_lowered(case), options)
    return Program(compiled, xla_text.resolved(compiled.as_text()))


def _compiled(lowered, options):
    try:
        return lowered.compile(compiler_options=options)
    except jax.errors.JaxRuntimeError as error:
        if "No such compile option" not in str(error):
            raise
        # An older XLA has no YNNPACK to be switched off.
        rest = {name: value for name, value in options.items() if name not in _NO_YNNPACK}
        return lowered.compile(compiler_options=rest)


def _workload(case):
    """The pass as a function of its two operands; a gradient is the transpose of a map that is linear, and no more."""
    convolution = _convolution(case)
    x, w = _spec(case, "x", case.x_shape), _spec(case, "w", case.w_shape)

    def backward_data(dy, w):
        return jax.linear_transpose(lambda x: convolution(x, w), x)(dy)[0]

    def backward_filter(x, dy):
        return jax.linear_transpose(lambda w: convolution(x, w), w)(dy)[0]

    return {"forward": convolution, "backward_data": backward_data, "backward_filter": backward_filter}[case.pass_]


def _convolution(case):
    """The forward convolution of images and filters in the case's layout."""
    images, filters = _ORDERS[case.layout]
    # On the CPU there is one precision.
    precision = None if case.device_kind == "cpu" else jax_cuda.PRECISIONS[case.dtype]

    def convolution(x, w):
        return lax.conv_general_dilated(
            x,
            w,
            window_strides=case.stride,
            padding=[(pad, pad) for pad in case.pad],
            rhs_dilation=case.dilation,
            dimension_numbers=(images, filters, images),
            feature_group_count=case.groups,
            precision=precision,
        )

    return convolution


def _order(case, name):
    """From the plain order, NCHW or OIHW, to the layout's, as positions; w is a filter, all others are images."""
    kind = int(name == "w")
    return [_ORDERS["nchw"][kind].index(letter) for letter in _ORDERS[case.layout][kind]]


def _spec(case, name, shape):
    return jax.ShapeDtypeStruct(tuple(shape[axis] for axis in _order(case, name)), jax_cuda.TYPES[case.dtype])


def _ordered(case, name, array):
    """The array in the layout and type of the case."""
    ordered = array.transpose(_order(case, name)).astype(jax_cuda.TYPES[case.dtype], copy=False)
    return np.ascontiguousarray(ordered)
