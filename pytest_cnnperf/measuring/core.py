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
        are_quiet = _are_quiet(round_, shortest_ns)
        quiet.append(round_.picked([index for index, is_quiet in enumerate(are_quiet) if is_quiet]))
        busy.append(round_.picked([index for index, is_quiet in enumerate(are_quiet) if not is_quiet]))
    filled = (tuple(round_ for round_ in rounds if round_.workload_ns) for rounds in (quiet, busy))
    of_quiet, of_busy = (replace(samples, rounds=rounds) for rounds in filled)
    return of_quiet, of_busy


def _are_quiet(round_: Round, shortest_ns: int) -> list[bool]:
    """Of each sample, whether its core was quiet."""
    return [ns <= BUSY * shortest_ns for ns in round_.probe_ns]


def quiet_samples(samples: Samples) -> int | None:
    """How many samples were taken on a core whose sibling did not work; None where the core was not looked at."""
    quiet = quiet_ns(samples.rounds)
    return sum(sum(_are_quiet(round_, quiet)) for round_ in samples.rounds) if quiet else None
