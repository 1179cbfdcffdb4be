"""When a judgement needs no other visit, and when a change is believed: at few looks, of visits far from the first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..judging.verdict import Judgement, Reason, Verdict
from ..measuring.samples import Samples, joined


def look_level(of_case: float, looks: Sequence[int]) -> float:
    """The error level of one look, of that of the case.

    Source: Bonferroni's inequality; looks share visits, which it does not mind.
    """
    return of_case / len(looks)


def is_settled(judgement: Judgement, count: int, *, looks: Sequence[int]) -> bool:
    """Whether a comparison needs no other visit behind so many.

    SAME within the resolution only is looked at more closely, but not beyond the first look.
    """
    if judgement.reason is Reason.WITHIN_RESOLUTION:
        return count >= looks[0]
    return judgement.verdict is not Verdict.UNDECIDED


def judged_so_far(
    visits: Sequence[Samples],
    judged_alone: Callable[[Samples], Judgement],
    *,
    threshold: float,
    looks: Sequence[int],
    later_from: int = 1,
) -> Judgement:
    """The judgement of all visits; a change is said at a look only, and must be there in the later ones alone, too.

    Later are those from `later_from` on. Where the recording was on quiet cores and all or the later ones never were,
    a change waits for such until the last look.
    """
    judgement, count = judged_alone(joined(visits)), len(visits)
    if not judgement.verdict.is_change:
        return judgement
    if count not in looks:
        following = next((look for look in looks if look > count), looks[-1])
        return _not_confirmed(judgement, f"seen in {count} visits, and believed after {following}")
    if later_from >= count:
        return _not_confirmed(judgement, f"seen in {count} visits close to each other, and believed when it lasts")
    later = judged_alone(joined(visits[later_from:]))
    if count < looks[-1] and (judgement.lacks_quiet_core or later.lacks_quiet_core):
        told = f"seen in {count} visits beside a busy sibling thread, and believed after {looks[-1]}"
        return _not_confirmed(judgement, told)
    return confirmed(judgement, later.baseline_ratio or 1.0, threshold=threshold)


def at_the_end(judgement: Judgement) -> Judgement:
    """The judgement behind the last visit that is made: SAME instead of UNDECIDED where a ratio is within the noise."""
    if judgement.reason is not Reason.INTERVAL_TOO_WIDE or not judgement.is_noise:
        return judgement
    detail = f"within what noise may do: {judgement.detail}"
    return replace(judgement, verdict=Verdict.SAME, reason=Reason.WITHIN_NOISE, detail=detail)


def _not_confirmed(judgement: Judgement, told: str) -> Judgement:
    detail = f"{judgement.detail}; {told}"
    return replace(judgement, verdict=Verdict.UNDECIDED, reason=Reason.NOT_CONFIRMED, detail=detail)


def confirmed(judgement: Judgement, later_ratio: float, *, threshold: float) -> Judgement:
    """A change that the later visits show too; otherwise it was the luck of the first: UNDECIDED."""
    slower = judgement.verdict is Verdict.SLOWER
    if later_ratio >= 1 + threshold if slower else later_ratio <= 1 / (1 + threshold):
        return judgement
    return _not_confirmed(judgement, f"but later visits alone show {later_ratio - 1:+.1%}")
