"""Two sides that met other states of the machine, made comparable: by the signs of that state, and like with like."""

from __future__ import annotations

import math

from ..measuring.between_visits import Floor, pair_variance
from ..measuring.core import by_core, quiet_ns
from ..measuring.samples import Samples, unprobed, unswept
from ..measuring.sensitivity import Sensitivity
from .change import Change, Part, Side, change_between, combined
from .statistics import flaw_of


def compared(now: Samples, before: Samples, *, floor: Floor) -> Change:
    """The change between the two beside the control that goes as the case does, as far as the recording shows it.

    Where both have samples from quiet cores those are compared with each other, and those from beside a busy sibling
    with their like: a figure from quiet cores is known better, and what a sibling's work does to a case is hardly the
    same twice.
    """
    doubt = 0.0
    if not (now.are_swept and before.are_swept):
        now, before = unswept(now), unswept(before)
    if not (now.are_probed and before.are_probed):
        doubt = max(floor.belief.doubt_without_probes(each) for each in (now, before))
        now, before = unprobed(now), unprobed(before)
    found = Sensitivity.of(before, floor.belief)
    changes = [_change_of(here, there, found, visits=visits) for here, there, visits in _alike(now, before, floor)]
    return combined(changes, runs=floor.runs, doubt=doubt)


def lacks_quiet_core(now: Samples, before: Samples) -> bool:
    """Whether the recording has samples enough from quiet cores to compare with, and these have not."""
    if not (now.are_probed and before.are_probed):
        return False
    # Sweeps say nothing of it, and a round may have fewer of them than samples.
    (quiet_now, _), (quiet_before, _) = _by_core(unswept(now), unswept(before))
    return not flaw_of(quiet_before) and bool(flaw_of(quiet_now))


def _by_core(now: Samples, before: Samples) -> tuple[tuple[Samples, Samples], tuple[Samples, Samples]]:
    """Both sides, each by the core; what was never seen quiet now is none the quieter for that."""
    quiet = quiet_ns((*now.rounds, *before.rounds))
    return by_core(now, quiet), by_core(before, quiet)


def _alike(now: Samples, before: Samples, floor: Floor) -> list[tuple[Samples, Samples, float]]:
    """What can be compared of the two, each with its floor between visits: those of quiet cores, and all others.

    Few others are left out. Where there are too few of quiet cores everything is compared at once, since exponents make
    more of samples from beside siblings than these do alone.
    """
    (quiet_now, busy_now), (quiet_before, busy_before) = _by_core(now, before)
    quiet = (quiet_now, quiet_before, floor.quiet_visits)
    busy = (busy_now, busy_before, floor.busy_visits)
    if not now.are_probed or _has_flaw(*quiet[:2]):
        return [(now, before, floor.visits)]
    return [quiet] if _has_flaw(*busy[:2]) else [quiet, busy]


def _has_flaw(*sides: Samples) -> bool:
    return any(flaw_of(side) for side in sides)


def _change_of(now: Samples, before: Samples, found: Sensitivity | None, *, visits: float) -> Change:
    """The change between samples of one kind; the noise of few is known better from both sides together."""
    doubt = found.doubt(now, before) if found is not None else 0.0
    now, before = (found.corrected(each) if found is not None else each for each in (now, before))
    own = [(pair_variance(each), float(each.freedom)) for each in (now, before)]
    freedom = math.fsum(part for _, part in own)
    together: Part = (math.fsum(variance * part for variance, part in own) / freedom, freedom)
    sides = (Side.of(each, max(part, together)) for each, part in zip((now, before), own, strict=True))
    return change_between(*sides, visits=visits, doubt=doubt)
