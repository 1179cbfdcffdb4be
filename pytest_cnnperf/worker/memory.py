"""Arrays that begin on a pair of cache lines; NumPy's begin anywhere, and vector loads across lines cost percents."""

from typing import Any, Tuple

import numpy as np

# Prefetchers fetch lines in pairs: what begins on the second one is read in another way.
PAIR_BYTES = 128


def empty(shape: "Tuple[int, ...]", dtype: Any, *, boundary: int = PAIR_BYTES) -> Any:
    """Like `numpy.empty`, on a pair of cache lines or another boundary in bytes; it else begins where luck has it."""
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    block = np.empty(size + boundary, np.uint8)
    start = -block.ctypes.data % boundary
    return block[start : start + size].view(dtype).reshape(shape)


def zeros(shape: "Tuple[int, ...]", dtype: Any) -> Any:
    """Like `numpy.zeros`, on a pair of cache lines."""
    array = empty(shape, dtype)
    array[...] = 0
    return array
