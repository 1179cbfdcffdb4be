"""The end of a run: baselines and JSON are written, and the report is shown."""

from __future__ import annotations

import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..cases import Case
from ..errors import CnnperfError
from ..judging.verdict import Reason
from ..matrix import merged
from ..report.outcome import Hole
from ..report.report import RATES, Report
from ..settings import Update, will_store
from .recording import Recorder, is_change_not_added
from .session import Session

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter

# Of the tables all columns but the kernel and what others take find room.
WIDTH_OF_A_LOG = 100


def finish(config: pytest.Config, session: Session, recorder: Recorder, *, failed_tests: int = 0) -> tuple[str, ...]:
    """End the workers, write what the settings ask for, and keep the report; returns what could not be written.

    JSON is written whatever came of the tests: one of an earlier run in its place would be taken for this one's.
    """
    session.remote_facts.append(session.facts())
    session.close()
    holes = any(facts["holes"] for facts in session.remote_facts)
    notices = (*_interrupted(session), *_left_out(session), *_not_added(session))
    is_silent = not session.outcomes and not notices and not (holes and session.collected)
    if is_silent and not (session.settings.json and failed_tests):
        return ()
    errors: list[str] = []
    written = (*_write_baselines(recorder, errors), *_learn(session, errors))
    unused = _unused(config, session, errors)
    if unused and session.settings.prune:
        written, unused = (*written, *_prune(session, unused, errors)), ()

    def report() -> Report:
        words = (*notices, *errors)
        return _report(config, session, written=written, unused=unused, notices=words, failed_tests=failed_tests)

    session.report = report()
    # What only collects must not replace the result of a run.
    if session.settings.json and not config.option.collectonly:
        from ..report import json

        try:
            json.write(session.report, config.invocation_params.dir / session.settings.json)
        except CnnperfError as error:
            errors.append(str(error))
            session.report = report()
    if is_silent and not errors:
        session.report = None
    return tuple(errors)


def show(session: Session, terminal: TerminalReporter) -> None:
    """Print the report."""
    if session.report is None:
        return
    from ..report.terminal import render, write

    terminal.section("cnnperf", sep="=")
    terminal.ensure_newline()
    # Nothing wraps the lines of a log: pytest takes it to be 80 columns wide.
    width = terminal._tw.fullwidth if terminal.isatty else max(terminal._tw.fullwidth, WIDTH_OF_A_LOG)
    write(render(session.report, width=width, color=terminal.hasmarkup), terminal)


def _unfinished(session: Session) -> int:
    """How many cases the run had not finished with."""
    return len(session.away) + (len(session.run.waiting) if session.has_run else 0)


def _interrupted(session: Session) -> tuple[str, ...]:
    """What is told of cases that the run had not finished with."""
    waiting = _unfinished(session)
    if not waiting:
        return ()
    cases = "case was" if waiting == 1 else "cases were"
    return (f"{waiting} {cases} still to be visited again when the run ended: neither judged nor recorded",)


def _left_out(session: Session) -> tuple[str, ...]:
    """What is told of the cases that ``--cnnperf-only-missing`` left out; every xdist worker counts all of them."""
    count = max(facts["recorded"] for facts in session.remote_facts)
    if not count:
        return ()
    cases = "case was" if count == 1 else "cases were"
    return (f"{count} {cases} left out: the baseline of this machine has them (--cnnperf-only-missing)",)


def _not_added(session: Session) -> tuple[str, ...]:
    """What is told of cases that changed in a run that adds: it is for the user to say that they did not."""
    count = sum(is_change_not_added(outcome, session.settings) for outcome in session.outcomes)
    if not count:
        return ()
    cases = "1 case is SLOWER or FASTER and was" if count == 1 else f"{count} cases are SLOWER or FASTER and were"
    return (
        f"{cases} not added to the baseline: --cnnperf-update accepts a change; --cnnperf-update-add without "
        "--cnnperf-compare adds it as noise",
    )


def _write_baselines(recorder: Recorder, errors: list[str]) -> tuple[str, ...]:
    try:
        return recorder.write()
    except CnnperfError as error:
        errors.append(str(error))
        return ()


def _learn(session: Session, errors: list[str]) -> tuple[str, ...]:
    """A run that records what is missing keeps what its comparisons show of the machine's noise, too.

    Not one that accepts new speeds: those have changed.
    """
    settings = session.settings
    if not will_store(settings, known=False) or settings.update is Update.ALL:
        return ()
    try:
        return session.run.learn(session.outcomes, session.measured_on)
    except CnnperfError as error:
        errors.append(str(error))
        return ()


def _unused(config: pytest.Config, session: Session, errors: list[str]) -> tuple[str, ...]:
    """Baseline keys that a complete run did not meet, among those of the kinds of cases that it did meet."""
    settings = session.settings
    if not is_complete(config, session) or not (settings.compare or settings.prune):
        return ()
    seen = {outcome.key for outcome in session.outcomes}
    # Of a framework that is not there the matrix asked for nothing.
    kinds = {_kind(outcome.key) for outcome in session.outcomes if outcome.reason is not Reason.NOT_INSTALLED}
    try:
        return tuple(key for key in session.run.unused(seen) if _kind(key) in kinds)
    except CnnperfError as error:
        errors.append(str(error))
        return ()


def is_complete(config: pytest.Config, session: Session) -> bool:
    """Whether this run asked for everything there is and got an answer to all of it.

    A choosing option, a file or node id, `-k`, `--lf`, `-x`, an interrupt or a broken set-up all narrow a run.
    """
    settings = session.settings
    chosen = any((settings.algorithms, settings.passes, settings.batches, settings.only_missing))
    chosen = chosen or any(facts["deselected"] for facts in session.remote_facts)
    named = any(not Path(argument).is_dir() for argument in config.args)
    answered = len(session.outcomes) == session.total
    return session.collected and answered and not (chosen or named)


def _kind(key: str) -> tuple[object, ...]:
    """What a preset or an option chooses by; a stored case of another kind may be asked for by another run."""
    case = Case.parse(key)
    size = (case.network, case.batch, case.layout, case.threads)
    return (case.framework, case.workload, *size, case.device_kind, case.dtype, case.clock, case.options)


def _prune(session: Session, unused: tuple[str, ...], errors: list[str]) -> tuple[str, ...]:
    try:
        session.run.baselines.prune(unused)
    except CnnperfError as error:
        errors.append(str(error))
        return ()
    return (f"{len(unused)} entries removed that no case of this complete run asked for",)


def _report(
    config: pytest.Config,
    session: Session,
    *,
    written: tuple[str, ...],
    unused: tuple[str, ...],
    notices: tuple[str, ...],
    failed_tests: int,
) -> Report:
    peaks = {name: max(filter(None, (facts[name] for facts in session.remote_facts)), default=None) for name in RATES}
    holes = merged(Hole(**hole) for facts in session.remote_facts for hole in facts["holes"])
    return Report(
        machine=session.run.machine.to_plain(),
        **peaks,
        outcomes=tuple(session.outcomes),
        holes=holes,
        seconds=time.monotonic() - session.started_seconds,
        threshold=session.settings.threshold,
        written=written,
        unused=unused,
        notices=notices,
        compared=session.settings.compare,
        unfinished=_unfinished(session),
        failed_tests=failed_tests,
        command=shlex.join(["pytest", *map(str, config.invocation_params.args)]),
    )
