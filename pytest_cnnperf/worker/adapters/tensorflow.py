"""TensorFlow on the CPU: oneDNN, Eigen or its own Winograd, as the environment says at its start; one pass each."""

import os

import numpy as np
import tensorflow as tf
from cnnperf_worker import peak
from cnnperf_worker.adapters import onednn_verbose, transform_probe
from wire import NotOffered

_TO = {"nchw": (0, 1, 2, 3), "nhwc": (0, 2, 3, 1)}
_BACK = {"nchw": (0, 1, 2, 3), "nhwc": (0, 3, 1, 2)}
_FILTERS_TO, _FILTERS_BACK = (2, 3, 1, 0), (3, 2, 0, 1)  # KCRS to RSCK and back
_DEEP_CONV_TILES = (4,)


def _product(size):
    """A call that multiplies two square matrices of this size."""
    left = tf.fill((size, size), 0.5)
    return lambda: tf.linalg.matmul(left, left)


class Handle:
    """A prepared case: its operands as tensors, and the call that is timed."""

    def __init__(self, case, call):
        self.case = case
        self.call = call
        self.operands = ()
        self.result = None
        self.implementations = []


class Adapter:
    """Eager execution is synchronous: a call returns when its result is there."""

    def __init__(self):
        # oneDNN's lines are wanted of first calls only; later ones must neither wait for a reader nor hide an error.
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        tf.config.threading.set_intra_op_parallelism_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
        tf.config.experimental.set_synchronous_execution(True)
        tf.config.experimental.enable_tensor_float_32_execution(False)
        self.onednn = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1") != "0"
        self.seen = {}

    def info(self):
        return {"framework": "tensorflow", "version": tf.__version__, "libraries": {}}

    def prepare(self, case, arrays):
        self._refuse_what_is_not_offered(case)
        operands = self._operands(case, arrays)
        specs = [tf.TensorSpec(operand.shape) for operand in operands]
        plain = tf.function(_workload(case), autograph=False).get_concrete_function(*specs)
        handle = Handle(case, None)

        def first(*operands):
            with onednn_verbose.caught_output() as lines:
                try:
                    result = plain(*operands)
                except tf.errors.UnimplementedError as error:
                    raise NotOffered("tensorflow: %s" % error.message) from error
            handle.implementations = onednn_verbose.implementations(lines)
            handle.call = plain
            return result

        handle.call = first
        handle.operands = operands
        return handle

    def fill(self, handle, arrays):
        handle.operands = self._operands(handle.case, arrays)

    def run(self, handle):
        handle.result = handle.call(*handle.operands)

    def synchronize(self):
        pass  # nothing is pending: see the class

    def output(self, handle):
        order = _FILTERS_BACK if handle.case.pass_ == "backward_filter" else _BACK[handle.case.layout]
        return np.array(handle.result.numpy().transpose(order), order="C")

    def resolved(self, handle):
        case = handle.case
        if not self.onednn:
            return self._resolved_eigen(handle)
        # A primitive is made, and told of, once in the life of the process; a later case of this shape finds it there.
        key = (case.pass_, case.layout, case.x_shape, case.w_shape, case.stride, case.pad, case.dilation)
        if handle.implementations:
            self.seen[key] = handle.implementations
        unknown = {"algorithm": None, "name": "unknown", "tile": None, "workspace_bytes": None}
        return onednn_verbose.resolved(self.seen.get(key)) or unknown

    def flops_per_second(self):
        return peak.flops_per_second(_product)

    def close(self):
        pass

    def _refuse_what_is_not_offered(self, case):
        wanted = (case.workload, case.device_kind, case.device_count, case.dtype)
        if wanted != ("convolution", "cpu", 1, "float32"):
            raise NotOffered("tensorflow: only float32 convolutions on one CPU, got %s on %s%d in %s" % wanted)
        geometry = (case.pass_, case.stride, case.dilation, case.groups)
        if case.algorithm == "winograd" and geometry != ("forward", (1, 1), (1, 1), 1):
            raise NotOffered(
                "tensorflow: Winograd only forward, with stride, dilation and groups 1; got %s" % case.text
            )
        if not self.onednn and case.layout != "nhwc":
            raise NotOffered("tensorflow without oneDNN: only NHWC on the CPU, got %s" % case.layout)
        if not self.onednn and case.pass_ != "forward" and (case.dilation != (1, 1) or case.groups != 1):
            raise NotOffered("tensorflow without oneDNN: no gradients with dilation or groups, got %s" % case.text)

    def _operands(self, case, arrays):
        """The operands as tensors in their layouts; w is a filter, x and dy are images."""
        orders = {"w": _FILTERS_TO, "x": _TO[case.layout], "dy": _TO[case.layout]}
        return [
            tf.constant(np.ascontiguousarray(arrays[name].transpose(orders[name]))) for name, _ in case.operand_shapes
        ]

    def _resolved_eigen(self, handle):
        case = handle.case
        tile = None
        if case.algorithm == "winograd":
            x, w = transform_probe.operands(case)
            y = handle.call(*self._operands(case, {"x": x, "w": w}))
            tile = transform_probe.tile(case, y.numpy().transpose(_BACK[case.layout]), _DEEP_CONV_TILES)
        if tile is None:
            said = {"algorithm": "gemm", "name": "Eigen", "tile": None}
        else:
            said = {"algorithm": "winograd", "name": "DeepConv2D F(2x2,3x3)", "tile": tile - 2}
        return dict(said, workspace_bytes=None)


def _workload(case):
    """The pass as a function of its two operands.

    'EXPLICIT' padding is not used: the gradients then run on Eigen without a word. 'SAME' is used where it means the
    wanted padding, and else the image is padded, or its gradient cropped, inside the timed call.
    """
    padding, margin = _padding(case)
    filter_shape = [case.r, case.s, case.c // case.groups, case.k]
    geometry = {
        "strides": _in_order(case, (1, 1) + case.stride),
        "dilations": _in_order(case, (1, 1) + case.dilation),
        "padding": padding,
        "data_format": case.layout.upper(),
    }
    padded_shape = [size + 2 * pad for size, pad in zip(_in_order(case, case.x_shape), margin)]

    def padded(x):
        return tf.pad(x, [[pad, pad] for pad in margin]) if any(margin) else x

    def forward(x, w):
        return tf.raw_ops.Conv2D(input=padded(x), filter=w, **geometry)

    def backward_data(dy, w):
        dx = tf.raw_ops.Conv2DBackpropInput(input_sizes=padded_shape, filter=w, out_backprop=dy, **geometry)
        return tf.slice(dx, margin, _in_order(case, case.x_shape)) if any(margin) else dx

    def backward_filter(x, dy):
        return tf.raw_ops.Conv2DBackpropFilter(input=padded(x), filter_sizes=filter_shape, out_backprop=dy, **geometry)

    return {"forward": forward, "backward_data": backward_data, "backward_filter": backward_filter}[case.pass_]


def _in_order(case, nchw):
    """Four numbers, given in NCHW, in the order of the layout."""
    return [nchw[index] for index in _TO[case.layout]]


def _padding(case):
    """The padding word, and what is padded by hand, per dimension of the layout."""
    if case.pad == (0, 0):
        return "VALID", [0, 0, 0, 0]
    if all(_same_is_wanted(case, axis) for axis in (0, 1)):
        return "SAME", [0, 0, 0, 0]
    return "VALID", _in_order(case, (0, 0) + case.pad)


def _same_is_wanted(case, axis):
    """Whether 'SAME' gives this output size and pads as much before the image; what it pads behind follows from these.

    Source: TensorFlow's GetWindowedOutputSize: total = max((ceil(h / stride) - 1) * stride + extent - h, 0), half of it
    before the image, rounded down.
    """
    image, size = (case.h, case.w)[axis], (case.p, case.q)[axis]
    stride, extent = case.stride[axis], ((case.r, case.s)[axis] - 1) * case.dilation[axis] + 1
    total = max((size - 1) * stride + extent - image, 0)
    return size == -(-image // stride) and total // 2 == case.pad[axis]
