"""JAX on the CPU: each pass is a program that XLA compiles, and whose text tells what it runs."""

import jax
import jaxlib
import numpy as np
from cnnperf_worker.adapters import xla_text
from jax import lax
from wire import NotOffered

_ORDERS = {"nchw": ("NCHW", "OIHW"), "nhwc": ("NHWC", "HWIO")}  # of images and filters
_NO_YNNPACK = {"xla_cpu_experimental_ynn_fusion_type": ""}


class Program:
    """A compiled pass, and what it runs."""

    def __init__(self, compiled):
        self.call = compiled
        self.resolved = xla_text.resolved(compiled.as_text())


class Handle:
    """A prepared case: its operands on the device, and the program that is timed."""

    def __init__(self, case, program):
        self.case = case
        self.program = program
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

    def info(self):
        return {"framework": "jax", "version": jax.__version__, "libraries": {"jaxlib": jaxlib.__version__}}

    def prepare(self, case, arrays):
        reason = _why_not(case)
        if reason:
            raise NotOffered("jax: %s" % reason)
        # Named algorithms are what XLA runs by itself: YNNPACK would take some shapes from it.
        options = {} if case.algorithm == "auto" else dict(_NO_YNNPACK)
        options["xla_cpu_multi_thread_eigen"] = case.threads > 1
        key = (case.text, case.threads)
        if key not in self.programs:
            self.programs[key] = _compiled(case, options)
        program = self.programs[key]
        if case.algorithm not in ("auto", program.resolved["algorithm"]):
            raise NotOffered("jax: XLA runs %(algorithm)s (%(name)s)" % program.resolved + " for %s" % case.text)
        handle = Handle(case, program)
        self.fill(handle, arrays)
        return handle

    def fill(self, handle, arrays):
        case = handle.case
        handle.operands = tuple(
            # Not NumPy's own memory, which begins anywhere, elsewhere in every process.
            jax.device_put(np.ascontiguousarray(arrays[name].transpose(_order(case, name))), may_alias=False)
            for name, _ in case.operand_shapes
        )

    def run(self, handle):
        handle.result = self.latest = handle.program.call(*handle.operands)

    def synchronize(self):
        if self.latest is not None:
            self.latest.block_until_ready()

    def output(self, handle):
        name = {"forward": "y", "backward_data": "x", "backward_filter": "w"}[handle.case.pass_]
        return np.array(np.asarray(handle.result).transpose(np.argsort(_order(handle.case, name))), order="C")

    def resolved(self, handle):
        return handle.program.resolved

    def release(self, handle):
        if self.latest is handle.result:
            self.latest = None

    def close(self):
        pass


def _why_not(case):
    wanted = (case.workload, case.device_kind, case.device_count, case.dtype)
    if wanted != ("convolution", "cpu", 1, "float32"):
        return "only float32 convolutions on one CPU, got %s on %s%d in %s" % wanted
    if case.algorithm not in ("auto", "implicit_gemm", "gemm"):
        return "algorithm %s; offered: auto, implicit_gemm, gemm" % case.algorithm
    return ""


def _compiled(case, options):
    lowered = jax.jit(_workload(case)).lower(*(_spec(case, name, shape) for name, shape in case.operand_shapes))
    try:
        return Program(lowered.compile(compiler_options=options))
    except jax.errors.JaxRuntimeError as error:
        if "No such compile option" not in str(error):
            raise
        # An older XLA has no YNNPACK to be switched off.
        rest = {name: value for name, value in options.items() if name not in _NO_YNNPACK}
        return Program(lowered.compile(compiler_options=rest))


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

    def convolution(x, w):
        return lax.conv_general_dilated(
            x,
            w,
            window_strides=case.stride,
            padding=[(pad, pad) for pad in case.pad],
            rhs_dilation=case.dilation,
            dimension_numbers=(images, filters, images),
            feature_group_count=case.groups,
        )

    return convolution


def _order(case, name):
    """From the plain order, NCHW or OIHW, to the layout's, as positions; w is a filter, all others are images."""
    kind = int(name == "w")
    return [_ORDERS["nchw"][kind].index(letter) for letter in _ORDERS[case.layout][kind]]


def _spec(case, name, shape):
    return jax.ShapeDtypeStruct(tuple(shape[axis] for axis in _order(case, name)), np.float32)
