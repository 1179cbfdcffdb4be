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

    Where both have samples from quiet cores and others from beside a busy sibling, each kind is compared with its own:
    a figure from quiet cores is known better, and what a sibling's work does to a case is hardly the same twice.
    """
    doubt = 0.0
    if not (now.are_swept and before.are_swept):
        now, before = unswept(now), unswept(before)
    if not (now.are_probed and before.are_probed):
        doubt = max(floor.belief.doubt_without_probes(each) for each in (now, before))
        now, before = unprobed(now), unprobed(before)
    found = Sensitivity.of(before, floor.belief)
    if found is not None:
        doubt = math.hypot(doubt, found.doubt(now))
        now, before = found.corrected(now), found.corrected(before)
    alike = _like_with_like(now, before, floor)
    if alike:
        return combined(alike, runs=floor.runs, doubt=doubt)
    return change_between(Side.of(now), Side.of(before), visits=floor.visits, runs=floor.runs, doubt=doubt)


def lacks_quiet_core(now: Samples, before: Samples) -> bool:
    """Whether the recording has samples enough from quiet cores to compare with, and these have not."""
    (quiet_now, _), (quiet_before, _) = _by_core(now, before)
    return now.are_probed and before.are_probed and not flaw_of(quiet_before) and bool(flaw_of(quiet_now))


def _by_core(now: Samples, before: Samples) -> tuple[tuple[Samples, Samples], tuple[Samples, Samples]]:
    """Both sides, each by the core; what was never seen quiet now is none the quieter for that."""
    quiet = quiet_ns((*now.rounds, *before.rounds))
    return by_core(now, quiet), by_core(before, quiet)


def _like_with_like(now: Samples, before: Samples, floor: Floor) -> list[Change]:
    """The change on quiet cores, and that beside siblings; nothing where one of them cannot be had."""
    if not (now.are_probed and before.are_probed):
        return []
    pairs = list(zip(*_by_core(now, before), strict=True))
    if any(flaw_of(side) for pair in pairs for side in pair):
        return []
    changes = [
        _change_of(*pair, visits=visits)
        for pair, visits in zip(pairs, (floor.quiet_visits, floor.busy_visits), strict=True)
    ]
    return changes if all(change.within_run for change in changes) else []


def _change_of(now: Samples, before: Samples, *, visits: float) -> Change:
    """The change between few samples, whose noise is known better from both sides together."""
    own = [(pair_variance(each), float(each.freedom)) for each in (now, before)]
    freedom = math.fsum(part for _, part in own)
    together: Part = (math.fsum(variance * part for variance, part in own) / freedom, freedom)
    sides = (Side.of(each, max(part, together)) for each, part in zip((now, before), own, strict=True))
    return change_between(*sides, visits=visits, runs=0.0)
