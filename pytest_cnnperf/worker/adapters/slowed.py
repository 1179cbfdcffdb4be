"""Another adapter, really slowed: after each run it burns a part of that run's own CPU time; for the self-test.

The adapter behind is the file named by $CNNPERF_SLOWED. The part is the case's option `slowed` (0.05 burns 5 %), so
that one process serves the unchanged and the slowed workload by turns; a case without it runs as it is.
"""

import importlib.util
import os
import sys

from cnnperf_worker.sampler import SystemClock


def _behind(path):
    """The module of the adapter behind, under a private name."""
    spec = importlib.util.spec_from_file_location("cnnperf_slowed_adapter", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


class Adapter(_behind(os.environ["CNNPERF_SLOWED"]).Adapter):
    """All that the adapter behind is; `run` takes longer."""

    def __init__(self):
        super(Adapter, self).__init__()
        self.slowed_by = 0.0

    def prepare(self, case, arrays):
        # Of two cases only the later one is ever run: the worker holds one handle at a time.
        self.slowed_by = float(case.options.pop("slowed", 0.0))
        return super(Adapter, self).prepare(case, arrays)

    def run(self, handle):
        if not self.slowed_by:
            super(Adapter, self).run(handle)
            return
        clock = self.clock() if hasattr(self, "clock") else SystemClock
        began_ns = clock.cpu_ns()
        super(Adapter, self).run(handle)
        # What a framework does behind `run` belongs to its CPU time too.
        self.synchronize()
        burn(clock, self.slowed_by * (clock.cpu_ns() - began_ns))


def burn(clock, amount_ns):
    """Let so much CPU time of this process pass; a scripted clock is put forward."""
    if hasattr(clock, "advance"):
        clock.advance(amount_ns, 1.0)
        return
    end_ns = clock.cpu_ns() + amount_ns
    while clock.cpu_ns() < end_ns:
        pass
