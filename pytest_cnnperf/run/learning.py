"""What a comparison teaches of the machine: how far unchanged cases lie apart from one run to another."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from ..cases import DeviceKind
from ..judging.verdict import Verdict
from ..measuring.between_visits import RunToRun, run_to_run
from ..report.outcome import Outcome

# Of fewer cases the median deviation is itself known to no better than a fifth.
LEAST_CASES = 20
# What has surely changed is no noise.
_COMPARED = (Verdict.SAME, Verdict.UNDECIDED)


def learned(outcomes: Iterable[Outcome]) -> Mapping[DeviceKind, Mapping[str, RunToRun]]:
    """The spread between runs of every framework of which enough cases were compared, by the kind of device.

    Cases that changed by different amounts, each too little to be sure of, would be taken for noise; a median is taken
    so that a few do not count.
    """
    moves: dict[tuple[DeviceKind, str], list[tuple[float, float]]] = {}
    changed = set()
    for outcome in outcomes:
        whose = (outcome.case.device_kind, outcome.case.framework)
        if outcome.verdict.is_change:
            changed.add(whose)
        if outcome.verdict in _COMPARED and outcome.baseline_ratio and outcome.within_run is not None:
            # Beside the mean of several runs a move is smaller than beside one of them.
            scale = 2 / (1 + 1 / outcome.recorded_runs)
            move = (math.sqrt(scale) * math.log(outcome.baseline_ratio), scale * outcome.within_run)
            moves.setdefault(whose, []).append(move)
    found: dict[DeviceKind, dict[str, RunToRun]] = {}
    for whose, pairs in sorted(moves.items()):
        if len(pairs) >= LEAST_CASES:
            kind, framework = whose
            seen = run_to_run(*zip(*pairs, strict=True), changed=whose in changed)
            found.setdefault(kind, {})[framework] = seen
    return found
