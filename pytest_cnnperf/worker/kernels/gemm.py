"""Convolution as one matrix product an image and group: im2col before it, or col2im after it."""

from typing import Any, Dict

import numpy as np

from .. import memory


class Gemm:
    """The three passes through an explicit column matrix, at any stride, dilation and groups; buffers are made once.

    Shapes: columns (g, c/g · r · s, p · q) of one image at a time, w (g, k/g, c/g · r · s), y (n, g, k/g, p · q).
    """

    name = "numpy im2col + matmul"
    tile = None

    def __init__(self, case: Any, dtype: Any) -> None:
        self.case = case
        n, groups = case.n, case.groups
        channels, filters, pixels = case.c // groups, case.k // groups, case.p * case.q
        height, width = case.h + 2 * case.pad[0], case.w + 2 * case.pad[1]
        self.padded = memory.zeros((n, groups, channels, height, width), dtype)
        self.taps_of_columns = memory.empty((groups, channels, case.r, case.s, case.p, case.q), dtype)
        self.columns = self.taps_of_columns.reshape(groups, channels * case.r * case.s, pixels)
        self.w = memory.empty((groups, filters, channels * case.r * case.s), dtype)
        self.product = memory.empty(self.w.shape, dtype)
        self.y = memory.empty((n, groups, filters, pixels), dtype)
        self.workspace_bytes = self.padded.nbytes + self.columns.nbytes
        self.run = {
            "forward": self.forward,
            "backward_data": self.backward_data,
            "backward_filter": self.backward_filter,
        }[case.pass_]

    def fill(self, operands: "Dict[str, Any]") -> None:
        """Take new operand values."""
        if "x" in operands:
            self._images()[...] = operands["x"].reshape(self._images().shape)
        if "w" in operands:
            self.w[...] = operands["w"].reshape(self.w.shape)
        if "dy" in operands:
            self.y[...] = operands["dy"].reshape(self.y.shape)

    def _images(self) -> Any:
        (top, left), case = self.case.pad, self.case
        return self.padded[..., top : top + case.h, left : left + case.w]

    def _taps(self, image: Any) -> Any:
        """Pairs (rows of the column matrix, the pixels of the padded image that belong there), one for each tap."""
        case = self.case
        for r in range(case.r):
            top = r * case.dilation[0]
            rows = slice(top, top + (case.p - 1) * case.stride[0] + 1, case.stride[0])
            for s in range(case.s):
                left = s * case.dilation[1]
                yield (
                    self.taps_of_columns[:, :, r, s],
                    image[..., rows, left : left + (case.q - 1) * case.stride[1] + 1 : case.stride[1]],
                )

    def im2col(self, image: Any) -> None:
        """Copy every window of a padded image into the column matrix."""
        for rows, pixels in self._taps(image):
            rows[...] = pixels

    def col2im(self, image: Any) -> None:
        """Add the column matrix back onto the windows that it came from."""
        for rows, pixels in self._taps(image):
            np.add(pixels, rows, out=pixels)

    def forward(self) -> None:
        """y = w · im2col(x)."""
        for image, y in zip(self.padded, self.y):
            self.im2col(image)
            np.matmul(self.w, self.columns, out=y)

    def backward_data(self) -> None:
        """dx = col2im(wᵀ · dy)."""
        self.padded[...] = 0
        for image, dy in zip(self.padded, self.y):
            np.matmul(self.w.swapaxes(-1, -2), dy, out=self.columns)
            self.col2im(image)

    def backward_filter(self) -> None:
        """dw = Σ over images of dy · im2col(x)ᵀ."""
        for index, (image, dy) in enumerate(zip(self.padded, self.y)):
            self.im2col(image)
            np.matmul(dy, self.columns.swapaxes(-1, -2), out=self.product if index else self.w)
            if index:
                self.w += self.product

    def output(self) -> Any:
        """Result of the last run, NCHW or KCRS."""
        result = {"forward": self.y, "backward_data": self._images(), "backward_filter": self.w}[self.case.pass_]
        return np.array(result.reshape(self.case.result_shape))
