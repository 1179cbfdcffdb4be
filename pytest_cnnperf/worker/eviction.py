"""Cold samples: what the workload left in the caches is driven out before the next sample, outside its window.

A call that finds some of its operands in the cache takes a time that depends on where they lie, which is luck that
lasts as long as a process: AlexNet's 3x3 layers moved by 4 to 5 % from one process to the next, and by 2 % with this.
"""

from typing import Any

import numpy as np

SWEPT_BYTES = 32 << 20


class Sweep:
    """Reads more than a core's share of the last-level cache; it writes nothing that would have to be written back.

    Cost: 2 to 4 ms a sample, and 32 MB.
    """

    def __init__(self) -> None:
        self.memory = np.zeros(SWEPT_BYTES // 4, np.float32)
        self.memory += 1  # pages that were never written would all be one page of zeros

    def run(self) -> Any:
        """Read it all."""
        return self.memory.max()
