"""Convolution as a product of spectra: the images by fast Fourier transform, the few taps of a filter by its matrix."""

from typing import Any, Dict

import numpy as np

from .. import memory

# Bytes of the transformed filters of one block: they should stay in the cache between transform and product.
_BLOCK_BYTES = 2 << 20


def fast_size(least: int) -> int:
    """The smallest size of at least this with no prime factor above 5."""
    size = least
    while True:
        rest = size
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return size
        size += 1


def tap_spectrum(taps: "tuple", sizes: "tuple") -> Any:
    """The real transform of a filter that is zero beyond its taps, as a matrix.

    Shapes: (2, frequencies, taps): real and imaginary part, frequencies of rfft2 of `sizes`.
    """
    rows = np.exp(-2j * np.pi / sizes[0] * np.outer(np.arange(sizes[0]), np.arange(taps[0])))
    columns = np.exp(-2j * np.pi / sizes[1] * np.outer(np.arange(sizes[1] // 2 + 1), np.arange(taps[1])))
    both = np.kron(rows, columns)
    return np.stack([both.real, both.imag])


def inverse_tap_spectrum(taps: "tuple", sizes: "tuple") -> Any:
    """The taps of what has this spectrum, as a matrix on its real and imaginary parts.

    Shapes: (taps, 2 · frequencies).
    """
    width = sizes[1] // 2 + 1
    # rfft2 leaves out what is the conjugate of another column: those that it keeps for two count twice.
    weight = np.full(width, 2.0)
    weight[0] = 1.0
    if sizes[1] % 2 == 0:
        weight[-1] = 1.0
    scaled = tap_spectrum(taps, sizes) * np.tile(weight, sizes[0])[:, None] / (sizes[0] * sizes[1])
    return np.concatenate([scaled[0].T, scaled[1].T], axis=1)


def why_not(case: Any) -> "str":
    """Why this case cannot be computed here, or an empty text."""
    for name, needed in (("stride", (1, 1)), ("dilation", (1, 1)), ("groups", 1)):
        if getattr(case, name) != needed:
            return "fft needs %s 1, got %r" % (name, getattr(case, name))
    return ""


class Fft:
    """The three passes over the whole padded image; filters in blocks that fit into the cache.

    Complex products are written as real ones, so that they are BLAS matrix products: with W = U + iV and X = A + iB,
    conj(W) X = (UA + VB) + i(UB - VA) and W X = (UA - VB) + i(UB + VA).
    Shapes, with f frequencies: images (f, channels, 2n), a block of b filters (2, f, b, c).
    """

    name = "numpy rfft2"
    tile = None

    def __init__(self, case: Any, dtype: Any) -> None:
        self.case = case
        self.dtype = np.dtype(dtype)
        self.sizes = (fast_size(case.h + 2 * case.pad[0]), fast_size(case.w + 2 * case.pad[1]))
        self.frequencies = self.sizes[0] * (self.sizes[1] // 2 + 1)
        f, n = self.frequencies, case.n
        self.x = memory.zeros((n, case.c) + self.sizes, dtype)
        self.y = memory.zeros((n, case.k) + self.sizes, dtype)
        self.w = memory.empty((case.k, case.c, case.r, case.s), dtype)
        # Blocks of what the result has: filters, or for the gradient of the images channels, so that none is added up.
        self.blocked, other = (case.c, case.k) if case.pass_ == "backward_data" else (case.k, case.c)
        self.block = max(1, min(self.blocked, _BLOCK_BYTES // (2 * f * other * self.dtype.itemsize)))
        self.spectra = memory.empty((2, f, self.block, other), dtype)
        taps = (case.r, case.s)
        if case.pass_ == "backward_filter":
            self.matrix = inverse_tap_spectrum(taps, self.sizes).astype(dtype)
        else:
            self.matrix = tap_spectrum(taps, self.sizes).reshape(2 * f, -1).astype(dtype)
        self.workspace_bytes = self.spectra.nbytes + 2 * self.dtype.itemsize * f * n * (case.c + case.k)
        self.run = {
            "forward": self.forward,
            "backward_data": self.backward_data,
            "backward_filter": self.backward_filter,
        }[case.pass_]

    def fill(self, operands: "Dict[str, Any]") -> None:
        """Take new operand values."""
        case, (top, left) = self.case, self.case.pad
        if "x" in operands:
            self.x[:, :, top : top + case.h, left : left + case.w] = operands["x"]
        if "w" in operands:
            self.w[...] = operands["w"]
        if "dy" in operands:
            self.y[:, :, : case.p, : case.q] = operands["dy"]

    def _transform(self, images: Any) -> Any:
        """Spectra of images. Shapes: (n, channels, height, width) to (f, channels, 2, n)."""
        n, channels = images.shape[:2]
        spectra = np.fft.rfft2(images).reshape(n, channels, self.frequencies)
        parts = memory.empty((self.frequencies, channels, 2, n), self.dtype)
        parts[:, :, 0] = spectra.real.transpose(2, 1, 0)
        parts[:, :, 1] = spectra.imag.transpose(2, 1, 0)
        return parts

    def _back(self, parts: Any) -> Any:
        """Images of spectra. Shapes: (f, channels, 2, n) to (n, channels, height, width)."""
        spectra = parts[:, :, 0] + 1j * parts[:, :, 1]
        shape = (spectra.shape[2], spectra.shape[1], self.sizes[0], self.sizes[1] // 2 + 1)
        return np.fft.irfft2(spectra.transpose(2, 1, 0).reshape(shape), s=self.sizes)

    def _blocks(self) -> Any:
        """Slices of the filters or channels, one block each."""
        return [slice(first, min(first + self.block, self.blocked)) for first in range(0, self.blocked, self.block)]

    def _transform_filters(self, filters: Any) -> "tuple":
        """Real and imaginary part of some filters' spectra. Shapes: (b, c, r, s) to (f, b, c) each."""
        taps = filters.reshape(filters.shape[0] * filters.shape[1], -1).T
        spectra = np.matmul(
            self.matrix,
            taps,
            out=self.spectra.reshape(-1)[: len(self.matrix) * taps.shape[1]].reshape(-1, taps.shape[1]),
        )
        return tuple(spectra.reshape((2, self.frequencies) + filters.shape[:2]))

    def forward(self) -> None:
        """Y = Σ over channels of conj(W) X; the conjugate makes it a correlation."""
        n, images = self.case.n, self._transform(self.x)
        flat = images.reshape(self.frequencies, self.case.c, 2 * n)
        parts = memory.empty((self.frequencies, self.case.k, 2, n), self.dtype)
        for part in self._blocks():
            u, v = self._transform_filters(self.w[part])
            ux = np.matmul(u, flat).reshape(self.frequencies, -1, 2, n)
            vx = np.matmul(v, flat).reshape(self.frequencies, -1, 2, n)
            np.add(ux[:, :, 0], vx[:, :, 1], out=parts[:, part, 0])
            np.subtract(ux[:, :, 1], vx[:, :, 0], out=parts[:, part, 1])
        self.y = self._back(parts)

    def backward_data(self) -> None:
        """DX = Σ over filters of W DY."""
        n, images = self.case.n, self._transform(self.y)
        flat = images.reshape(self.frequencies, self.case.k, 2 * n)
        parts = memory.empty((self.frequencies, self.case.c, 2, n), self.dtype)
        for part in self._blocks():
            u, v = self._transform_filters(self.w.swapaxes(0, 1)[part])
            ux = np.matmul(u, flat).reshape(self.frequencies, -1, 2, n)
            vx = np.matmul(v, flat).reshape(self.frequencies, -1, 2, n)
            np.subtract(ux[:, :, 0], vx[:, :, 1], out=parts[:, part, 0])
            np.add(ux[:, :, 1], vx[:, :, 0], out=parts[:, part, 1])
        self.x = self._back(parts)

    def backward_filter(self) -> None:
        """DW = Σ over images of X conj(DY), of which only the taps are transformed back."""
        x, y = self._transform(self.x), self._transform(self.y)
        n, f, channels = self.case.n, self.frequencies, self.case.c
        # (A + iB)(C - iD) = (CA + DB) + i(CB - DA): one product of (C, D) with (A, B), and one with (B, -A).
        straight = x.transpose(0, 2, 3, 1).reshape(f, 2 * n, channels)
        crossed = np.concatenate([x[:, :, 1], -x[:, :, 0]], axis=2).transpose(0, 2, 1)
        for part in self._blocks():
            pair = y[:, part].reshape(f, -1, 2 * n)
            count = pair.shape[1]
            spectra = self.spectra.reshape(-1)[: 2 * f * count * channels].reshape(2, f, count, channels)
            np.matmul(pair, straight, out=spectra[0])
            np.matmul(pair, crossed, out=spectra[1])
            taps = np.matmul(self.matrix, spectra.reshape(2 * f, count * channels))
            self.w[part] = taps.T.reshape(count, channels, self.case.r, self.case.s)

    def output(self) -> Any:
        """Result of the last run, NCHW or KCRS."""
        case, (top, left) = self.case, self.case.pad
        if case.pass_ == "forward":
            return np.array(self.y[:, :, : case.p, : case.q], self.dtype)
        if case.pass_ == "backward_data":
            return np.array(self.x[:, :, top : top + case.h, left : left + case.w], self.dtype)
        return self.w.copy()
