"""What ails a framework that does not answer: one line, what to type next, and all that is known beneath."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from enum import Enum

from ..errors import CnnperfError, WorkerFailed
from ..frameworks import shared_libraries
from ..frameworks.environment import folder
from ..frameworks.locating import command_variable, install_command
from ..frameworks.spec import FrameworkSpec
from .pipes import DeadlineExpired
from .process import WORKER_FOLDER

_MODULE = re.compile(r"No module named '([^']+)'")
_WIRE = re.compile(r"wire version \S+ asked, this worker speaks \S+")
# Programs end with advice ("run … --help"); what went wrong stands above it.
_TROUBLE = re.compile(r"error|cannot|could not|failed|not found|denied|fatal|abort", re.IGNORECASE)
_NEXT = "; next: "
_MORE_PATIENCE = 5


class State(str, Enum):
    """What became of the visit; the words stand in JSON."""

    USABLE = "usable"
    NOT_INSTALLED = "not_installed"
    CANNOT_START = "cannot_start"
    LIBRARY_MISSING = "library_missing"
    IMPORT_FAILED = "import_failed"
    WRONG_WIRE = "wrong_wire"
    CRASHED = "crashed"
    HUNG = "hung"
    REFUSED = "refused"


@dataclass(frozen=True)
class Ailment:
    """`reason` is one line, `command` what to type next, `detail` the whole error, where there is more to it."""

    state: State
    reason: str
    command: str
    detail: str = ""


def not_installed(missing: str) -> Ailment:
    """From the registry's own sentence, which ends with the command."""
    reason, _, command = missing.rpartition(_NEXT)
    return Ailment(State.NOT_INSTALLED, reason, command)


def wrong_wire(spec: FrameworkSpec, told: str) -> Ailment:
    """The command starts another version's worker: a copy in a container, say."""
    reason = f"{told}: its command runs another pytest-cnnperf's worker; let it see this one's at {WORKER_FOLDER}"
    return Ailment(State.WRONG_WIRE, reason, closer_look(spec))


def closer_look(spec: FrameworkSpec) -> str:
    """Shows one framework with all that its worker said."""
    return f"cnnperf doctor {spec.name}"


def diagnosed(spec: FrameworkSpec, error: CnnperfError, *, deadline_seconds: float) -> Ailment:
    """What ails it, from the error of a worker that did not start."""
    text = str(error)
    detail = "\n".join(line for line in text.splitlines() if not line.startswith("next: "))
    # The errors of the host carry what happened to the pipe.
    if isinstance(error.__context__, DeadlineExpired):
        reason = f"no answer within {deadline_seconds:g} s" + _last_words(detail)
        patient = f"{closer_look(spec)} --deadline {deadline_seconds * _MORE_PATIENCE:g}"
        return Ailment(State.HUNG, reason, patient, detail)
    if isinstance(error.__cause__, OSError):
        reason = _first_line(text).partition(_NEXT)[0].removeprefix(f"worker {spec.name}: ")
        return Ailment(State.CANNOT_START, reason, _reinstall(spec), detail)
    wire_versions = _WIRE.search(text)
    if wire_versions:
        return wrong_wire(spec, wire_versions[0])
    return _import_failure(spec, error, detail) or _crash(spec, error, detail)


def _import_failure(spec: FrameworkSpec, error: CnnperfError, detail: str) -> Ailment | None:
    # What a process that was ended by a signal had on its stderr before may be a harmless warning (of a GPU's
    # libraries, say); an interpreter that ended by itself, or an adapter's refusal, says why.
    if isinstance(error, WorkerFailed) and "exit status" not in _first_line(detail):
        return None
    # Of a traceback only the message counts: earlier errors of a chain were often expected.
    message = detail if isinstance(error, WorkerFailed) else detail.partition("\n    Traceback")[0]
    library, module = shared_libraries.advice(message), _MODULE.findall(message)
    if library is not None:
        return Ailment(State.LIBRARY_MISSING, library, _reinstall(spec), detail)
    if module:
        reason = f"its interpreter {_interpreter(spec)}has no module {module[-1]}"
        return Ailment(State.IMPORT_FAILED, reason, _reinstall(spec), detail)
    return None


def _crash(spec: FrameworkSpec, error: CnnperfError, detail: str) -> Ailment:
    if isinstance(error, WorkerFailed):
        what = _first_line(detail).partition(" failed after ")[2].partition(": ")[2] or _first_line(detail)
        what = what.partition("; the end of its stderr:")[0]
        return Ailment(State.CRASHED, what + _last_words(detail), closer_look(spec), detail)
    told = _first_line(detail.partition(" was refused: ")[2] or detail)
    state = State.IMPORT_FAILED if told.startswith("ImportError") else State.REFUSED
    return Ailment(state, told, _reinstall(spec) if state is State.IMPORT_FAILED else closer_look(spec), detail)


def _reinstall(spec: FrameworkSpec) -> str:
    """What makes it anew: the user's own command is his to mend, an environment is made again from nothing."""
    if spec.recipe is None or not spec.command:
        return spec.install
    variable = command_variable(spec.name)
    if os.environ.get(variable) or not any(str(folder(spec.name)) in word for word in spec.command):
        return f"unset {variable}; {install_command(spec)}"
    return f"cnnperf frameworks remove {spec.name} && {install_command(spec)}"


def _interpreter(spec: FrameworkSpec) -> str:
    return f"({spec.command[0]}) " if spec.command else ""


def _last_words(detail: str) -> str:
    """The last line of its stderr that speaks of an error, or the very last, where it said something."""
    _, found, tail = detail.partition("the end of its stderr:\n")
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    telling = [line for line in lines if _TROUBLE.search(line)] or lines
    return f"; it said: {telling[-1]:.200}" if found and lines else ""


def _first_line(text: str) -> str:
    return text.partition("\n")[0]
