"""Theano on the CPU: a compiled function for each pass, on im2col GEMM (CorrMM) or on loops (ConvOp)."""

import ctypes

import numpy as np
import theano
import theano.tensor as tt
from cnnperf_worker import memory
from theano.tensor.nnet.abstract_conv import conv2d_grad_wrt_inputs, conv2d_grad_wrt_weights
from wire import NotOffered

# Classes of the operations that convolve, as they stand in a compiled function.
_WORDS = {"CorrMM": "gemm", "CorrMM_gradInputs": "gemm", "CorrMM_gradWeights": "gemm", "ConvOp": "direct"}
_FLIPPED = (slice(None), slice(None), slice(None, None, -1), slice(None, None, -1))


class Compiled:
    """A pass of one geometry: its function, the shared variables that it reads, and the operations that it runs."""

    def __init__(self, case):
        self.operands = [_shared(name) for name, _ in case.operand_shapes]
        graph, mode = _loops(case, *self.operands) if case.algorithm == "direct" else _gemm(case, *self.operands)
        self.function = theano.function([], graph, mode=mode)
        nodes = self.function.maker.fgraph.toposort()
        self.operations = [type(node.op).__name__ for node in nodes]


class Handle:
    """A prepared case: its compiled function, whose shared variables hold the operands, and the last result."""

    def __init__(self, case, compiled):
        self.case = case
        self.compiled = compiled
        self.result = None


class Adapter:
    """What is compiled is kept, so that a later round of a case does not compile again; a call is synchronous."""

    def __init__(self):
        if not theano.config.cxx:
            raise ImportError("Theano found no C++ compiler (cxx is empty); next: apt-get install g++, or alike")
        self.compiled = {}

    def info(self):
        return {"framework": "theano", "version": theano.__version__, "libraries": _blas()}

    def prepare(self, case, arrays):
        reason = _why_not(case)
        if reason:
            raise NotOffered("theano: %s" % reason)
        # `auto` is Theano's default, which is `gemm`; each compiles its own, so that each records the time of that.
        key = (case.algorithm, case.pass_, case.x_shape, case.w_shape, case.groups)
        key += (case.stride, case.pad, case.dilation)
        if key not in self.compiled:
            self.compiled[key] = Compiled(case)
        handle = Handle(case, self.compiled[key])
        self.fill(handle, arrays)
        return handle

    def fill(self, handle, arrays):
        case = handle.case
        for shared, (name, _) in zip(handle.compiled.operands, case.operand_shapes):
            # A convolution of Theano's loops turns the filter over: they get one that is turned already.
            turned = case.algorithm == "direct" and name == "w"
            shared.set_value(_placed(arrays[name][_FLIPPED] if turned else arrays[name]), borrow=True)

    def run(self, handle):
        handle.result = handle.compiled.function()

    def synchronize(self):
        pass

    def output(self, handle):
        case = handle.case
        turned = case.algorithm == "direct" and case.pass_ == "backward_filter"
        return np.array(handle.result[_FLIPPED] if turned else handle.result, order="C")

    def resolved(self, handle):
        names = [name for name in handle.compiled.operations if name in _WORDS]
        words = {_WORDS[name] for name in names}
        return {
            "algorithm": words.pop() if len(words) == 1 else None,
            "name": "Theano " + " + ".join(names) if names else "unknown",
            "tile": None,
            "workspace_bytes": None,
        }

    def release(self, handle):
        for shared in handle.compiled.operands:
            shared.set_value(_nothing(), borrow=True)

    def close(self):
        pass


def _why_not(case):
    wanted = (case.workload, case.device_kind, case.device_count, case.dtype, case.layout)
    if wanted != ("convolution", "cpu", 1, "float32", "nchw"):
        return "only float32 convolutions in NCHW on one CPU, got %s on %s%d in %s, %s" % wanted
    if case.algorithm not in ("auto", "gemm", "direct"):
        return "algorithm %s; offered: auto, gemm, direct" % case.algorithm
    if case.algorithm == "direct" and (case.dilation != (1, 1) or case.groups != 1):
        return "loops (ConvOp) without dilation and groups only, got %s" % case.text
    if case.algorithm == "direct" and case.pass_ != "forward" and case.stride != (1, 1):
        return "gradients by loops (ConvOp) at stride 1 only, got %s" % case.text
    return ""


def _gemm(case, first, second):
    """The pass in Theano's own terms, left to its default optimizations."""
    geometry = {
        "input_shape": case.x_shape,
        "filter_shape": case.w_shape,
        "border_mode": case.pad,
        "subsample": case.stride,
        "filter_flip": False,
        "filter_dilation": case.dilation,
        "num_groups": case.groups,
    }
    return _pass(case)(first, second, **geometry), theano.compile.mode.get_default_mode()


def _loops(case, first, second):
    """The pass on ConvOp, which neither pads nor keeps the filter as it is: an image is padded by hand, in the call."""
    top, left = case.pad
    n, c, h, w = case.x_shape
    padded_shape = (n, c, h + 2 * top, w + 2 * left)
    inside = (slice(None), slice(None), slice(top, top + h), slice(left, left + w))
    padded = case.pad != (0, 0)
    if padded and case.pass_ != "backward_data":
        first = tt.set_subtensor(tt.zeros(padded_shape, dtype="float32")[inside], first)
    result = _pass(case)(
        first,
        second,
        input_shape=padded_shape,
        filter_shape=case.w_shape,
        border_mode="valid",
        subsample=case.stride,
        filter_flip=True,
    )
    if padded and case.pass_ == "backward_data":
        result = result[inside]
    return result, theano.compile.mode.get_default_mode().excluding("conv_gemm")


def _pass(case):
    return {
        "forward": tt.nnet.conv2d,
        "backward_data": conv2d_grad_wrt_inputs,
        "backward_filter": conv2d_grad_wrt_weights,
    }[case.pass_]


def _shared(name):
    return theano.shared(_nothing(), name=name, borrow=True)


def _nothing():
    return np.zeros((0, 0, 0, 0), dtype=np.float32)


def _placed(array):
    """The array in memory that begins on a cache line; NumPy's own begins anywhere, elsewhere in every process."""
    placed = memory.empty(array.shape, np.float32)
    placed[...] = array
    return placed


def _blas():
    """The BLAS that GEMMs are linked with; NumPy and SciPy have brought others of their own into this process."""
    flags = theano.config.blas__ldflags
    names = [word[2:].lstrip(":") for word in flags.split() if word.startswith("-l") and "openblas" in word]
    if not names:
        return {"blas": flags or "NumPy's through its C API, which is slow (blas__ldflags is empty)"}
    try:
        library = ctypes.CDLL(names[0] if ".so" in names[0] else "lib%s.so" % names[0])
        configured, core = library.openblas_get_config, library.openblas_get_corename
    except (OSError, AttributeError):  # found by -L, or with other names: it works, but tells nothing
        return {"blas": flags}
    configured.restype = core.restype = ctypes.c_char_p
    return {"openblas": "%s %s" % (configured().decode().split()[1], core().decode())}
