"""The next command to type, derived from what a run found."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from ..judging.verdict import Reason, Verdict
from .outcome import Outcome
from .report import Report
from .text import counted

_MOST_NAMED = 2
_GPU_REASONS = {
    Reason.GPU_BUSY: ("see who uses the GPU", "nvidia-smi"),
    Reason.THROTTLED: ("see what throttles the GPU, and let it cool", "nvidia-smi -q -d PERFORMANCE,TEMPERATURE,POWER"),
    Reason.GPU_UNREADABLE: ("see what the driver says of the GPU", "nvidia-smi"),
}
# What a command that is narrowed to some cases does not take over: its own choice of tests, and files with all of them.
_OF_THE_WHOLE_RUN = ("-k", "--cnnperf-json", "--junitxml", "--junit-xml")
_SAFE_IN_K = re.compile(r"[\w.:+/\\\[\]-]+")


@dataclass(frozen=True)
class Advice:
    """A command and why it is worth typing."""

    why: str
    command: str


def next_commands(report: Report) -> tuple[str, ...]:
    """The commands of the advice, without their reasons."""
    return tuple(each.command for each in advice(report))


def advice(report: Report) -> tuple[Advice, ...]:
    """What to type next, most urgent first; nothing when all is well."""
    if not report.outcomes and not report.unfinished:
        # Tests that failed before they had an outcome say themselves what to do.
        if report.failed_tests:
            return ()
        return (Advice("nothing ran; see which cases there are", _with(report.command, "--collect-only -q")),)
    return (
        *_wrong(report),
        *_slower(report),
        *_unfinished(report),
        *_undecided(report),
        *_gpus(report),
        *_without_baseline(report),
        *_not_compared(report),
        *_unused(report),
    )


def _wrong(report: Report) -> tuple[Advice, ...]:
    wrong = report.with_verdict(Verdict.WRONG)
    stale = [each for each in wrong if each.shows_in_timed_calls_only]
    others = [each for each in wrong if not each.shows_in_timed_calls_only]
    found = []
    if others:
        command = _only(_with(_without(report.command, "--cnnperf-compare"), "--cnnperf-check-only"), others)
        found.append(Advice(f"check {_them(others, 'wrong case')} again, without timing", command))
    if stale:
        found.append(Advice(f"time {_them(stale, 'stale case')} again", _only(report.command, stale)))
    return tuple(found)


def _slower(report: Report) -> tuple[Advice, ...]:
    slower = report.with_verdict(Verdict.SLOWER)
    if not slower:
        return ()
    again = _only(_with(report.command, "--cnnperf-compare"), slower)
    accept = _only(_with(_without(report.command, "--cnnperf-compare"), "--cnnperf-update"), slower)
    return (
        Advice(f"measure {_them(slower, 'slower case')} again", again),
        Advice("if the change is wanted, make it the baseline", accept),
    )


def _unfinished(report: Report) -> tuple[Advice, ...]:
    if not report.unfinished:
        return ()
    # A run that compares, too, has unfinished cases among those that the baseline has.
    only_records = "--cnnperf-update-new" in shlex.split(report.command) and not report.compared
    command = _with(report.command, "--cnnperf-only-missing") if only_records else report.command
    return (Advice(f"go on with {counted(report.unfinished, 'unfinished case')}", command),)


def _undecided(report: Report) -> tuple[Advice, ...]:
    undecided = [each for each in report.with_verdict(Verdict.UNDECIDED) if each.reason not in _GPU_REASONS]
    if not undecided:
        return ()
    # Undecided cases do not fail their tests, so --last-failed would not find them.
    command = _with(report.command, "--cnnperf-compare")
    command = _keyed(command, undecided) if len(undecided) <= _MOST_NAMED else command
    if "--cnnperf-preset" not in command:
        command = _with(command, "--cnnperf-preset=nightly")
    return (Advice(f"give {_them(undecided, 'undecided case')} more time on a quieter machine", command),)


def _gpus(report: Report) -> tuple[Advice, ...]:
    """More time does not help these; the card does, once it is free or cool."""
    return tuple(
        Advice(f"{why}: {counted(len(outcomes), 'case')} undecided", command)
        for reason, (why, command) in _GPU_REASONS.items()
        if (outcomes := report.with_reason(reason))
    )


def _without_baseline(report: Report) -> tuple[Advice, ...]:
    reasons = (Reason.NO_BASELINE, Reason.FOREIGN_BASELINE, Reason.OTHER_METHOD)
    missing = report.with_reason(*reasons)
    if not missing or report.written:
        return ()
    command = _with(_with(report.command, "--cnnperf-compare"), "--cnnperf-missing=record")
    return (Advice(f"record a baseline for {_them(missing, 'case')} without one", command),)


def _not_compared(report: Report) -> tuple[Advice, ...]:
    if report.compared or report.written or not report.with_reason(Reason.NOT_COMPARED):
        return ()
    return (Advice("compare with the stored baseline", _with(report.command, "--cnnperf-compare")),)


def _unused(report: Report) -> tuple[Advice, ...]:
    if not report.unused:
        return ()
    entries = counted(len(report.unused), "unused baseline entry", "unused baseline entries")
    return (Advice(f"remove {entries} in a complete run", _with(report.command, "--cnnperf-prune")),)


def _them(outcomes: Sequence[Outcome], noun: str) -> str:
    return f"the {noun}" if len(outcomes) == 1 else f"the {len(outcomes)} {noun}s"


def _only(command: str, outcomes: Sequence[Outcome]) -> str:
    """The command narrowed to cases that failed their tests."""
    return _keyed(command, outcomes) if len(outcomes) <= _MOST_NAMED else _with(_of_some(command), "--last-failed")


def _keyed(command: str, outcomes: Sequence[Outcome]) -> str:
    """The command narrowed to these cases by -k, so that its other options stay, but for those of the whole run."""
    expressions = list(map(_expression, outcomes))
    wanted = expressions[0] if len(expressions) == 1 else " or ".join(f"({each})" for each in expressions)
    return f"{_of_some(command)} -k {shlex.quote(wanted)}"


def _of_some(command: str) -> str:
    """The command without what only the whole run shall have."""
    kept, parts = [], iter(shlex.split(command))
    for part in parts:
        if part in _OF_THE_WHOLE_RUN:
            next(parts, None)
        elif part.partition("=")[0] not in _OF_THE_WHOLE_RUN:
            kept.append(part)
    return shlex.join(kept)


def _expression(outcome: Outcome) -> str:
    """What -k has to match: the telling parts of the key, or the test's own name where the key is not part of it."""
    case = outcome.case
    if outcome.key in outcome.nodeid and case.problem and case.pass_ and case.algorithm:
        head = outcome.key.partition(case.problem.text)[0] + f"n{case.batch}c"
        pieces = [head, f"-{case.pass_}-{case.algorithm}-{case.dtype}-{case.layout}-"]
    else:
        pieces = [outcome.nodeid.rpartition("::")[2]]
    # -k cannot spell every character ('%', '='), but it matches substrings: the parts between them do.
    spelled = [part for piece in pieces for part in _SAFE_IN_K.findall(piece)]
    return " and ".join(spelled)


def _with(command: str, addition: str) -> str:
    """The command with one more option; a plain flag is not repeated, and of two values pytest takes the last."""
    return f"{_without(command, addition)} {addition}"


def _without(command: str, flag: str) -> str:
    return shlex.join(part for part in shlex.split(command) if part != flag)
