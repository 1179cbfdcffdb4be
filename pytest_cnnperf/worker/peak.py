"""What this process's threads can do at best: the ceiling beside which a framework's speed is shown."""

import numpy as np

from . import sampler

_SIZES = (512, 1024)
_TRIES = 5


def flops_per_second() -> float:
    """The best of some float32 matrix products, on elapsed time.

    Cost: about 12 GFLOP. Error: a busy machine shows less than its peak, never more.
    """
    clock = sampler.SystemClock()
    return max(_rate(size, clock) for size in _SIZES)


def _rate(size: int, clock: sampler.SystemClock) -> float:
    left = np.full((size, size), 0.5, np.float32)
    out = np.empty_like(left)

    def product() -> None:
        np.dot(left, left, out=out)

    product()
    with sampler.Quiet():
        best = min(sampler.timed(product, 1, sampler.nothing, clock)[1] for _ in range(_TRIES))
    return 2.0 * size**3 / (max(best, 1) * 1e-9)
