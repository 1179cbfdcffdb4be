"""Which samples had the core to themselves: the probes beside them tell, and where enough did only those count.

On a host whose other tenants keep a core's sibling thread busy for seconds at a time, the control takes up most of
that, but not all: each kernel suffers by a factor of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..host.source import BUSY
from .samples import Round, Samples

# A visit has been quiet where so many of its samples were, and a case where so many of its visits were. Of a comparison
# one will do to say that nothing changed: how far it may be off is known from those that are stored.
LEAST_SAMPLES = 2
LEAST_VISITS = 2
LEAST_VISITS_NOW = 1
# Fewer samples than these have no figure at all.
LEAST_COUNT = 3


def quiet_ns(rounds: Iterable[Round]) -> int:
    """What a probe takes on a quiet core, as far as these rounds know; 0 where none was probed."""
    return min((round_.quiet_ns for round_ in rounds if round_.quiet_ns), default=0)


def quiet_indices(round_: Round, quiet: int) -> list[int]:
    """The samples of a round that were taken on a core where a probe took no longer than on a quiet one."""
    return [index for index, ns in enumerate(round_.probe_ns) if ns <= BUSY * quiet]


def quiet_samples(samples: Samples) -> int | None:
    """How many samples were taken on a quiet core; None where the core was not looked at."""
    quiet = quiet_ns(samples.rounds)
    return sum(len(quiet_indices(round_, quiet)) for round_ in samples.rounds) if quiet else None


def quiet_part(samples: Samples, *, quiet: int | None = None, least: int = LEAST_VISITS) -> Samples | None:
    """The samples on a quiet core, of the visits that have enough of them; None where those are too few.

    `quiet` is what a probe takes on one, where more than these samples know.
    """
    quiet = quiet_ns(samples.rounds) if quiet is None else quiet
    if not quiet:
        return None
    kept = [(round_, quiet_indices(round_, quiet)) for round_ in samples.rounds]
    part = replace(
        samples, rounds=tuple(round_.picked(indices) for round_, indices in kept if len(indices) >= LEAST_SAMPLES)
    )
    return part if len(part.visits) >= least and part.count >= LEAST_COUNT else None


def unprobed(samples: Samples) -> Samples:
    """The same samples, as if nobody had looked at the core."""
    return replace(samples, rounds=tuple(replace(each, probe_ns=(), quiet_ns=0) for each in samples.rounds))


@dataclass(frozen=True)
class Sides:
    """What can be compared of two measurements.

    `are_quiet`: all samples of both were taken on a quiet core. `are_apart`: all of one could have been, and too few of
    the other.
    """

    now: Samples
    before: Samples
    are_quiet: bool
    are_apart: bool

    @classmethod
    def of(cls, now: Samples, before: Samples) -> Sides:
        """The quiet parts of both, or all of both where one has too little of that."""
        # What the one side knows of a quiet core holds for the other, which may never have met one.
        quiet = quiet_ns((*now.rounds, *before.rounds))
        quiet_now, quiet_before = quiet_part(now, quiet=quiet, least=LEAST_VISITS_NOW), quiet_part(before, quiet=quiet)
        if quiet_now is not None and quiet_before is not None:
            return cls(quiet_now, quiet_before, are_quiet=True, are_apart=False)
        both_looked = bool(quiet_ns(now.rounds) and quiet_ns(before.rounds))
        is_one_quiet = (quiet_now is None) is not (quiet_before is None)
        return cls(now, before, are_quiet=False, are_apart=both_looked and is_one_quiet)
