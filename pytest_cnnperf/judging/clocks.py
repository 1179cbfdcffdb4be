"""Whether a GPU ran at other clocks than in the baseline: a word beside the verdict, since a ratio rests on both."""

from __future__ import annotations

from ..measuring.gpu.conditions import Conditions

# Boost clocks differ by a percent or two from minute to minute on one card.
NOTED = 0.03


def clock_word(now: Conditions | None, before: Conditions | None) -> str:
    """A word where the median SM clock differs by more than 3 %; "" where it does not, or is not known of both."""
    if now is None or before is None or now.sm_mhz is None or before.sm_mhz is None or not before.sm_mhz.median:
        return ""
    change = now.sm_mhz.median / before.sm_mhz.median - 1
    if abs(change) <= NOTED:
        return ""
    capped = "; its power cap held it down" if (now.reasons or {}).get("power_cap") else ""
    return (
        f"the GPU's clock was {now.sm_mhz.median:.0f} MHz, {change:+.1%} against the baseline's "
        f"{before.sm_mhz.median:.0f} MHz (the control ran at it too){capped}"
    )
