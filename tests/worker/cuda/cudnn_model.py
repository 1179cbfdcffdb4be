"""libcudnn in Python, on the device of cuda_model.py: convolutions tap by tap, and scripted choices."""

from __future__ import annotations

import ctypes
import re
from functools import partial
from types import SimpleNamespace

import numpy as np
from cuda_model import CONVOLUTION_NS, SCALE_NS, SUCCESS, Cublas, Cudart, Device, Driver, Library, telling, write

CUDNN_BAD_PARAM, CUDNN_NOT_SUPPORTED = 2000, 3000
CUDNN_STATUS = {
    0: b"CUDNN_STATUS_SUCCESS",
    CUDNN_BAD_PARAM: b"CUDNN_STATUS_BAD_PARAM",
    CUDNN_NOT_SUPPORTED: b"CUDNN_STATUS_NOT_SUPPORTED",
    4004: b"CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
}
# The two operands and the result of a pass, by the tensor whose shape each has.
ROLES = {"Forward": ("x", "w", "y"), "BackwardData": ("w", "y", "x"), "BackwardFilter": ("x", "y", "w")}
MOST = {"Forward": 8, "BackwardData": 6, "BackwardFilter": 7}


class Cudnn(Library):
    """`unsupported` are pairs (pass, number); `order` is that of the heuristic, its reverse that of the search."""

    def __init__(self, device, signatures, found, *, unsupported=(), version=92801):
        self.unsupported = frozenset(unsupported)
        self.found = found
        self.described, self.handles = {}, set()
        super().__init__(device, signatures)
        self.cudnnGetErrorString = telling(CUDNN_STATUS)
        # Functions, and not lambdas' results: their types are set from outside.
        self.cudnnGetVersion = partial(int, version)

    def method(self, name):
        taken = re.fullmatch("cudnn(Find|Get|)Convolution(Forward|BackwardData|BackwardFilter)(.*)", name)
        if taken:
            what = {"Find": "search", "Get": taken[3].lower(), "": "run"}[taken[1]]
            return partial(getattr(self, what), taken[2])
        made = re.fullmatch("cudnn(Create|Destroy)(Tensor|Filter|Convolution)Descriptor", name)
        return getattr(self, made[1].lower() + "_descriptor") if made else super().method(name)

    def create(self, out):
        made = next(self.device.ids)
        self.handles.add(made)
        write(out, ctypes.c_void_p, made)
        return SUCCESS

    def destroy(self, handle):
        self.handles.remove(handle)
        return SUCCESS

    def set_stream(self, handle, stream):
        self.stream = stream
        return SUCCESS

    def create_descriptor(self, out):
        made = next(self.device.ids)
        self.described[made] = SimpleNamespace(groups=1, math=0)
        write(out, ctypes.c_void_p, made)
        return SUCCESS

    def destroy_descriptor(self, descriptor):
        return SUCCESS if self.described.pop(descriptor, None) else CUDNN_BAD_PARAM

    def set_tensor4d_descriptor(self, descriptor, layout, dtype, *shape):
        self.described[descriptor].__dict__.update(layout=layout, shape=shape)
        return SUCCESS if dtype == 0 else CUDNN_BAD_PARAM

    def set_filter4d_descriptor(self, descriptor, dtype, layout, *shape):
        return self.set_tensor4d_descriptor(descriptor, layout, dtype, *shape)

    def set_convolution2d_descriptor(self, descriptor, *numbers):
        pad, stride, dilation = numbers[0:2], numbers[2:4], numbers[4:6]
        self.described[descriptor].__dict__.update(pad=pad, stride=stride, dilation=dilation)
        return SUCCESS if numbers[6:] == (1, 0) else CUDNN_BAD_PARAM

    def set_convolution_math_type(self, descriptor, math):
        self.described[descriptor].math = math
        return SUCCESS

    def set_convolution_group_count(self, descriptor, groups):
        self.described[descriptor].groups = groups
        return SUCCESS

    def scale_tensor(self, handle, descriptor, address, alpha):
        factor, shape = ctypes.c_float.from_address(alpha).value, self.described[descriptor].shape

        def work():
            self.device.spend("scale", SCALE_NS)
            self.device.array(address, shape)[...] *= factor

        return self.device.put(self.stream, work)

    @staticmethod
    def needed_bytes(number):
        """Scripted: the higher the number the more."""
        return 1000 * number

    def workspacesize(self, pass_, handle, first, second, convolution, result, number, out):
        if (pass_, number) in self.unsupported:
            return CUDNN_NOT_SUPPORTED
        write(out, ctypes.c_size_t, self.needed_bytes(number))
        return SUCCESS

    def algorithm_v7(self, pass_, handle, first, second, convolution, result, most, count, results):
        return self._answer(pass_, self.described[convolution].math, range(8), count=count, results=results)

    def search(
        self, pass_, handle, first, a, second, b, convolution, result, c, most, count, results, workspace, size
    ):  # fmt: skip
        self.device.put(self.stream, lambda: self.device.array(c, self.described[result].shape).fill(-77))
        self.device.drain(self.stream)
        fitting = [number for number in range(7, -1, -1) if self.needed_bytes(number) <= size]
        return self._answer(pass_, self.described[convolution].math, fitting, count=count, results=results)

    def _answer(self, pass_, math, numbers, *, count, results):
        """Supported ones first, in this order; the fastest is told to need no tensor cores."""
        numbers = [number for number in numbers if number < MOST[pass_]]
        ordered = sorted(numbers, key=lambda number: (pass_, number) in self.unsupported)
        array = (self.found * len(ordered)).from_address(results)
        for place, (entry, number) in enumerate(zip(array, ordered, strict=True)):
            entry.algorithm, entry.workspace_bytes = number, self.needed_bytes(number)
            entry.status = CUDNN_NOT_SUPPORTED if (pass_, number) in self.unsupported else 0
            entry.math, entry.milliseconds = (math if math == 3 else place and 1), 1.0 + place
        write(count, ctypes.c_int, len(ordered))
        return SUCCESS

    def run(
        self, pass_, handle, alpha, first, a, second, b, convolution, number, workspace, size, beta, result, c
    ):  # fmt: skip
        if (pass_, number) in self.unsupported:
            return CUDNN_NOT_SUPPORTED
        scales = [ctypes.c_float.from_address(scale).value for scale in (alpha, beta)]
        if size < self.needed_bytes(number) or scales != [1.0, 0.0]:
            return CUDNN_BAD_PARAM
        roles = dict(zip(ROLES[pass_], ((first, a), (second, b), (result, c)), strict=True))
        work = partial(self._convolve, self.described[convolution], roles, ROLES[pass_][2])
        kernel = f"{pass_} {number}"
        return self.device.put(self.stream, lambda: self.device.compute(kernel, CONVOLUTION_NS, work), kernel)

    def _convolve(self, convolution, roles, wanted):
        """Tap by tap into the operand that is wanted; tensor cores see ten bits of each factor."""
        views = {name: self._view(*role) for name, role in roles.items()}
        x, w, y = (
            np.zeros(view.shape) if name == wanted else _rounded(view, convolution.math).astype(np.float64)
            for name, view in ((name, views[name]) for name in "xwy")
        )
        result = {"x": x, "w": w, "y": y}[wanted]
        (top, left), (down, across), (spread, widen) = convolution.pad, convolution.stride, convolution.dilation
        padded = np.pad(x, ((0, 0), (0, 0), (top, top), (left, left)))
        channels, filters = w.shape[1], w.shape[0] // convolution.groups
        for group, i, j in np.ndindex(convolution.groups, *w.shape[2:]):
            inside = slice(group * channels, (group + 1) * channels), slice(group * filters, (group + 1) * filters)
            rows = slice(i * spread, i * spread + (y.shape[2] - 1) * down + 1, down)
            columns = slice(j * widen, j * widen + (y.shape[3] - 1) * across + 1, across)
            seen, out = padded[:, inside[0], rows, columns], y[:, inside[1]]
            if wanted == "y":
                out += np.einsum("ncpq,kc->nkpq", seen, w[inside[1], :, i, j])
            elif wanted == "x":
                seen += np.einsum("nkpq,kc->ncpq", out, w[inside[1], :, i, j])
            else:
                w[inside[1], :, i, j] += np.einsum("nkpq,ncpq->kc", out, seen)
        if wanted == "x":
            result = padded[:, :, top : top + x.shape[2], left : left + x.shape[3]]
        views[wanted][...] = result

    def _view(self, descriptor, address):
        """The block in the order of NCHW, however it lies in memory."""
        described = self.described[descriptor]
        n, c, h, w = described.shape
        if described.layout == 0:
            return self.device.array(address, (n, c, h, w))
        return self.device.array(address, (n, h, w, c)).transpose(0, 3, 1, 2)


def _rounded(values, math):
    if math != 1:
        return values
    bits = np.ascontiguousarray(values).view(np.uint32).astype(np.uint64)
    return ((bits + 0x1000) & 0xFFFFE000).astype(np.uint32).view(np.float32)


def libraries(cudart, cublas, kernels, *, convolutions, unsupported=(), names=None, **device):
    """The device, and a loader of its libraries with these signatures."""
    gpu = Device(**device)
    made = {
        "cudart": Cudart(gpu, cudart),
        "cublas": Cublas(gpu, cublas),
        "cuda": Driver(gpu, kernels.SIGNATURES, kernels.Launch, names or {}),
        "cudnn": Cudnn(gpu, convolutions.SIGNATURES, convolutions.Found, unsupported=unsupported),
    }
    return gpu, made.__getitem__
