"""What a GPU can do at best, by cuBLAS and a copy: the ceilings beside which speeds are shown. Not yet run on a GPU."""

from contextlib import ExitStack
from typing import Any, Tuple

from .product import Product
from .runtime import Memory, Runtime
from .timing import Timed, Timer

_SIDE = 4096  # a thousand tiles of 128 x 128: the last wave of them is a small part on every GPU of today
_COPIED_BYTES = 512 << 20
_CALLS, _TRIES = 4, 5


def measured(runtime: Runtime, cublas: Any, timer: Timer) -> "Tuple[float, float]":
    """Strict float32 FLOP/s of a matrix product, and bytes read plus bytes written by a copy per second.

    Cost: 2.7 TFLOP and 20 GiB copied, about 0.1 s on an H100; 1 GiB of device memory, given back.
    """
    return _flops_per_second(runtime, cublas, timer), _bytes_per_second(runtime, timer)


def _flops_per_second(runtime: Runtime, cublas: Any, timer: Timer) -> float:
    product = Product(runtime, cublas, timer=timer, side=_SIDE)
    try:
        return 2.0 * _SIDE**3 / _best_seconds(product.timed)
    finally:
        product.close()


def _bytes_per_second(runtime: Runtime, timer: Timer) -> float:
    with ExitStack() as held:
        source, target = (_block(runtime, held) for _ in range(2))
        timed = Timed(timer, lambda: runtime.copy_within(target, source, timer.stream))
        held.callback(timed.close)
        runtime.set_bytes(source, 0x55, timer.stream)
        return 2.0 * _COPIED_BYTES / _best_seconds(timed)


def _block(runtime: Runtime, held: "ExitStack") -> Memory:
    memory = runtime.allocate(_COPIED_BYTES, "the measurement of a copy")
    held.callback(memory.free)
    return memory


def _best_seconds(timed: Timed) -> float:
    """Of one call, in the fastest replay."""
    best_ns = min(timed.nanoseconds(_CALLS, "device_hot") for _ in range(_TRIES))
    return max(best_ns, 1) * 1e-9 / _CALLS
