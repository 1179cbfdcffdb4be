"""Arrays that begin on a cache line: NumPy's own begin anywhere, and vector loads across lines cost percents."""

from typing import Any, Tuple

import numpy as np

LINE_BYTES = 64


def empty(shape: "Tuple[int, ...]", dtype: Any) -> Any:
    """Like `numpy.empty`, on a cache line; where it begins is else another matter of luck in every process."""
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    block = np.empty(size + LINE_BYTES, np.uint8)
    start = -block.ctypes.data % LINE_BYTES
    return block[start : start + size].view(dtype).reshape(shape)


def zeros(shape: "Tuple[int, ...]", dtype: Any) -> Any:
    """Like `numpy.zeros`, on a cache line."""
    array = empty(shape, dtype)
    array[...] = 0
    return array
