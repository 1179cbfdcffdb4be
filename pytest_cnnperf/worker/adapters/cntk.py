"""CNTK 2.7 on the CPU: the direct convolution of its MKL, or im2col and GEMM; one pass at a time.

Its only engine for the CPU calls itself "GEMM", but hands images of two dimensions to MKL's direct convolution, and
unfolds and multiplies only what MKL did not know: images of three. So `gemm` is asked for by images that are one deep.
(With MKL_VERBOSE=1 a call shows exactly one SGEMM then, in each pass, and none for flat images.)

A gradient alone: Forward keeps its state outside of the timed call, and Backward may go from the same state as often
as one likes. CNTK computes the gradient of everything that could learn, whatever is asked for, so that for the
gradient of the images the filter is a constant, and for that of the filters the image is an input that needs none.
"""

import contextlib
import os
import re
import sys

import cntk
import numpy as np
from cnnperf_worker.adapters import loaded, onednn_verbose
from wire import NotOffered

_ALGORITHMS = ("auto", "direct", "gemm")
_ENGINE = re.compile(r"using (.+) convolution engine for geometry: Input: ([^,]+),")
_FALLBACK = "Switching to GEMM"
_FLAT_RANK = 3  # channels, height and width
_UNFOLDED_BYTES = 1 << 30


class Handle:
    """A prepared case: its function, its operands as CNTK's values, and where its gradients start."""

    def __init__(self, case):
        self.case = case
        self.graph = Graph(case)
        self.operands = {}
        self.state = None
        self.result = None


class Graph:
    """The convolution of a case as a CNTK function, with what could learn as the pass wants it."""

    def __init__(self, case):
        depth = (1,) if case.algorithm == "gemm" else ()
        self.images = {"x": (case.c,) + depth + (case.h, case.w), "dy": (case.k,) + depth + (case.p, case.q)}
        self.filter_shape = (case.k, case.c // case.groups) + depth + (case.r, case.s)
        self.x = cntk.input_variable(self.images["x"], needs_gradient=case.pass_ == "backward_data")
        zeros = np.zeros(self.filter_shape, np.float32)
        self.w = cntk.parameter(init=zeros) if case.pass_ == "backward_filter" else cntk.constant(zeros)
        automatic, margins = _padding(case)
        padded = self.x
        if any(margins):
            around = [(0, 0)] * (1 + len(depth)) + [(margin, margin) for margin in margins]
            padded = cntk.pad(self.x, around, mode=cntk.ops.CONSTANT_PAD)
        self.y = cntk.convolution(
            self.w,
            padded,
            strides=depth + case.stride,
            auto_padding=[False] * (1 + len(depth)) + automatic,
            groups=case.groups,
            max_temp_mem_size_in_samples=_images_at_once(case),
        )

    def image_value(self, name, array):
        """NCHW images as a value for `x` or the gradient of `y`."""
        return cntk.Value(_view(array.reshape(array.shape[:1] + self.images[name])))

    def forward(self, x, keep):
        """State for a Backward, where one is kept, and the output."""
        kept = [self.y.output] if keep else None
        state, outputs = self.y.forward({self.x: x}, [self.y.output], kept, as_numpy=False)
        return state, outputs[self.y.output]


class Adapter:
    """CNTK on the CPU is done when it returns."""

    def __init__(self):
        cntk.device.try_set_default_device(cntk.device.cpu())
        cntk.cntk_py.set_max_num_cputhreads(int(os.environ.get("OMP_NUM_THREADS", "1")))

    def info(self):
        told = {"mkl": loaded.mkl(), "mpi": loaded.mpi()}
        libraries = {name: version for name, version in told.items() if version}
        return {"framework": "cntk", "version": cntk.__version__, "libraries": libraries}

    def prepare(self, case, arrays):
        _refuse_what_is_not_offered(case)
        handle = Handle(case)
        self.fill(handle, arrays)
        return handle

    def fill(self, handle, arrays):
        graph, case = handle.graph, handle.case
        if "w" in arrays:
            graph.w.set_value(_view(arrays["w"].reshape(graph.filter_shape)))
        for name in graph.images:
            if name in arrays:
                handle.operands[name] = graph.image_value(name, arrays[name])
        if case.pass_ != "forward":
            # The gradient of the images does not depend on them; any will do.
            x = graph.image_value("x", arrays.get("x", np.zeros(case.x_shape, np.float32)))
            handle.state, _ = graph.forward(x, keep=True)

    def run(self, handle):
        graph = handle.graph
        if handle.state is None:
            _, handle.result = graph.forward(handle.operands["x"], keep=False)
            return
        wanted = graph.x if handle.case.pass_ == "backward_data" else graph.w
        gradient = {graph.y.output: handle.operands["dy"]}
        handle.result = graph.y.backward(handle.state, gradient, {wanted}, as_numpy=False)[wanted]

    def synchronize(self):
        pass

    def output(self, handle):
        return np.array(handle.result.asarray(), dtype=np.float32).reshape(handle.case.result_shape)

    def resolved(self, handle):
        """What the engine says when it is made for this shape; that is once, so that one more is made, for one image.

        Source: MKLConvolutionContext::Supported in CNTK's Source/Math/ConvolutionEngine.cpp.
        """
        graph = Graph(handle.case)
        image = graph.image_value("x", np.zeros((1,) + handle.case.x_shape[1:], np.float32))
        with _traced() as lines:
            graph.forward(image, keep=False)
        engines = [match for match in map(_ENGINE.search, lines) if match]
        said = {"algorithm": None, "name": "unknown", "tile": None, "workspace_bytes": None}
        if len(engines) != 1:
            return said
        engine, size = engines[0].groups()
        if engine != "GEMM":
            return dict(said, name="CNTK " + engine)
        if len(size.split(" x ")) == _FLAT_RANK and not any(_FALLBACK in line for line in lines):
            return dict(said, algorithm="direct", name="MKL dnnConvolution direct")
        images = _images_at_once(handle.case) or handle.case.n
        workspace_bytes = _workspace_bytes(handle.case, handle.case.pass_, images)
        return dict(said, algorithm="gemm", name="CNTK unroll + sgemm", workspace_bytes=workspace_bytes)

    def release(self, handle):
        handle.graph = handle.state = handle.result = None
        handle.operands = {}

    def close(self):
        pass


def _refuse_what_is_not_offered(case):
    wanted = (case.workload, case.device_kind, case.device_count, case.dtype, case.layout)
    if wanted != ("convolution", "cpu", 1, "float32", "nchw"):
        raise NotOffered("cntk: only float32 convolutions on one CPU in NCHW, got %s on %s%d in %s, %s" % wanted)
    if case.algorithm not in _ALGORITHMS:
        raise NotOffered("cntk: algorithm %s; its CPU engine offers %s" % (case.algorithm, ", ".join(_ALGORITHMS)))
    if case.dilation != (1, 1):
        raise NotOffered("cntk: dilated convolution on a GPU only, got dilation %dx%d" % case.dilation)
    if case.algorithm == "gemm" and case.groups != 1:
        raise NotOffered("cntk: groups in MKL's direct convolution only, got %d for gemm" % case.groups)
    if case.algorithm == "gemm" and _largest_bytes(case, 1) > _UNFOLDED_BYTES:
        wanted = (_largest_bytes(case, 1), _UNFOLDED_BYTES, case.text)
        raise NotOffered("cntk: one unfolded image takes %d bytes, more than %d, for %s" % wanted)


def _padding(case):
    """Whether each axis is padded by the convolution itself, and by how much it is padded before.

    The former where that is as wide as asked for, on both sides; only then MKL takes it too.
    """
    pairs = [_axis_padding(case, axis) for axis in (0, 1)]
    return [automatic for automatic, _ in pairs], [margin for _, margin in pairs]


def _axis_padding(case, axis):
    """The same for one axis.

    Source: GetLowerPad and GetUpperPad in CNTK's Source/Math/ConvolveGeometry.h.
    """
    pad, stride = case.pad[axis], case.stride[axis]
    extent = (case.r, case.s)[axis] - 1
    image, size = (case.h, case.w)[axis], (case.p, case.q)[axis]
    over = image - (size - 1) * stride - 1
    lower, upper = extent // 2 - over // 2, extent - extent // 2 - (over - over // 2)
    is_the_same = lower == upper == pad and size == -(-image // stride)
    # Of a filter that is larger than its image CNTK wants to see the padding.
    return (True, 0) if pad and is_the_same and extent < image else (False, pad)


def _images_at_once(case):
    """How many images are unfolded together; 0, CNTK's default, for the whole batch where the memory may be had."""
    if case.algorithm != "gemm" or _largest_bytes(case, case.n) <= _UNFOLDED_BYTES:
        return 0
    return max(1, _UNFOLDED_BYTES // _largest_bytes(case, 2) * 2)


def _largest_bytes(case, images):
    """What the pass takes, or the forward pass that goes before it."""
    return max(_workspace_bytes(case, pass_, images) for pass_ in ("forward", case.pass_))


def _workspace_bytes(case, pass_, images):
    """What so many unfolded images take, and their transposed results where they are several.

    Source: GemmConvolutionEngine in CNTK's Source/Math/ConvolutionEngine.cpp.
    """
    taps, several = case.r * case.s, int(images > 1)
    if pass_ == "backward_data":
        _, margins = _padding(case)
        pixels = (case.h + 2 * margins[0]) * (case.w + 2 * margins[1])
        return 4 * (case.k * case.c * taps + images * pixels * (case.k * taps + several * case.c))
    return 4 * images * case.p * case.q * (case.c * taps + several * case.k)


@contextlib.contextmanager
def _traced():
    """A list that holds what CNTK's matrix library traces inside, once outside; it does so on fd 2."""
    sys.stderr.flush()
    kept = os.dup(2)
    with onednn_verbose.caught_output() as lines:
        os.dup2(1, 2)
        cntk.cntk_py.set_math_lib_trace_level(1)
        try:
            yield lines
        finally:
            cntk.cntk_py.set_math_lib_trace_level(0)
            os.dup2(kept, 2)
            os.close(kept)


def _view(array):
    """A copy of these values in CNTK's memory."""
    return cntk.NDArrayView.from_dense(np.ascontiguousarray(array, dtype=np.float32))
