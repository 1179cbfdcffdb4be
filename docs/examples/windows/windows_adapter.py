"""The worker's half of the example: a convolution as one einsum over sliding windows. Runs in a process of its own."""

import numpy as np
from wire import NotOffered


class Adapter:
    def info(self):
        return {"framework": "windows", "version": "1.0", "libraries": {"numpy": np.__version__}}

    def prepare(self, case, arrays):
        if case.pass_ != "forward" or case.groups != 1:
            raise NotOffered("windows computes the forward pass without groups only")
        handle = {"case": case}
        self.fill(handle, arrays)
        return handle

    def fill(self, handle, arrays):
        (top, left) = handle["case"].pad
        handle["x"] = np.pad(arrays["x"], ((0, 0), (0, 0), (top, top), (left, left)))
        handle["w"] = arrays["w"]

    def run(self, handle):
        case = handle["case"]
        (down, right), (rows, columns) = case.stride, case.dilation
        span = ((case.r - 1) * rows + 1, (case.s - 1) * columns + 1)
        windows = np.lib.stride_tricks.sliding_window_view(handle["x"], span, axis=(2, 3))
        taken = windows[:, :, ::down, ::right, ::rows, ::columns]
        handle["y"] = np.einsum("ncpqrs,kcrs->nkpq", taken, handle["w"], optimize=True)

    def synchronize(self):
        pass

    def output(self, handle):
        return handle["y"]

    def resolved(self, handle):
        return {"algorithm": "gemm", "name": "numpy.einsum over sliding windows", "tile": None, "workspace_bytes": None}

    def close(self):
        pass
