"""The verdict: now against before, with an interval that knows both sides' noise and the spread between runs."""

from __future__ import annotations

import math

from ..measuring.between_visits import Floor
from ..measuring.samples import Samples
from ..settings import DEFAULT_THRESHOLD
from .change import Change
from .compared import Compared, compared
from .statistics import doubt_level, flaw_of
from .verdict import Judgement, Reason, Verdict

ORDINARY_LEVEL = 0.05
# SAME is said of a ratio inside the threshold when a change of so many thresholds is excluded besides.
EXCLUDED = 2
# Where noise forbids that, this much is enough, and is told.
EXCLUDED_IN_NOISE = 4
# A control that moved by more than this is worth a word: it was the machine, and the ratio has already allowed for it.
CONTROL_MOVED = 1.1


def judge(
    now: Samples, before: Samples, *, threshold: float, level: float, floor: Floor, doubt: float | None = None
) -> Judgement:
    """SLOWER or FASTER beyond the threshold and beyond doubt at `level`, SAME, or UNDECIDED where noise hides both.

    `level` is the error level of this case (see `session_level`) at one look, `floor` what two measurements of the same
    thing differ by on this machine, `doubt` the level at which the case is in doubt (that of a single look by default).
    SAME `within_threshold` asks the ratio to lie inside the threshold, and the 95 % interval inside twice that. Where
    noise forbids that, SAME `within_resolution` asks the interval to lie inside four thresholds. A threshold below the
    default is a promise: where smaller changes cannot be seen it is refused.
    """
    if (now.clock, now.plan) != (before.clock, before.plan):
        return Judgement(Verdict.UNKNOWN, Reason.OTHER_METHOD, _difference(now, before))
    for side, samples in (("now", now), ("baseline", before)):
        flaw = flaw_of(samples)
        if flaw is not None:
            return Judgement(Verdict.UNDECIDED, flaw[0], f"{side}: {flaw[1]}")
    found = compared(now, before, floor=floor)
    change = found.change
    verdict, reason, detail = _unless_control_moved(
        _decide(found, threshold=threshold, level=level), found, threshold=threshold
    )
    low, high = change.interval(level)
    is_open = reason is Reason.INTERVAL_TOO_WIDE
    return Judgement(
        verdict,
        reason,
        "; ".join(part for part in (detail, _machine_word(found.pace)) if part),
        baseline_ratio=change.ratio,
        low=low,
        high=high,
        resolution=change.detectable(level),
        within_run=change.within_run,
        control_pace=found.pace,
        lacks_quiet_core=found.lacks_quiet_core,
        is_restless=_is_restless(change),
        is_noise=is_open and _is_noise(change, threshold=threshold, level=doubt or doubt_level(level)),
        runs=found.runs,
    )


def _decide(found: Compared, *, threshold: float, level: float) -> tuple[Verdict, Reason, str]:
    change = found.change
    ratio, half = change.ratio, change.reach(level)
    certain = abs(change.log_ratio) > half
    if certain and ratio >= 1 + threshold:
        return (
            Verdict.SLOWER,
            Reason.RATIO_ABOVE_THRESHOLD,
            f"{_percent(ratio)} against a threshold of {threshold:.1%}",
        )
    if certain and ratio <= 1 / (1 + threshold):
        return (
            Verdict.FASTER,
            Reason.RATIO_BELOW_THRESHOLD,
            f"{_percent(ratio)} against a threshold of {threshold:.1%}",
        )
    detectable = change.detectable(level)
    if threshold < DEFAULT_THRESHOLD and detectable > threshold:
        detail = (
            f"{_percent(ratio)}; a threshold of {threshold:.1%} is refused, since only a change of {detectable:.1%} is "
            "found here (4 times in 5, among the cases of this run): "
            f"--cnnperf-threshold {math.ceil(100 * detectable)}, fewer cases at once, or a quieter machine"
        )
        return (Verdict.UNDECIDED, Reason.THRESHOLD_BELOW_DETECTABLE, detail)
    if 1 / (1 + threshold) < ratio < 1 + threshold:
        farthest = _farthest(change)
        if farthest <= EXCLUDED * threshold:
            return (Verdict.SAME, Reason.WITHIN_THRESHOLD, "")
        if farthest <= EXCLUDED_IN_NOISE * threshold:
            detail = f"{_percent(ratio)}; noise here lets no change be excluded below {farthest:.1%} (95 %)"
            return (Verdict.SAME, Reason.WITHIN_RESOLUTION, detail)
    low, high = change.interval(ORDINARY_LEVEL)
    detail = (
        f"{_percent(ratio)} (95 % interval {_percent(low)} to {_percent(high)}) is not surely within {threshold:.1%}, "
        f"and only a change of {detectable:.1%} is found here (4 times in 5); {_way_out(found)}"
    )
    return (Verdict.UNDECIDED, Reason.INTERVAL_TOO_WIDE, detail)


def _way_out(found: Compared) -> str:
    """What to do about an interval that is too wide."""
    change = found.change
    if found.doubt_of_pace**2 >= change.standard_error**2 / 2:
        return (
            f"the machine goes at another pace than when this was recorded (its control takes {found.pace:.2f} times "
            "as long), which cases follow more or less: if nothing else changed, add a run: --cnnperf-update-add"
        )
    if not _is_restless(change):
        return "take more rounds, or a quieter machine"
    return (
        f"this case differs by {change.restless:.1%} (standard deviation) from minute to minute, which more visits in "
        "the same minutes do not average out: compare again some minutes later"
    )


def _farthest(change: Change) -> float:
    """The largest relative change, slower or faster, that the 95 % interval leaves."""
    low, high = change.interval(ORDINARY_LEVEL)
    return max(high, 1 / low) - 1


def _is_noise(change: Change, *, threshold: float, level: float) -> bool:
    """Whether a ratio beyond the threshold cannot be told from noise, and no large change hides in that.

    Of all cases of a session some lie beyond the threshold by noise alone, so what speaks for a change must be more
    than that. The ratio lies inside twice the threshold, and its interval inside four times.
    """
    low, high = change.interval(level)
    is_near = abs(change.log_ratio) < math.log1p(EXCLUDED * threshold)
    return low <= 1 <= high and is_near and _farthest(change) <= EXCLUDED_IN_NOISE * threshold


def _is_restless(change: Change) -> bool:
    """Whether what the case differs by from minute to minute is most of what is not known."""
    return change.of_moments >= change.standard_error**2 / 2


def _percent(ratio: float) -> str:
    return f"{ratio - 1:+.1%}"


_Decision = tuple[Verdict, Reason, str]


def _unless_control_moved(decision: _Decision, found: Compared, *, threshold: float) -> _Decision:
    """UNDECIDED where only the control moved: the workload takes as long as ever, and the ratio cannot tell.

    A control that moved by less than the default threshold makes no change of its own, and a machine's pace often does.
    """
    verdict, _, detail = decision
    is_still = not _has_moved(found.own, beyond=1 + threshold)
    alone = _has_moved(found.pace, beyond=1 + max(threshold, DEFAULT_THRESHOLD))
    if not verdict.is_change or not is_still or not alone:
        return decision
    return (
        Verdict.UNDECIDED,
        Reason.CONTROL_MOVED,
        f"{detail}; but the case's own time is {_percent(found.own)}, and only the control moved: run again, look at "
        "what else runs on this machine, or at its NumPy",
    )


def _has_moved(times: float, *, beyond: float = CONTROL_MOVED) -> bool:
    return not 1 / beyond <= times <= beyond


def _machine_word(pace: float) -> str:
    """A word about the machine when the control itself runs at another pace than it did."""
    if not _has_moved(pace):
        return ""
    return f"the control took {pace:.2f} times as long as in the baseline (the machine's pace; the ratio allows for it)"


def _difference(now: Samples, before: Samples) -> str:
    pairs = {
        "clock": (now.clock.value, before.clock.value),
        "control": (now.plan.control, before.plan.control),
        "repeats": (now.plan.repeats, before.plan.repeats),
        "control_units": (now.plan.control_units, before.plan.control_units),
    }
    differing = ", ".join(
        f"{name} {here} now and {there} in the baseline" for name, (here, there) in pairs.items() if here != there
    )
    return f"timed in another way ({differing}); record it anew: --cnnperf-update"
