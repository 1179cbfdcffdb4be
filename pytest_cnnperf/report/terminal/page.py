"""The whole page: tables, coverage, findings, what was written, the sum, and the next command to type."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator

from ...judging.verdict import Reason, Verdict
from .. import text
from ..advice import advice
from ..report import Report
from . import coverage, digest, findings, phrases, timings
from .line import BOLD, CYAN, PLAIN, QUIET, YELLOW, Line, Span, line
from .timings import FASTEST

_MOST_UNUSED = 5
_LEAST_WIDTH = 60
_LEGEND = (
    f"{FASTEST} fastest of its group · ± half the interval of time ÷ control · GFLOP/s (where 90 columns are) and "
    "share of peak count the multiplications of the definition, whatever the algorithm saves · peak is the best "
    "matrix product of any framework here · error as a fraction of its bound"
)
_LEGEND_OF_GPUS = (
    " · of a GPU peak is cuBLAS's best product in strict float32, and copy the least traffic of the case as a share of "
    "what the best copy moves"
)
_LEGEND_OF_COMPARISON = " · sees: the smallest slowdown that would be found here, 4 times in 5"


def render(report: Report, *, width: int, color: bool, brief: bool = False) -> list[Line]:
    """The lines of a report; a brief one has no tables, only what needs attention."""
    width = max(_LEAST_WIDTH, width)
    lines = list(_page(report, width, brief=brief))
    return lines if color else [each.plain for each in lines]


def summary(report: Report) -> Iterator[Line]:
    """Counts by verdict; under it how many results were right, why some are unknown, and the time that it took."""
    spans = [Span(text.counted(len(report.outcomes), "case"), BOLD)]
    for index, (verdict, count) in enumerate(report.counts.items()):
        spans += [Span(", " if index else ": "), Span(f"{count} {verdict}", phrases.LOOKS[verdict])]
        if verdict is Verdict.SAME and (noise := len(report.with_reason(Reason.WITHIN_NOISE))):
            spans.append(Span(f" ({noise} within noise)"))
    yield Line(tuple(spans))
    checked = [outcome.correct for outcome in report.outcomes if outcome.correct is not None]
    holes = sum(hole.count for hole in report.holes)
    parts = (
        f"{sum(checked)} of {len(checked)} results right" if checked else "",
        text.counted(holes, "hole") if holes else "",
        f"threshold {text.exactly(report.threshold)}" if report.compared else "",
        "" if report.quiet_share is None else f"{100 * report.quiet_share:.0f} % of samples on a quiet core",
        text.elapsed(report.seconds),
    )
    yield line(" · ".join(filter(None, parts)), QUIET)
    if report.with_verdict(Verdict.UNKNOWN):
        yield line(f"UNKNOWN because: {_why_unknown(report)}", QUIET)


def _why_unknown(report: Report) -> str:
    reasons = Counter(outcome.reason for outcome in report.with_verdict(Verdict.UNKNOWN))
    words = {reason: phrases.SHORT.get(reason, reason.value) for reason in reasons}
    return ", ".join(f"{count} {words[reason]}" for reason, count in reasons.most_common())


def _page(report: Report, width: int, *, brief: bool) -> Iterator[Line]:
    if not brief:
        yield from _tables(report, width)
    yield from findings.render(report, width)
    yield from _remarks(report, width)
    yield from summary(report)
    for each in advice(report):
        yield Line((Span("→ ", {**BOLD, **CYAN}), Span(f"{each.why}:", PLAIN)))
        yield line(f"  {each.command}", BOLD)


def _tables(report: Report, width: int) -> Iterator[Line]:
    sections = timings.sections(report)
    for section in sections:
        yield from timings.render(section, width)
        yield from digest.render(section, width)
        yield line("")
    if any(outcome.median_ns is not None for outcome in report.outcomes):
        compared = any(outcome.resolution is not None for outcome in report.outcomes)
        legend = _LEGEND + (_LEGEND_OF_GPUS if report.gpu_peak_flops else "")
        legend += _LEGEND_OF_COMPARISON if compared else ""
        yield from (line(part, QUIET) for part in textwrap.wrap(legend, width))
        yield line("")
    matrix = list(coverage.render(report, width))
    yield from matrix
    if matrix:
        yield line("")


def _remarks(report: Report, width: int) -> Iterator[Line]:
    for notice in report.notices:
        yield line(f"note: {notice}", YELLOW)
    for words in report.written:
        yield line(f"written: {words}")
    if report.unused:
        yield line(f"unused: {text.counted(len(report.unused), 'stored case')} that nothing asked for")
        for key in report.unused[:_MOST_UNUSED]:
            yield line(f"  {text.shortened(key, width - 2)}", QUIET)
        if len(report.unused) > _MOST_UNUSED:
            yield line(f"  … and {len(report.unused) - _MOST_UNUSED} more", QUIET)
    if report.notices or report.written or report.unused:
        yield line("")
