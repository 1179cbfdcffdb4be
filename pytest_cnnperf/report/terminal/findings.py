"""What a reader has to look at: wrong, slower, undecided and broken cases, each with its numbers and its reason."""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from ...judging.verdict import Reason, Verdict
from .. import text
from ..outcome import Outcome
from ..report import Report, failed, spread
from . import events, phrases
from .line import BOLD, PLAIN, QUIET, RED, REVERSED, YELLOW, Line, Markup, Span, line

_MOST = 10
# Of cases within the noise so many, and this share of their framework's, are worth a word where they go one way.
_MANY, _SHARE = 4, 0.05


def render(report: Report, width: int) -> Iterator[Line]:
    """The findings, worst first; what moved many cases stands above the single ones that did not move with it."""
    broken = [each for each in report.outcomes if failed(each) and each.verdict is not Verdict.WRONG]
    yield from _list("WRONG", report.with_verdict(Verdict.WRONG), width, look=REVERSED)
    yield from _list("FAILED", broken, width, look=RED)
    yield from events.render(report, width)
    told = {outcome.key for event in report.events for outcome in events.slower(report, event)}
    slower = sorted(report.with_verdict(Verdict.SLOWER), key=lambda each: -(each.baseline_ratio or 0))
    yield from _list("SLOWER", [each for each in slower if each.key not in told], width, look=RED, told=len(told))
    yield from _list("UNDECIDED", report.with_verdict(Verdict.UNDECIDED), width, look=YELLOW)
    noise = sorted(report.with_reason(Reason.WITHIN_NOISE), key=lambda each: -abs(math.log(each.baseline_ratio or 1.0)))
    yield from _list("WITHIN NOISE", noise, width, look=BOLD)
    yield from _one_way(report, noise, width)
    yield from _fallbacks(report.with_reason(Reason.ALGORITHM_FALLBACK), width)


def numbers(outcome: Outcome) -> str:
    """The figures behind a verdict, in one line."""
    parts = []
    if outcome.median_ns is not None:
        noise = spread(outcome)
        parts.append(text.duration(outcome.median_ns, noise) + (f" ±{text.percent(noise, 1)}" if noise else ""))
    if text.exists(outcome.baseline_ratio):
        interval = f" ({text.change(outcome.baseline_low)} to {text.change(outcome.baseline_high)})"
        known = text.exists(outcome.baseline_low) and text.exists(outcome.baseline_high)
        parts.append(f"{text.change(outcome.baseline_ratio)}{interval if known else ''} against the baseline")
    if outcome.verdict is Verdict.WRONG and text.fraction_of_bound(outcome.error_fraction):
        parts.append(f"error {text.fraction_of_bound(outcome.error_fraction)} times its bound")
    return ", ".join(parts)


def _list(name: str, outcomes: Sequence[Outcome], width: int, *, look: Markup, told: int = 0) -> Iterator[Line]:
    """These outcomes, the first ones in full; `told` others of their verdict stand with their events."""
    if not outcomes:
        return
    beside = f" beside the {told} of the events above" if told else ""
    yield Line((Span(name, look), Span(f"  {text.counted(len(outcomes), 'case')}{beside}", PLAIN)))
    for outcome in outcomes[:_MOST]:
        yield from _one(outcome, width)
    rest = Counter(phrases.SHORT.get(outcome.reason, "") for outcome in outcomes[_MOST:])
    if rest:
        words = ", ".join(f"{count} {reason}".strip() for reason, count in rest.most_common())
        yield line(f"  … and {len(outcomes) - _MOST} more ({words}); all of them: --cnnperf-json PATH", QUIET)
    yield line("")


def _one(outcome: Outcome, width: int) -> Iterator[Line]:
    case = outcome.case
    yield line(f"  {case.framework} {phrases.way(case)} {case.layout}, {case.network} {phrases.group_name(case)}", BOLD)
    reason = ": ".join(filter(None, (phrases.SHORT.get(outcome.reason), " ".join(outcome.detail.split()))))
    cause = f"{outcome.cause.words}: {outcome.cause_detail}" if outcome.cause else ""
    for words in (numbers(outcome), reason, cause):
        yield from (line(f"    {part}") for part in textwrap.wrap(words, max(20, width - 4)))
    yield line(f"    {outcome.key}", QUIET)


def _one_way(report: Report, noise: Sequence[Outcome], width: int) -> Iterator[Line]:
    """A word where noise would have to move many cases of a framework the same way: perhaps it is no noise."""
    compared = Counter(each.case.framework for each in report.outcomes if text.exists(each.baseline_ratio))
    ways = Counter((each.case.framework, (each.baseline_ratio or 1.0) > 1) for each in noise)
    many = [(way, count) for way, count in ways.items() if count >= max(_MANY, _SHARE * compared[way[0]])]
    for (framework, is_slower), count in sorted(many):
        which = (
            f"{count} of {framework}'s {compared[framework]} cases are {'slower' if is_slower else 'faster'} by that"
        )
        words = f"{which}: noise seldom moves so many one way"
        yield from (line(part, YELLOW) for part in textwrap.wrap(words, width))
    if many:
        yield line("")


def _fallbacks(outcomes: Sequence[Outcome], width: int) -> Iterator[Line]:
    """Cases that asked for one algorithm and got another; a framework does that to many of them for one reason."""
    if not outcomes:
        return
    yield Line((Span("FELL BACK", YELLOW), Span(f"  {text.counted(len(outcomes), 'case')}")))
    alike = Counter((each.case.framework, phrases.way(each.case), each.detail or each.resolved) for each in outcomes)
    for (framework, algorithm, detail), count in alike.most_common(_MOST):
        words = f"{framework} {algorithm}: {text.counted(count, 'case')}, {' '.join(detail.split())}"
        yield from (line(f"  {part}") for part in textwrap.wrap(words, max(20, width - 2)))
    yield line("")
