"""An adapter around another one, which times several controls beside each sample; loaded by a worker.

The worker's device clock is the door: it asks for one sample and keeps what comes. All readings lie in a log, which
`info` hands over and empties. The adapter behind is named by $CNNPERF_STUDIED.
"""

import importlib.util
import os

import numpy as np
from cnnperf_worker import eviction, sampler
from cnnperf_worker.control import Unfolded

_spec = importlib.util.spec_from_file_location("cnnperf_studied", os.environ["CNNPERF_STUDIED"])
_studied = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_studied)

CONTROL_NS = 5000000


def controls():
    """The candidates, by name: calls without arguments."""
    unfolded = Unfolded()
    small, once, twice = (np.full((192, 192), 0.01, np.float32) for _ in range(3))
    large = np.ones((640, 640), np.float32)
    product = np.empty_like(large)
    source, copied = np.ones(8 << 20, np.uint8), np.empty(8 << 20, np.uint8)
    source += 1

    def square():
        np.dot(small, small, out=once)

    def blend():
        np.dot(small, small, out=once)
        np.dot(once, small, out=twice)
        unfolded.run()

    def copy():
        copied[...] = source

    return {
        "blend": blend,
        "matmul 192": square,
        "im2col": unfolded.run,
        "copy": copy,
        "matmul 640": lambda: np.dot(large, large, out=product),
    }


class Adapter(_studied.Adapter):
    """The studied adapter with a log."""

    def __init__(self):
        super().__init__()
        self.log = []
        self.sweep = eviction.Sweep().run
        self.controls = {}

    def info(self):
        """What the studied adapter says, and the log, which is empty afterwards."""
        log, self.log = self.log, []
        return dict(super().info(), study=log)

    def device_sample(self, handle, _repeats, _on):
        """One sample of everything, into the log."""
        if not self.controls:
            self.controls = {name: (call, self._units(call)) for name, call in controls().items()}
        clock = sampler.SystemClock()
        readings = {"sweep": self._timed(self.sweep, 1, clock)}
        readings["workload"] = sampler.timed(lambda: self.run(handle), 1, self.synchronize, clock)
        for name, (call, units) in self.controls.items():
            readings[name] = self._timed(call, units, clock)
        self.log.append(readings)
        return 1

    def device_control(self, _units, _on):
        """The controls were timed with the sample."""
        return 1

    @staticmethod
    def _timed(call, units, clock):
        return sampler.timed(call, units, sampler.nothing, clock)

    def _units(self, call):
        """So many calls as take half a control's time: all candidates together must not take minutes."""
        self._timed(call, 2, sampler.SystemClock())
        return max(1, CONTROL_NS // max(1, self._timed(call, 2, sampler.SystemClock())[0]))
