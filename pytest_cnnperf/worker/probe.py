"""The probe: whether this core is quiet, or shares its execution units with somebody's work on its sibling thread.

A busy sibling makes convolutions and the control 1.1 to 1.4 times as slow, each by a factor of its own, but a loop of
scalar code 1.65 to 2.1 times: a few microseconds of it tell the two states of the core apart.
"""

import os
import time

# A probe that takes longer than so many times the shortest one was not on a quiet core. Measured: 1.0 to 1.4 on quiet
# ones (clock rates), 1.65 to 2.1 on busy ones.
BUSY = 1.6
_STEPS = range(200)
_TRIES = range(3)
# A core is taken for quiet when so many probes in a row say so (half a millisecond).
_IN_A_ROW = 20
_PAUSE_SECONDS = 0.005
_LEAST_LOST_SECONDS = 1e-6


def _wall_ns() -> int:
    """Elapsed time; Python 3.6 counts it in seconds only."""
    return int(time.perf_counter() * 1e9)


def scalar_ns() -> int:
    """Wall nanoseconds of a short loop: the least of three, since the first comes with cold caches."""
    least = 0
    for _ in _TRIES:
        began = _wall_ns()
        total = 0
        for step in _STEPS:
            total += step
        taken = _wall_ns() - began
        least = min(least, taken) if least else taken
    return least


def move_to(core: int) -> None:
    """Run all threads of this process on this core.

    One that ends meanwhile needs none; and where the core is not ours (a container's set) they stay where they are.
    """
    for thread in os.listdir("/proc/self/task"):
        try:
            os.sched_setaffinity(int(thread), {core})
        except OSError:
            pass


class Probe:
    """Takes probes, remembers the shortest (what they take on a quiet core), and waits where the core is not quiet.

    Units: nanoseconds; `quiet_ns` is 0 before the first.
    """

    def __init__(self, take=scalar_ns, move=move_to, now=time.perf_counter, pause=time.sleep) -> None:
        self._take = take
        self._move = move
        self._now = now
        self._pause = pause
        self.quiet_ns = 0
        self.allow(0.0, ())

    def take(self) -> int:
        """One probe."""
        taken = self._take()
        self.learn(taken)
        return taken

    def learn(self, quiet_ns: int) -> None:
        """A probe has taken so long, here or in an earlier process."""
        if quiet_ns > 0:
            self.quiet_ns = min(self.quiet_ns, quiet_ns) if self.quiet_ns else quiet_ns

    def is_quiet(self, probe_ns: int) -> bool:
        """Whether a probe that took so long was on a quiet core."""
        return probe_ns <= BUSY * self.quiet_ns

    def allow(self, seconds: float, cores: "tuple") -> None:
        """Wait for so long from now on, on whichever of these cores is quiet first; without any, where it is."""
        self.patience_seconds = seconds
        self.lost_seconds = 0.0
        self._cores = cores

    def lose(self, seconds: float) -> None:
        """So much of the patience is gone."""
        # However coarse the clock is, patience has an end.
        seconds = max(seconds, _LEAST_LOST_SECONDS)
        self.lost_seconds += seconds
        self.patience_seconds = max(0.0, self.patience_seconds - seconds)

    def settle(self) -> None:
        """Wait until a core is quiet, or patience has an end; then this process is on the first of the cores."""
        began = self._now()
        while not self._settled():
            if self._now() - began >= self.patience_seconds:
                # The first is the one that has the fewest interrupts.
                if self._cores:
                    self._move(self._cores[0])
                break
            if not any(self._settled_on(core) for core in self._cores):
                self._pause(_PAUSE_SECONDS)
        self.lose(self._now() - began)

    def _settled_on(self, core: int) -> bool:
        self._move(core)
        return self._settled()

    def _settled(self) -> bool:
        return all(self.is_quiet(self.take()) for _ in range(_IN_A_ROW))


class Blind:
    """In place of a probe where nobody looks at the core: all is quiet, and nothing is waited for."""

    patience_seconds = 0.0

    def take(self) -> int:
        """Nothing is seen."""
        return 0

    def is_quiet(self, _probe_ns: int) -> bool:
        """As far as anybody knows."""
        return True
