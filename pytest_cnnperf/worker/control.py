"""The control: a fixed kernel that does not depend on the framework under test, timed beside every sample."""

from typing import Any

import numpy as np

from . import memory

# Another control, another way to begin a sample, other pages (host/pool.py), or visits of more than one round are
# another method: a baseline of the one says nothing of the other.
VERSION = "unfold1 cold2 thp apart"

_CHANNELS, _IMAGE, _FILTERS, _KERNEL = 16, 50, 32, 3


def scrambled(*shape: int) -> Any:
    """Deterministic float32 in (-1, 1): NumPy's generators may change between versions, integers may not."""
    count = int(np.prod(shape))
    residues = (np.arange(count, dtype=np.uint64) * np.uint64(2654435761)) % np.uint64(65521)
    values = memory.empty(shape, np.float32)
    values[...] = (residues.astype(np.float32) / np.float32(32760.5) - np.float32(1)).reshape(shape)
    return values


class Unfolded:
    """One small convolution by im2col and a matrix product, so that it follows both the core's and the cache's state.

    Cost: 21 MFLOP over 1.7 MB a unit; 0.3 to 0.5 ms on a core of 2020.
    Source: docs/controls.md: it follows convolutions better than matrix products, copies, or a blend with them.
    """

    version = VERSION

    def __init__(self) -> None:
        out = _IMAGE - _KERNEL + 1
        self.images = scrambled(_CHANNELS, _IMAGE, _IMAGE)
        self.filters = scrambled(_FILTERS, _CHANNELS * _KERNEL * _KERNEL)
        self.columns = memory.empty((_CHANNELS, _KERNEL, _KERNEL, out, out), np.float32)
        self.matrix = self.columns.reshape(_CHANNELS * _KERNEL * _KERNEL, out * out)
        self.result = memory.empty((_FILTERS, out * out), np.float32)
        self.taps = [
            (self.columns[:, r, s], self.images[:, r : r + out, s : s + out])
            for r in range(_KERNEL)
            for s in range(_KERNEL)
        ]

    def run(self) -> None:
        """One unit; it allocates nothing."""
        for column, image in self.taps:
            column[...] = image
        np.dot(self.filters, self.matrix, out=self.result)
