"""Which tile a convolution works in, seen from outside: one huge pixel spoils exactly the outputs of its tile.

The filter is a single one at its last tap, so each output is a copy of one pixel. Direct and GEMM multiply the huge
pixel by zero and stay exact. A Winograd or FFT transform adds it to its neighbours and takes it away again, and their
digits are gone.
"""

import numpy as np

_HUGE = 1e10  # times the unit roundoff 6e-8 is 600: far above a pixel of 1, far below an overflow
_LOST = 0.25


def operands(case):
    """Images of ones with one huge pixel, and a filter that copies; all in NCHW / KCRS."""
    x = np.ones(case.x_shape, dtype=np.float32)
    row, column = (_pixel(case, axis) for axis in (0, 1))
    x[:, 0, row, column] = _HUGE
    w = np.zeros(case.w_shape, dtype=np.float32)
    w[:, 0, -1, -1] = 1.0
    return x, w


def tile(case, y, candidates):
    """The input tile, one of `candidates`, that explains which outputs of y are spoilt; None when y is exact.

    Shapes: y is (n, k, p, q), computed from `operands(case)` at stride 1 without dilation or groups.
    """
    x = operands(case)[0][0, 0].astype(np.float64)
    padded = np.pad(x, [(pad, pad) for pad in case.pad], "constant")
    expected = padded[case.r - 1 :, case.s - 1 :][: case.p, : case.q]
    spoilt = ~(np.abs(y[0, 0] - expected) <= _LOST) & (expected < 1e3)
    if not spoilt.any():
        return None
    seen = [int(np.flatnonzero(spoilt.any(axis=1 - axis)).max()) for axis in (0, 1)]
    for size in sorted(candidates):
        if all(seen[axis] <= _last_spoilt(case, axis, size) for axis in (0, 1)):
            return size
    return None


def _pixel(case, axis):
    # In the padded image at least 1: a Winograd tile's first row and column reach one output only.
    return min(max(1 - case.pad[axis], 0), (case.h, case.w)[axis] - 1)


def _last_spoilt(case, axis, size):
    """Index of the last output of the last tile that holds the huge pixel; -1 when the filter does not fit a tile."""
    step = size - (case.r, case.s)[axis] + 1
    if step < 1:
        return -1
    position = _pixel(case, axis) + case.pad[axis]
    return position // step * step + step - 1
