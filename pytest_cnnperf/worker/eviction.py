"""Cold samples: what the workload left in the caches is driven out before the next sample, outside its window.

A call that finds some of its operands in the cache takes a time that depends on where they lie, which is luck that
lasts as long as a process: AlexNet's 3x3 layers moved by 4 to 5 % from one process to the next, and by 2 % with this.
"""

from typing import Any

import numpy as np

from . import memory

SWEPT_BYTES = 32 << 20
# A read that begins elsewhere than on an even cache line leaves the prefetchers in another state, which the next calls
# feel: torch's filter gradients and its FFT lay 2 to 4.5 % apart from process to process, and 0.7 to 2 % with this.
HUGE_PAGE_BYTES = 2 << 20


class Sweep:
    """Reads more than a core's share of the last-level cache; it writes nothing that would have to be written back.

    Cost: 1 to 4 ms a sample, and 34 MB.
    """

    def __init__(self) -> None:
        self.memory = memory.empty((SWEPT_BYTES // 4,), np.float32, boundary=HUGE_PAGE_BYTES)
        self.memory[...] = 1  # pages that were never written would all be one page of zeros

    def run(self) -> Any:
        """Read it all."""
        return self.memory.max()
