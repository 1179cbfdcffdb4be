"""What this process's threads, or its GPU, can do at best: the ceilings beside which a framework's speed is shown."""

from typing import Any, Callable, Tuple

import numpy as np

from . import sampler, wire

_SIZES = (512, 1024)
_TRIES = 5


def numpy_product(size: int) -> "Callable[[], Any]":
    """A call that multiplies two square float32 matrices of this size by NumPy."""
    left = np.full((size, size), 0.5, np.float32)
    out = np.empty_like(left)
    return lambda: np.dot(left, left, out=out)


def flops_per_second(product_of: "Callable[[int], Callable[[], Any]]" = numpy_product) -> float:
    """The best of some float32 matrix products, on elapsed time.

    `product_of` makes the product of a size: an adapter's own may be better than NumPy's, whose BLAS may not know this
    machine. Cost: about 12 GFLOP. Error: a busy machine shows less than its peak, never more.
    """
    return max(_rate(size, product_of(size)) for size in _SIZES)


def of_device(adapter: Any) -> "Tuple[float, float]":
    """The same of the adapter's GPU, and bytes read and written per second by the best of its copies.

    Raises: NotOffered for an adapter that cannot tell.
    """
    if not hasattr(adapter, "device_peaks"):
        raise wire.NotOffered("this adapter does not measure the peak of its device")
    flops, copied = adapter.device_peaks()
    return float(flops), float(copied)


def _rate(size: int, product: "Callable[[], Any]") -> float:
    clock = sampler.SystemClock()
    product()
    with sampler.Quiet():
        best = min(sampler.timed(product, 1, sampler.nothing, clock)[1] for _ in range(_TRIES))
    return 2.0 * size**3 / (max(best, 1) * 1e-9)
