"""The probe: whether this core is quiet, or shares its execution units with somebody's work on its sibling thread.

A busy sibling makes convolutions and the control 1.1 to 1.4 times as slow, each by a factor of its own, but a loop of
scalar code 1.65 to 2.1 times: a few microseconds of it tell the two states of the core apart.
"""

from .sampler import SystemClock

_STEPS = range(200)
_TRIES = range(3)


def scalar_ns() -> int:
    """Wall nanoseconds of a short loop: the least of three, since the first comes with cold caches."""
    least, wall_ns = 0, SystemClock.wall_ns
    for _ in _TRIES:
        began = wall_ns()
        total = 0
        for step in _STEPS:
            total += step
        taken = wall_ns() - began
        least = min(least, taken) if least else taken
    return least


class Probe:
    """Takes probes, and remembers the shortest: what they take on a quiet core, if there ever was one.

    Units: nanoseconds; `quiet_ns` is 0 before the first.
    """

    def __init__(self, take=scalar_ns) -> None:
        self._take = take
        self.quiet_ns = 0

    def take(self) -> int:
        """One probe."""
        taken = self._take()
        if taken > 0:
            self.quiet_ns = min(self.quiet_ns, taken) if self.quiet_ns else taken
        return taken
