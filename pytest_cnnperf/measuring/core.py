"""Which samples had the core to themselves: the probes beside them tell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..host.source import BUSY
from .samples import Round, Samples


def quiet_ns(rounds: Iterable[Round]) -> int:
    """What a probe takes on a quiet core, as far as these rounds know; 0 where none was probed."""
    return min((round_.quiet_ns for round_ in rounds if round_.quiet_ns), default=0)


def quiet_samples(samples: Samples) -> int | None:
    """How many samples were taken on a core whose sibling did not work; None where the core was not looked at."""
    quiet = quiet_ns(samples.rounds)
    return sum(ns <= BUSY * quiet for round_ in samples.rounds for ns in round_.probe_ns) if quiet else None


def unprobed(samples: Samples) -> Samples:
    """The same samples, as if nobody had looked at the core."""
    return replace(samples, rounds=tuple(replace(each, probe_ns=(), quiet_ns=0) for each in samples.rounds))
