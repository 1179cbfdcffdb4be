"""Verdicts, reasons and cases in the words and looks of the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ...cases import Case, Clock, DeviceKind, Pass, Problem
from ...judging.verdict import Reason, Verdict
from ...measuring.gpu.conditions import Span
from .. import text
from ..outcome import Outcome
from ..report import failed
from .line import GREEN, PLAIN, QUIET, RED, REVERSED, YELLOW, Markup

LOOKS: dict[Verdict, Markup] = {
    Verdict.SAME: PLAIN,
    Verdict.FASTER: GREEN,
    Verdict.SLOWER: RED,
    Verdict.UNDECIDED: YELLOW,
    Verdict.UNKNOWN: QUIET,
    Verdict.WRONG: REVERSED,
}

SHORT: dict[Reason, str] = {
    Reason.WITHIN_NOISE: "SAME",
    Reason.INTERVAL_TOO_WIDE: "too noisy",
    Reason.NOT_CONFIRMED: "not confirmed",
    Reason.CONTROL_MOVED: "control moved",
    Reason.THRESHOLD_BELOW_DETECTABLE: "threshold too small",
    Reason.TOO_FEW_SAMPLES: "few samples",
    Reason.NOT_A_NUMBER: "not a number",
    Reason.THROTTLED: "GPU throttled",
    Reason.GPU_BUSY: "GPU in use",
    Reason.GPU_UNREADABLE: "GPU unreadable",
    Reason.NO_BASELINE: "no baseline",
    Reason.FOREIGN_BASELINE: "other machine",
    Reason.OTHER_METHOD: "other method",
    Reason.NOT_COMPARED: "not compared",
    Reason.CHECK_ONLY: "checked only",
    Reason.ALGORITHM_FALLBACK: "fell back",
    Reason.RESULT_OUTSIDE_BOUND: "outside bound",
    Reason.RESULT_NOT_EXACT: "not exact",
    Reason.RESULT_NOT_FINITE: "not finite",
    Reason.RESULT_WRONG_SHAPE: "wrong shape",
    Reason.RESULT_STALE: "stale output",
    Reason.WORKER_FAILED: "worker failed",
    Reason.RECOMPILED: "recompiled",
    Reason.NOT_OFFERED: "not offered",
    Reason.NOT_INSTALLED: "not installed",
}

_CLOCKS = {
    Clock.PROCESS_CPU: "CPU time",
    Clock.WALL: "wall time",
    Clock.DEVICE_COLD: "GPU time, cold cache",
    Clock.DEVICE_HOT: "GPU time, hot cache",
}


def look(outcome: Outcome) -> Markup:
    """The look of an outcome's verdict; a case without a result is as loud as a slower one."""
    return RED if failed(outcome) and outcome.verdict is not Verdict.WRONG else LOOKS[outcome.verdict]


def note(outcome: Outcome) -> str:
    """What stands beside a verdict: the change against the baseline, or why there is none."""
    if text.exists(outcome.baseline_ratio):
        return text.change(outcome.baseline_ratio, baseline_spread(outcome))
    return SHORT.get(outcome.reason, outcome.reason.value.replace("_", " "))


def conditions(outcomes: Iterable[Outcome]) -> tuple[str, ...]:
    """What the GPUs of these cases did: clocks, heat, and what was held back or discarded; nothing on a CPU."""
    known = [outcome.conditions for outcome in outcomes if outcome.conditions is not None]
    spans = {
        "{} MHz": [each.sm_mhz for each in known if each.sm_mhz],
        "{} °C": [each.temperature_c for each in known if each.temperature_c],
    }
    words = [words.format(_range(found)) for words, found in spans.items() if found]
    capped = sum((each.reasons or {}).get("power_cap", 0) for each in known)
    if capped:
        words.append(
            f"power cap in {capped} of {text.counted(sum(each.batches for each in known), 'batch', 'batches')}"
        )
    throttled = sum(each.throttled_samples for each in known)
    if throttled:
        words.append(f"{text.counted(throttled, 'throttled sample')} discarded")
    return tuple(words)


def _range(spans: Sequence[Span]) -> str:
    least, most = min(span.min for span in spans), max(span.max for span in spans)
    return f"{least:.0f}" if least == most else f"{least:.0f} to {most:.0f}"


def baseline_spread(outcome: Outcome) -> float | None:
    """Half the width of the interval of now ÷ baseline, relative to it."""
    if not outcome.baseline_ratio or outcome.baseline_low is None or outcome.baseline_high is None:
        return None
    return (outcome.baseline_high - outcome.baseline_low) / 2 / outcome.baseline_ratio


def setting(case: Case) -> tuple[str, ...]:
    """What a table has in common: workload, network, batch, dtype, devices, clock."""
    batch = () if case.batch is None else (f"batch {case.batch}",)
    if case.device_kind is DeviceKind.CPU:
        devices = text.counted(case.threads, "thread")
        devices += f" in {case.device_count} processes" if case.device_count > 1 else ""
    else:
        devices = text.counted(case.device_count, "GPU")
    return (f"{case.network} {case.workload}", *batch, case.dtype.value, devices, _CLOCKS[case.clock])


def group_name(case: Case) -> str:
    """A layer and the direction in which it runs, ``conv2 backward data``; of a callable the file of its test."""
    return f"{case.layer} {spoken(case.pass_)}" if case.pass_ else case.layer.partition("::")[0]


def spoken(pass_: Pass) -> str:
    """A pass in words."""
    return pass_.value.replace("_", " ")


def way(case: Case) -> str:
    """Algorithm and options of a case: ``winograd``, ``auto search``; of a callable the name of its test."""
    algorithm = case.algorithm.value if case.algorithm else case.layer.partition("::")[2] or case.layer
    return " ".join((algorithm, *(_option(name, value) for name, value in case.options)))


def _option(name: str, value: str) -> str:
    """As short as it can be understood: a switch by its name, a choice by its word, a level by both."""
    if value == "on":
        return name
    return value if value[:1].isalpha() else f"{name}={value}"


def shape(problem: Problem | None) -> str:
    """A problem in the usual notation: ``96×27² → 256×27², 5×5, pad 2``."""
    if problem is None:
        return ""
    sizes = f"{problem.c}×{_area(problem.h, problem.w)} → {problem.k}×{_area(problem.p, problem.q)}"
    sizes += f", {problem.r}×{problem.s}"
    extras = (("stride", problem.stride, (1, 1)), ("pad", problem.pad, (0, 0)), ("dilation", problem.dilation, (1, 1)))
    words = [
        f"{name} {pair[0]}" if pair[0] == pair[1] else f"{name} {pair[0]}×{pair[1]}"
        for name, pair, usual in extras
        if pair != usual
    ]
    groups = [f"{problem.groups} groups"] if problem.groups > 1 else []
    return ", ".join([sizes, *words, *groups])


def _area(height: int, width: int) -> str:
    return f"{height}²" if height == width else f"{height}×{width}"


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """A sorting key under which conv2 comes before conv10."""
    parts = re.split(r"(\d+)", name)
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in parts)


def in_order(case: Case) -> tuple[object, ...]:
    """A sorting key for groups: by layer, then by pass as they follow each other in training."""
    pass_ = list(Pass).index(case.pass_) if case.pass_ else -1
    return (natural(case.layer if case.pass_ else group_name(case)), pass_, case.problem.text if case.problem else "")
