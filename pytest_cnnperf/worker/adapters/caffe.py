"""Caffe on the CPU: im2col and OpenBLAS, one pass at a time on the one convolution layer of a network made for it.

A source layer and a convolution are the whole network. Which gradients Caffe computes follows from what could learn:

    forward            nothing, so that `_forward` of the layer is all
    backward_data      a source with parameters, a filter that does not learn: the gradient of the images alone
    backward_filter    a source without, a filter that learns: the gradient of the filters alone

Both gradients need a loss to come from: the output is one, with weight 1, and its gradient is then written over with
the one that was asked for. Without it `_backward` does nothing at all, and with `force_backward` it computes both.
Caffe adds to the gradient of a filter, so that it is cleared in the timed call, as each step of its solvers does.
"""

import os
import tempfile

import caffe
import numpy as np
from cnnperf_worker.adapters import loaded
from wire import NotOffered

_CONVOLUTION = 1  # index of the layer; 0 is the source
_SOURCES = {
    "forward": 'type: "Input" input_param',
    "backward_data": 'type: "Parameter" parameter_param',
    "backward_filter": 'type: "Input" input_param',
}
_ENGINES = {"auto": "DEFAULT", "gemm": "CAFFE"}  # CUDNN ends the process where Caffe was built without it


class Handle:
    """A prepared case: the network whose blobs hold its operands and its result."""

    def __init__(self, case, net):
        self.case = case
        self.net = net


class Adapter:
    """Caffe is done when it returns."""

    def __init__(self):
        caffe.set_mode_cpu()

    def info(self):
        # The reference BLAS tells nothing of itself, and makes Caffe tens of times slower: it must not go unseen.
        told = {"openblas": loaded.openblas(), "mkl": loaded.mkl()}
        libraries = {name: version for name, version in told.items() if version}
        other = ", ".join(map(os.path.basename, loaded.paths("blas"))) or "unknown"
        return {"framework": "caffe", "version": caffe.__version__, "libraries": libraries or {"blas": other}}

    def prepare(self, case, arrays):
        _refuse_what_is_not_offered(case)
        handle = Handle(case, _network(case))
        self.fill(handle, arrays)
        return handle

    def fill(self, handle, arrays):
        for name in arrays:
            _blob(handle.net, name)[...] = arrays[name]

    def run(self, handle):
        net = handle.net
        if handle.case.pass_ == "forward":
            net._forward(_CONVOLUTION, _CONVOLUTION)
            return
        if handle.case.pass_ == "backward_filter":
            net.clear_param_diffs()
        net._backward(_CONVOLUTION, _CONVOLUTION)

    def synchronize(self):
        pass

    def output(self, handle):
        result = {"forward": "y", "backward_data": "dx", "backward_filter": "dw"}[handle.case.pass_]
        return np.array(_blob(handle.net, result), dtype=np.float32, order="C")

    def resolved(self, handle):
        # The CPU build has one engine, and ends the process when it is asked for the other.
        case = handle.case
        is_one_by_one = (case.r, case.s, case.stride, case.pad) == (1, 1, (1, 1), (0, 0))
        # Source: BaseConvolutionLayer::Reshape in Caffe's base_conv_layer.cpp: one image at a time is unfolded.
        column_bytes = 0 if is_one_by_one else case.c * case.r * case.s * case.p * case.q * 4
        name = "sgemm" if is_one_by_one else "im2col + sgemm"
        return {"algorithm": "gemm", "name": "Caffe " + name, "tile": None, "workspace_bytes": column_bytes}

    def release(self, handle):
        handle.net = None  # its blobs go with it

    def close(self):
        pass


def _refuse_what_is_not_offered(case):
    wanted = (case.workload, case.device_kind, case.device_count, case.dtype, case.layout)
    if wanted != ("convolution", "cpu", 1, "float32", "nchw"):
        raise NotOffered("caffe: only float32 convolutions on one CPU in NCHW, got %s on %s%d in %s, %s" % wanted)
    if case.algorithm not in _ENGINES:
        raise NotOffered("caffe: algorithm %s; its CPU engine offers %s" % (case.algorithm, ", ".join(_ENGINES)))


def _network(case):
    """The network of this case; Caffe reads it from a file only."""
    with tempfile.NamedTemporaryFile("w", suffix=".prototxt") as file:
        file.write(_prototxt(case))
        file.flush()
        return caffe.Net(os.path.abspath(file.name), caffe.TRAIN)


def _prototxt(case):
    learns = "1" if case.pass_ == "backward_filter" else "0"
    return """
layer { name: "source" top: "x" %s { shape { %s } } }
layer {
  name: "convolution" type: "Convolution" bottom: "x" top: "y"
  %s
  param { lr_mult: %s }
  convolution_param {
    num_output: %d bias_term: false group: %d engine: %s weight_filler { type: "constant" }
    kernel_h: %d kernel_w: %d stride_h: %d stride_w: %d pad_h: %d pad_w: %d dilation: %d dilation: %d
  }
}
""" % (
        (_SOURCES[case.pass_], " ".join("dim: %d" % size for size in case.x_shape))
        + ("" if case.pass_ == "forward" else "loss_weight: 1", learns)
        + (case.k, case.groups, _ENGINES[case.algorithm], case.r, case.s)
        + (case.stride + case.pad + case.dilation)
    )


def _blob(net, name):
    """The values of an operand or a result, as a view into Caffe's own memory."""
    filters = net.params["convolution"][0]
    return {
        "x": lambda: net.blobs["x"].data,
        "w": lambda: filters.data,
        "y": lambda: net.blobs["y"].data,
        "dx": lambda: net.blobs["x"].diff,
        "dw": lambda: filters.diff,
        "dy": lambda: net.blobs["y"].diff,
    }[name]()
