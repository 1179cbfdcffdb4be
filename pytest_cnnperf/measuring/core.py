"""Which samples had the core to themselves: the probes beside them tell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from .samples import Round, Samples

# A probe that takes longer than so many times the shortest one was not on a quiet core. Measured: 1.0 to 1.4 on quiet
# ones (clock rates), 1.65 to 2.1 on busy ones.
BUSY = 1.6


def quiet_ns(rounds: Iterable[Round]) -> int:
    """What a probe takes on a quiet core, as far as these rounds know; 0 where none was probed."""
    return min((round_.quiet_ns for round_ in rounds if round_.quiet_ns), default=0)


def by_core(samples: Samples, shortest_ns: int) -> tuple[Samples, Samples]:
    """The samples from a quiet core, and those beside a sibling that worked.

    Units: `shortest_ns` is what a probe takes on a quiet core.
    """
    quiet, busy = [], []
    for round_ in samples.rounds:
        indices = range(len(round_.probe_ns))
        is_quiet = [ns <= BUSY * shortest_ns for ns in round_.probe_ns]
        quiet.append(round_.picked([index for index in indices if is_quiet[index]]))
        busy.append(round_.picked([index for index in indices if not is_quiet[index]]))
    filled = (tuple(round_ for round_ in rounds if round_.workload_ns) for rounds in (quiet, busy))
    of_quiet, of_busy = (replace(samples, rounds=rounds) for rounds in filled)
    return of_quiet, of_busy


def quiet_samples(samples: Samples) -> int | None:
    """How many samples were taken on a core whose sibling did not work; None where the core was not looked at."""
    quiet = quiet_ns(samples.rounds)
    return sum(ns <= BUSY * quiet for round_ in samples.rounds for ns in round_.probe_ns) if quiet else None
