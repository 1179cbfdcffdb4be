"""The verdict: now against before, with an interval that knows both sides' noise and the spread between runs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..measuring.samples import Samples
from .statistics import Summary, flaw_of, summarize
from .student import reach
from .verdict import Judgement, Reason, Verdict

ORDINARY_LEVEL = 0.05
# SAME is said of a ratio inside the threshold when a change of so many thresholds is excluded besides.
EXCLUDED = 2
# Where noise forbids that after all rounds, this much is enough, and is told.
EXCLUDED_IN_NOISE = 4
# The floor is pooled from many cases; it is known about as well as from so many of them.
FLOOR_FREEDOM = 30.0
# The median of the faster half of four to twelve normal values varies by so much more than the mean of all (1.4 to 1.7
# times).
HALF_COST = 1.7
# A control that moved by more than this is worth a word: it was the machine, and the ratio has already allowed for it.
CONTROL_MOVED = 1.1
_MOST_LOG = 50.0


@dataclass(frozen=True)
class Change:
    """Now ÷ before on a logarithmic scale, its standard error, and the degrees of freedom of that error."""

    log_ratio: float
    standard_error: float
    freedom: float

    @property
    def ratio(self) -> float:
        """Now ÷ before; above 1 is slower."""
        return math.exp(self.log_ratio)

    def reach(self, level: float) -> float:
        """Half width of the interval, on the logarithmic scale."""
        return min(reach(level, self.freedom) * self.standard_error, _MOST_LOG)

    def interval(self, level: float) -> tuple[float, float]:
        """Bounds of `ratio` that miss the truth with probability `level`."""
        half = self.reach(level)
        return (math.exp(self.log_ratio - half), math.exp(self.log_ratio + half))


def judge(now: Samples, before: Samples, *, threshold: float, level: float, floor: float) -> Judgement:
    """SLOWER or FASTER beyond the threshold and beyond doubt at `level`, SAME, or UNDECIDED where noise hides both.

    `level` is the error level of this case (see `session_level`), `floor` the relative spread between rounds of the
    same thing. SAME `within_threshold` asks the ratio to lie inside the threshold, and the 95 % interval inside twice
    the threshold. Where noise forbids that, SAME `within_resolution` asks the interval to lie inside four thresholds.
    """
    if (now.clock, now.plan) != (before.clock, before.plan):
        return Judgement(Verdict.UNKNOWN, Reason.OTHER_METHOD, _difference(now, before))
    for side, samples in (("now", now), ("baseline", before)):
        flaw = flaw_of(samples)
        if flaw is not None:
            return Judgement(Verdict.UNDECIDED, flaw[0], f"{side}: {flaw[1]}")
    summaries = summarize(now, level=level), summarize(before, level=level)
    change = change_between(*summaries, floor=floor)
    verdict, reason, detail = _decide(change, threshold=threshold, level=level)
    low, high = change.interval(level)
    return Judgement(
        verdict,
        reason,
        "; ".join(part for part in (detail, _machine_word(*summaries)) if part),
        baseline_ratio=change.ratio,
        low=low,
        high=high,
        resolution=math.expm1(change.reach(level)),
    )


def change_between(now: Summary, before: Summary, *, floor: float) -> Change:
    """The change with all known sources of noise: within rounds on both sides, and between rounds.

    Rounds of one case seldom are enough to know their spread, so it is never taken for less than the floor.
    Source: Welch and Satterthwaite, for the degrees of freedom of a sum of variances.
    """
    between = _between_variance(now, before, floor=floor)
    parts = (
        (HALF_COST * now.standard_error**2, float(now.freedom)),
        (HALF_COST * before.standard_error**2, float(before.freedom)),
        (HALF_COST * between * (1 / now.rounds + 1 / before.rounds), FLOOR_FREEDOM),
    )
    variance = math.fsum(part for part, _ in parts)
    doubt = math.fsum(part**2 / freedom for part, freedom in parts)
    freedom = variance**2 / doubt if doubt > 0 else FLOOR_FREEDOM
    return Change(math.log(now.ratio / before.ratio), math.sqrt(variance), freedom)


def _between_variance(now: Summary, before: Summary, *, floor: float) -> float:
    """Variance between rounds: the floor's, raised by what this case's own rounds show, by their number."""
    own = (now.rounds - 1) * now.round_spread**2 + (before.rounds - 1) * before.round_spread**2
    rounds = now.rounds + before.rounds - 2
    return max(
        floor**2, (FLOOR_FREEDOM * floor**2 + own) / (FLOOR_FREEDOM + rounds), own / rounds if rounds > 2 else 0.0
    )


def _decide(change: Change, *, threshold: float, level: float) -> tuple[Verdict, Reason, str]:
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
    low, high = change.interval(ORDINARY_LEVEL)
    if 1 / (1 + threshold) < ratio < 1 + threshold:
        farthest = max(high, 1 / low) - 1
        if farthest <= EXCLUDED * threshold:
            return (Verdict.SAME, Reason.WITHIN_THRESHOLD, "")
        if farthest <= EXCLUDED_IN_NOISE * threshold:
            detail = f"{_percent(ratio)}; noise here lets no change be excluded below {farthest:.1%} (95 %)"
            return (Verdict.SAME, Reason.WITHIN_RESOLUTION, detail)
    detail = (
        f"{_percent(ratio)} (95 % interval {_percent(low)} to {_percent(high)}) is not surely within {threshold:.1%}, "
        f"and only a change beyond {math.expm1(half):.1%} is certain here; take more rounds, or a quieter machine"
    )
    return (Verdict.UNDECIDED, Reason.INTERVAL_TOO_WIDE, detail)


def _percent(ratio: float) -> str:
    return f"{ratio - 1:+.1%}"


def _machine_word(now: Summary, before: Summary) -> str:
    """A word about the machine when the control itself runs at another pace than it did."""
    pace = now.control_median_ns / before.control_median_ns
    if 1 / CONTROL_MOVED <= pace <= CONTROL_MOVED:
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
