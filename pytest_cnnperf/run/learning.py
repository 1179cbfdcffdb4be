"""What a comparison teaches of the machine: how far unchanged cases lie apart from one run to another."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from ..baseline.spread import framework_of, groups_of
from ..cases import DeviceKind
from ..judging.verdict import Verdict
from ..measuring.between_visits import RunToRun, run_to_run
from ..report.outcome import Outcome

# Of fewer cases the median deviation is itself known to no better than a fifth; those of one pass, which stand beside
# all of their framework, may be fewer.
LEAST_CASES, LEAST_OF_PASS = 20, 12
# What has surely changed is no noise.
_COMPARED = (Verdict.SAME, Verdict.UNDECIDED)
# At another pace than the recorded one most of what cases move by is expected, and tells nothing of runs at one pace.
MOST_PACE = 0.015


def learned(outcomes: Iterable[Outcome]) -> Mapping[DeviceKind, Mapping[str, RunToRun]]:
    """The spread between runs of every framework of which enough cases were compared, by the kind of device.

    And that of each of its passes: for minutes the gradients of the filters were 4 to 8 % faster or slower, and nothing
    else was, so that the median of all cases said nothing of them.
    Cases that changed by different amounts, each too little to be sure of, would be taken for noise; a median is taken
    so that a few do not count. Those at another pace of the machine do not count at all.
    """
    moves: dict[tuple[DeviceKind, str], list[tuple[float, float]]] = {}
    changed = set()
    for outcome in outcomes:
        groups = [(outcome.case.device_kind, name) for name in groups_of(outcome.case)]
        if outcome.verdict.is_change:
            changed.add(groups[0])
        if outcome.verdict not in _COMPARED or abs(math.log(outcome.control_pace or 1.0)) > MOST_PACE:
            continue
        if outcome.baseline_ratio and outcome.within_run is not None:
            # Beside the mean of several runs a move is smaller than beside one of them.
            scale = 2 / (1 + 1 / outcome.recorded_runs)
            move = (math.sqrt(scale) * math.log(outcome.baseline_ratio), scale * outcome.within_run)
            for whose in groups:
                moves.setdefault(whose, []).append(move)
    found: dict[DeviceKind, dict[str, RunToRun]] = {}
    # In order a framework comes before its passes.
    for (kind, name), pairs in sorted(moves.items()):
        framework, known = framework_of(name), found.get(kind, {})
        if len(pairs) < (LEAST_OF_PASS if framework in known else LEAST_CASES):
            continue
        # Where it has changed somewhere, it may have everywhere.
        seen = run_to_run(*zip(*pairs, strict=True), changed=(kind, framework) in changed)
        found[kind] = {**known, name: seen}
    return found
