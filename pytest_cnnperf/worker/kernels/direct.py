"""Direct convolution: one small matrix product for each tap of the filter, at any stride, dilation and groups."""

from typing import Any, Dict

import numpy as np

from .. import memory


class Direct:
    """The three passes tap by tap; buffers are made once.

    Shapes: grouped views x (n, g, c/g, h, w), w (g, k/g, c/g, r, s), y (n, g, k/g, p, q).
    """

    name = "numpy tap loop"
    tile = None

    def __init__(self, case: Any, dtype: Any) -> None:
        self.case = case
        n, groups = case.n, case.groups
        self.channels, self.filters, self.pixels = case.c // groups, case.k // groups, case.p * case.q
        height, width = case.h + 2 * case.pad[0], case.w + 2 * case.pad[1]
        self.padded = memory.zeros((n, groups, self.channels, height, width), dtype)
        self.column = memory.empty((n, groups, self.channels, case.p, case.q), dtype)
        self.flat_column = self.column.reshape(n, groups, self.channels, self.pixels)
        self.product = memory.empty((n, groups, self.filters, self.pixels), dtype)
        self.y = memory.empty((n, groups, self.filters, self.pixels), dtype)
        self.w = memory.empty((groups, self.filters, self.channels, case.r, case.s), dtype)
        # One contiguous matrix a tap, in tap order.
        self.taps_of_w = memory.empty((case.r, case.s, groups, self.filters, self.channels), dtype)
        self.taps = [
            (r, s, self.padded[(Ellipsis,) + self._window(r, s)]) for r in range(case.r) for s in range(case.s)
        ]
        self.workspace_bytes = sum(a.nbytes for a in (self.padded, self.column, self.product, self.taps_of_w))
        self.run = {
            "forward": self.forward,
            "backward_data": self.backward_data,
            "backward_filter": self.backward_filter,
        }[case.pass_]

    def _window(self, r: int, s: int) -> "tuple":
        case = self.case
        top, left = r * case.dilation[0], s * case.dilation[1]
        return (
            slice(top, top + (case.p - 1) * case.stride[0] + 1, case.stride[0]),
            slice(left, left + (case.q - 1) * case.stride[1] + 1, case.stride[1]),
        )

    def fill(self, operands: "Dict[str, Any]") -> None:
        """Take new operand values."""
        if "x" in operands:
            self._image()[...] = operands["x"].reshape(self._image().shape)
        if "w" in operands:
            self.w[...] = operands["w"].reshape(self.w.shape)
        if "dy" in operands:
            self.y[...] = operands["dy"].reshape(self.y.shape)

    def _image(self) -> Any:
        (top, left), case = self.case.pad, self.case
        return self.padded[..., top : top + case.h, left : left + case.w]

    def forward(self) -> None:
        """y = Σ over taps of w[tap] · x[window of the tap]."""
        self.taps_of_w[...] = self.w.transpose(3, 4, 0, 1, 2)
        for index, (r, s, window) in enumerate(self.taps):
            self.column[...] = window
            if index == 0:
                np.matmul(self.taps_of_w[r, s], self.flat_column, out=self.y)
            else:
                np.matmul(self.taps_of_w[r, s], self.flat_column, out=self.product)
                self.y += self.product

    def backward_data(self) -> None:
        """dx[window of the tap] += w[tap]ᵀ · dy, for every tap."""
        self.taps_of_w[...] = self.w.transpose(3, 4, 0, 1, 2)
        self.padded[...] = 0
        for r, s, window in self.taps:
            np.matmul(self.taps_of_w[r, s].swapaxes(-1, -2), self.y, out=self.flat_column)
            np.add(window, self.column, out=window)

    def backward_filter(self) -> None:
        """dw[tap] = Σ over images of dy · x[window of the tap]ᵀ."""
        for r, s, window in self.taps:
            self.column[...] = window
            products = np.matmul(self.y, self.flat_column.swapaxes(-1, -2))
            self.w[..., r, s] = products[0] if len(products) == 1 else products.sum(axis=0)

    def output(self) -> Any:
        """Result of the last run, NCHW or KCRS."""
        result = {"forward": self.y, "backward_data": self._image(), "backward_filter": self.w}[self.case.pass_]
        return np.array(result.reshape(self.case.result_shape))
