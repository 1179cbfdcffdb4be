"""Winograd convolution with six points: F(4x4,3x3), F(2x2,5x5), and their filter gradients F(3x3,4x4), F(5x5,2x2)."""

from typing import Any, Dict

import numpy as np

from .. import memory

# Cook-Toom points 0, 1, -1, 2, -2 and infinity. The input transform depends on the points only, so all F(m,r) with
# m + r - 1 = 6 share it; G and A are the points' powers, and the factors 1 / Π(p_i - p_j) go into G.
# Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, arXiv 1509.09308, section 4.3.
POINTS = (0, 1, -1, 2, -2)
FACTORS = (1 / 4, -1 / 6, -1 / 6, 1 / 24, 1 / 24, 1)
INPUT = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
SIZE = len(INPUT)
OFFERED = (3, 5)


def powers(count: int) -> Any:
    """Powers 0 … count - 1 of every point; infinity has only the highest. Shapes: (6, count)."""
    return np.array(
        [[float(point**power) for power in range(count)] for point in POINTS] + [[0.0] * (count - 1) + [1.0]]
    )


def filter_transform(taps: int) -> Any:
    """G of F(7 - taps, taps). Shapes: (6, taps)."""
    return np.array(FACTORS)[:, None] * powers(taps)


def output_transform(outputs: int) -> Any:
    """A transposed of F(outputs, 7 - outputs). Shapes: (outputs, 6)."""
    return powers(outputs).T


def _twice(matrix: Any, dtype: Any) -> Any:
    """The transform of both axes of a tile as one matrix on the flattened tile."""
    return np.kron(matrix, matrix).astype(dtype)


def why_not(case: Any) -> "str":
    """Why this case cannot be computed here, or an empty text."""
    if case.r != case.s or case.r not in OFFERED:
        return "winograd needs a 3x3 or 5x5 filter, got %dx%d" % (case.r, case.s)
    for name, needed in (("stride", (1, 1)), ("dilation", (1, 1)), ("groups", 1)):
        if getattr(case, name) != needed:
            return "winograd needs %s 1, got %r" % (name, getattr(case, name))
    if case.pass_ == "backward_data" and max(case.pad) >= case.r:
        return "winograd needs pad below the filter's size for the gradient of the input, got %r" % (case.pad,)
    return ""


class Winograd:
    """The three passes; the gradient of the input is the forward pass of dy with the turned filter.

    Shapes, with t tiles in all images: transformed images (36, channels, t), filters (36, k, c), products (36, k, t).
    """

    def __init__(self, case: Any, dtype: Any) -> None:
        self.case = case
        self.tile = SIZE + 1 - case.r
        self.name = "numpy F({0}x{0},{1}x{1})".format(self.tile, case.r)
        backward_data = case.pass_ == "backward_data"
        # What is tiled into overlapping 6x6 windows: x padded, or dy padded so that dx comes out.
        channels, images = (case.k, case.n) if backward_data else (case.c, case.n)
        out = (case.h, case.w) if backward_data else (case.p, case.q)
        self.out, self.counts = out, tuple(-(-size // self.tile) for size in out)
        self.tiles = case.n * self.counts[0] * self.counts[1]
        sizes = tuple(count * self.tile + case.r - 1 for count in self.counts)
        self.border = tuple(case.r - 1 - pad for pad in case.pad) if backward_data else case.pad
        self.padded = memory.zeros((images, channels) + sizes, dtype)
        self.windows = _windows(self.padded, self.counts, self.tile)
        self.gathered = memory.empty((SIZE * SIZE, channels * self.tiles), dtype)
        self.images = memory.empty((SIZE * SIZE, channels, self.tiles), dtype)
        self.filters = memory.empty((SIZE * SIZE, case.k, case.c), dtype)
        self.input = _twice(np.array(INPUT), dtype)
        self.w = memory.empty((case.k, case.c, case.r, case.s), dtype)
        {"forward": self._plan_images, "backward_data": self._plan_images, "backward_filter": self._plan_filter}[
            case.pass_
        ](dtype)
        buffers = (self.padded, self.gathered, self.images, self.filters, self.products)
        self.workspace_bytes = sum(buffer.nbytes for buffer in buffers)

    def _plan_images(self, dtype: Any) -> None:
        case, backward_data = self.case, self.case.pass_ == "backward_data"
        made = case.c if backward_data else case.k
        self.of_filter = _twice(filter_transform(case.r), dtype)
        self.of_output = _twice(output_transform(self.tile), dtype)
        self.products = memory.empty((SIZE * SIZE, made, self.tiles), dtype)
        self.result = memory.empty((case.n, made, self.counts[0], self.tile, self.counts[1], self.tile), dtype)
        self.turned = memory.empty((case.r * case.s, case.k * case.c), dtype)
        self.run = self.make_images

    def _plan_filter(self, dtype: Any) -> None:
        case = self.case
        self.of_gradient = _twice(filter_transform(self.tile), dtype)
        self.of_output = _twice(output_transform(case.r), dtype)
        # dy in whole tiles: m x m, zero beyond its edge.
        self.dy = memory.zeros((case.n, case.k, self.counts[0], self.tile, self.counts[1], self.tile), dtype)
        self.dy_tiles = memory.empty((self.tile**2, case.k * self.tiles), dtype)
        self.products = memory.empty((SIZE * SIZE, case.k, self.tiles), dtype)
        self.run = self.make_filter

    def fill(self, operands: "Dict[str, Any]") -> None:
        """Take new operand values."""
        if "w" in operands:
            self.w[...] = operands["w"]
        if self.case.pass_ == "backward_filter":
            flat = self.dy.reshape(self.dy.shape[:2] + (self.counts[0] * self.tile, self.counts[1] * self.tile))
            flat[..., : self.case.p, : self.case.q] = operands["dy"]
        image = operands["x"] if "x" in operands else operands["dy"]
        (rows, columns), (top, left) = image.shape[2:], self.border
        self.padded[:, :, top : top + rows, left : left + columns] = image

    def _transform_images(self) -> None:
        self.gathered.reshape(self.windows.shape)[...] = self.windows
        np.matmul(self.input, self.gathered, out=self.images.reshape(self.gathered.shape))

    def make_images(self) -> None:
        """Result tiles = A [ (G w Gᵀ) · (B x Bᵀ) ] Aᵀ, summed over channels in the transformed domain."""
        case = self.case
        self._transform_images()
        taps = self.w.transpose(2, 3, 0, 1)
        backward_data = case.pass_ == "backward_data"
        self.turned.reshape(taps.shape)[...] = taps[::-1, ::-1] if backward_data else taps
        np.matmul(self.of_filter, self.turned, out=self.filters.reshape(SIZE * SIZE, -1))
        np.matmul(self.filters.swapaxes(1, 2) if backward_data else self.filters, self.images, out=self.products)
        tiles = np.matmul(self.of_output, self.products.reshape(SIZE * SIZE, -1))
        shape = (self.tile, self.tile, self.products.shape[1], case.n) + self.counts
        self.result[...] = tiles.reshape(shape).transpose(3, 2, 4, 0, 5, 1)

    def make_filter(self) -> None:
        """Result dw = A [ Σ over tiles (G dy Gᵀ) · (B x Bᵀ) ] Aᵀ: dy's tile is the filter; m and r change places."""
        case = self.case
        self._transform_images()
        tiles = self.dy.transpose(3, 5, 1, 0, 2, 4)
        self.dy_tiles.reshape(tiles.shape)[...] = tiles
        np.matmul(self.of_gradient, self.dy_tiles, out=self.products.reshape(SIZE * SIZE, -1))
        np.matmul(self.products, self.images.swapaxes(1, 2), out=self.filters)
        taps = np.matmul(self.of_output, self.filters.reshape(SIZE * SIZE, -1))
        self.w[...] = taps.reshape(case.r, case.s, case.k, case.c).transpose(2, 3, 0, 1)

    def output(self) -> Any:
        """Result of the last run, NCHW or KCRS."""
        if self.case.pass_ == "backward_filter":
            return self.w.copy()
        whole = self.result.reshape(self.result.shape[:2] + (self.counts[0] * self.tile, self.counts[1] * self.tile))
        return whole[..., : self.out[0], : self.out[1]].copy()


def _windows(padded: Any, counts: "tuple", tile: int) -> Any:
    """All overlapping 6x6 windows as a view. Shapes: (6, 6, channels, images, tiles down, tiles across)."""
    image, channel, row, column = padded.strides
    shape = (SIZE, SIZE, padded.shape[1], padded.shape[0]) + counts
    strides = (row, column, channel, image, row * tile, column * tile)
    return np.lib.stride_tricks.as_strided(padded, shape, strides, writeable=False)
