"""Cold samples on a device: what the workload left in the L2 cache is written over before the next one."""

from .runtime import Runtime

# Several times the cache, since its replacement is not strictly by age; and enough that writing it, about 0.1 ms,
# outlasts the host's work of putting the sample's calls on the stream.
TIMES_THE_CACHE = 4
LEAST_BYTES = 256 << 20


class Flush:
    """Writes over more than the L2 cache; not yet run on a GPU.

    Cost: 256 MiB of device memory; about 0.1 ms of device time [256 MiB at 2.5 TB/s].
    """

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.memory = runtime.allocate(max(LEAST_BYTES, TIMES_THE_CACHE * runtime.l2_bytes()), "the flush of the cache")

    def run(self, stream: int) -> None:
        """Put the write on the stream, before the first event of a sample."""
        self.runtime.set_bytes(self.memory, 0, stream)
