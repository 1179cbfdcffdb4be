"""The control, the flush and the ceilings of a GPU, for adapters whose framework brings CUDA's libraries along.

Not yet run on a GPU.
"""

from contextlib import contextmanager

from cnnperf_worker.cuda import ceilings, libraries
from cnnperf_worker.cuda.product import Product
from cnnperf_worker.cuda.runtime import OutOfDeviceMemory
from cnnperf_worker.sampler import SystemClock, timed
from wire import NotOffered


class DeviceControl:
    """One for an adapter; the libraries are found when it is first asked, after the framework has loaded its own."""

    version = Product.version

    def __init__(self, make=Product, clock=SystemClock, load=libraries.load):
        self.make = make
        self.clock = clock
        self.load = load
        self.made = None

    @property
    def product(self):
        if self.made is None:
            with _as_hole():
                self.made = self.make()
        return self.made

    def nanoseconds(self, units, clock):
        """Time of so many products; on "wall" that of putting all of them on the device and waiting for the last."""
        product = self.product
        if clock != "wall":
            return product.nanoseconds(units, clock)
        self.flush_and_wait()
        return units * timed(product.timed.enqueue, units, product.timer.runtime.synchronize, self.clock)[1]

    def flush(self, stream):
        """Write over the L2 cache, in this stream's turn."""
        self.product.timer.flush.run(stream)

    def flush_and_wait(self):
        """Write over the L2 cache, and wait until it is done."""
        timer = self.product.timer
        timer.flush.run(timer.stream)
        timer.runtime.synchronize()

    def peaks(self):
        """Strict float32 FLOP/s of the best product, and bytes/s of the best copy."""
        timer = self.product.timer
        with _as_hole():
            return ceilings.measured(timer.runtime, self.load("cublas"), timer)


@contextmanager
def _as_hole():
    try:
        yield
    except OutOfDeviceMemory as error:
        raise NotOffered("the control of the GPU: %s" % error) from error
