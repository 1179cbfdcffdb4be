"""What this process's threads, or its GPU, can do at best: the ceilings beside which a framework's speed is shown."""

from typing import Any, Callable, Tuple

import numpy as np

from . import sampler, wire

_SIZES = (512, 1024)
_TRIES = 5
# More than a core's share of the last-level cache, read and written.
_COPIED_BYTES = 64 << 20


def flops_per_second() -> float:
    """The best of some float32 matrix products, on elapsed time.

    Cost: about 12 GFLOP. Error: a busy machine shows less than its peak, never more.
    """
    return max(_rate(size) for size in _SIZES)


def bytes_per_second() -> float:
    """The best of some copies, bytes read and bytes written, on elapsed time.

    Cost: 128 MiB; about 0.1 s.
    """
    source = np.ones(_COPIED_BYTES // 4, np.float32)
    target = np.ones_like(source)
    return 2.0 * _COPIED_BYTES / _best_seconds(lambda: np.copyto(target, source))


def of_device(adapter: Any) -> "Tuple[float, float]":
    """The same two rates of the adapter's GPU.

    Raises: NotOffered for an adapter that cannot tell.
    """
    if not hasattr(adapter, "device_peaks"):
        raise wire.NotOffered("this adapter does not measure the peak of its device")
    flops, copied = adapter.device_peaks()
    return float(flops), float(copied)


def _rate(size: int) -> float:
    left = np.full((size, size), 0.5, np.float32)
    out = np.empty_like(left)
    return 2.0 * size**3 / _best_seconds(lambda: np.dot(left, left, out=out))


def _best_seconds(call: "Callable[[], Any]") -> float:
    """Elapsed time of the fastest of some calls, after one that is not counted."""
    clock = sampler.SystemClock()
    call()
    with sampler.Quiet():
        best_ns = min(sampler.timed(call, 1, sampler.nothing, clock)[1] for _ in range(_TRIES))
    return max(best_ns, 1) * 1e-9
