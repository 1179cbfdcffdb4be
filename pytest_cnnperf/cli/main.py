"""The `cnnperf` command: what pytest does not do, installing frameworks and reading earlier results."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import CnnperfError
from ..measuring.machine import detect
from ..report import json
from ..report.terminal import render
from ..report.text import size
from . import compare, doctor, frameworks, printing, selftest

SUCCESS, SLOWER, MISUSE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 is success, 1 a slowdown or a wrong result, 2 something that cannot be done as asked."""
    chosen = _parser().parse_args(arguments)
    try:
        code: int = chosen.run(chosen)
        sys.stdout.flush()
    except CnnperfError as error:
        print(f"cnnperf: {error}", file=sys.stderr)
        return MISUSE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe (head, less) has seen enough; the interpreter must not complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SUCCESS
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cnnperf", description="Frameworks, and the results of runs.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    show = commands.add_parser("show", help="print the report of a result file", description=_SHOW)
    show.add_argument("result", type=Path, metavar="RESULT.json")
    show.add_argument("--brief", action="store_true", help="only what needs attention, without the tables")
    show.set_defaults(run=_show)
    compare = commands.add_parser("compare", help="compare two result files of one machine", description=_COMPARE)
    compare.add_argument("before", type=Path, metavar="BEFORE.json")
    compare.add_argument("after", type=Path, metavar="AFTER.json")
    compare.add_argument("--threshold", type=_percent, default=0.05, metavar="PERCENT", help="change that counts (5)")
    compare.add_argument("--force", action="store_true", help="compare although the machines differ")
    compare.set_defaults(run=_compare)
    machine = commands.add_parser("machine", help="say what this machine is, as a baseline names it")
    machine.set_defaults(run=_machine)
    frameworks.add_to(commands)
    doctor.add_doctor(commands)
    selftest.add_selftest(commands)
    return parser


_SHOW = "Print the report of a result file that was written with: pytest … --cnnperf-json RESULT.json"
_COMPARE = (
    "Compare two result files by their control-normalised times (time ÷ control). "
    "The exit code is 1 when a case is slower beyond the threshold or has become wrong."
)


def _percent(text: str) -> float:
    value = float(text.rstrip("%"))
    if not 0 < value < 1000:
        raise ValueError(f"{text} is no percentage above 0")
    return value / 100


def _show(chosen: argparse.Namespace) -> int:
    report = json.read(chosen.result)
    printing.show(render(report, width=printing.width(), color=printing.has_color(), brief=chosen.brief))
    return SUCCESS


def _compare(chosen: argparse.Namespace) -> int:
    before, after = json.read(chosen.before), json.read(chosen.after)
    if not chosen.force:
        compare.refuse_other_machine(before, after)
    comparison = compare.comparison(before, after, threshold=chosen.threshold)
    printing.show(compare.render(comparison, width=printing.width()))
    return SLOWER if comparison.has_regressed else SUCCESS


def _machine(chosen: argparse.Namespace) -> int:  # noqa: ARG001 - every command gets what was chosen
    machine = detect()
    print(f"baselines of this machine lie in: baselines/{machine.slug}/")
    for name, value in machine.to_plain().items():
        words = ", ".join(value) or "none" if isinstance(value, list) else value
        label = name.removesuffix("_bytes").replace("_", " ")
        print(f"{label:>10}: {size(value) if name.endswith('_bytes') else words}")
    return SUCCESS
