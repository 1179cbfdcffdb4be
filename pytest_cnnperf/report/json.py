"""The result file of `--cnnperf-json`, schema 1: written whole or not at all, and read back strictly."""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from ..cases import Case
from ..cases.words import Word
from ..errors import CnnperfError
from ..judging.events import Event
from .outcome import Hole, Outcome, values_of
from .report import RATES, Report

SCHEMA = 1
OPTION = "--cnnperf-json"
# Beside others it must be told whose bytes these are.
_RENAMED = {"peak_bytes": "peak_memory_bytes"}
_REMEDY = "write one with: pytest perftests --cnnperf-json PATH"


class ResultFileError(CnnperfError):
    """A result file that cannot be written, read or understood."""


def document(report: Report) -> dict[str, Any]:
    """The report as plain JSON values; a number that does not exist, or is no number, is null."""
    plain = {
        "schema": SCHEMA,
        "machine": dict(report.machine),
        **{name: getattr(report, name) for name in RATES},
        "seconds": report.seconds,
        "threshold": report.threshold,
        "compared": report.compared,
        "command": report.command,
        "events": [_event(event) for event in report.events],
        "outcomes": [_outcome(outcome) for outcome in report.outcomes],
        "holes": [{name.name.rstrip("_"): getattr(hole, name.name) for name in fields(Hole)} for hole in report.holes],
        "written": list(report.written),
        "unused": list(report.unused),
        "notices": list(report.notices),
    }
    finite: dict[str, Any] = _finite(plain)
    return finite


def write(report: Report, path: Path) -> None:
    """Write the report's document; its place is named by --cnnperf-json.

    Raises: ResultFileError when the place cannot be written.
    """
    write_document(document(report), path, option=OPTION)


def ensure_writable(path: Path, *, option: str = OPTION) -> None:
    """Find out before anything is measured that a document could not be written; makes its folder.

    Raises: ResultFileError that says why.
    """
    with _place(path, option=option) as draft:
        draft.touch()
        draft.unlink()


def write_document(plain: Mapping[str, Any], path: Path, *, option: str) -> None:
    """Write a document beside its place first and then move it there, so that a reader never sees half a file.

    Raises: ResultFileError when the place, which this option named, cannot be written.
    """
    text = json.dumps(plain, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    with _place(path, option=option) as draft:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)


@contextmanager
def _place(path: Path, *, option: str) -> Iterator[Path]:
    """Where a draft of the file may lie, which is gone when it could not be written."""
    draft = path.parent / f".{path.name}.{os.getpid()}"
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise ResultFileError(
            f"cannot write the result file {path}: {error.strerror or error}; "
            f"name a place that can be written: {option} PATH"
        ) from error


def read(path: Path) -> Report:
    """The report whose document lies at this path.

    Raises: ResultFileError for anything that `write` did not write.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ResultFileError(f"cannot read {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise ResultFileError(f"{path} is not a JSON file: {error}; {_REMEDY}") from error
    if not isinstance(plain, dict) or "schema" not in plain:
        raise ResultFileError(f"{path} is not a result file: it has no 'schema'; {_REMEDY}")
    if plain["schema"] != SCHEMA:
        raise ResultFileError(f"{path} has schema {plain['schema']!r}, this version reads schema {SCHEMA}; {_REMEDY}")
    try:
        return _report(plain)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        what = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise ResultFileError(f"{path} is damaged: {what}; {_REMEDY}") from error


def _outcome(outcome: Outcome) -> dict[str, Any]:
    """What the key says in fields of its own, and all that the run found; a baseline's entry is the baseline's."""
    case = outcome.case
    return {
        "key": outcome.key,
        "nodeid": outcome.nodeid,
        "framework": case.framework,
        "workload": case.workload,
        "network": case.network,
        "layer": case.layer,
        "pass": case.pass_,
        "algorithm": case.algorithm,
        "dtype": case.dtype,
        "layout": case.layout,
        "batch": case.batch,
        "device_kind": case.device_kind,
        "device_count": case.device_count,
        "threads": case.threads,
        "clock": case.clock,
        **{_RENAMED.get(name, name): value for name, value in outcome.to_plain().items() if name != "entry"},
    }


def _event(event: Event) -> dict[str, Any]:
    """An event with its text; a reader of the file makes it anew from the outcomes."""
    return {"title": event.title, **vars(event), "cases": len(event.keys), "advice": event.advice}


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return str(value) if isinstance(value, str) else value


def _report(plain: Mapping[str, Any]) -> Report:
    return Report(
        machine=_typed(plain["machine"], dict, "machine"),
        **{name: _typed(plain.get(name), float | None, name) for name in RATES},
        outcomes=tuple(_read_outcome(each) for each in _typed(plain["outcomes"], list, "outcomes")),
        holes=tuple(_fields_of(Hole, each, "holes") for each in _typed(plain["holes"], list, "holes")),
        seconds=_typed(plain.get("seconds", 0.0), float, "seconds"),
        threshold=_typed(plain.get("threshold", 0.05), float, "threshold"),
        compared=_typed(plain.get("compared", True), bool, "compared"),
        command=_typed(plain.get("command", "pytest"), str, "command"),
        written=_texts(plain, "written"),
        unused=_texts(plain, "unused"),
        notices=_texts(plain, "notices"),
    )


def _texts(plain: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(_typed(each, str, name) for each in _typed(plain.get(name, []), list, name))


def _read_outcome(plain: Any) -> Outcome:
    known = {**_typed(plain, dict, "outcomes"), **values_of(plain)}
    known |= {name: known[told] for name, told in _RENAMED.items() if told in known}
    outcome: Outcome = _fields_of(Outcome, {name: each for name, each in known.items() if name != "entry"}, "outcomes")
    Case.parse(outcome.key)  # text that is no key is refused here, with its own message
    return outcome


def _fields_of(kind: type[Any], plain: Any, where: str) -> Any:
    """An instance from the members that its class has; what other members say is in the key, or of a later version."""
    hints = get_type_hints(kind)
    mapping = _typed(plain, dict, where)
    # A member whose name is a word of Python has it with an underscore here.
    named = {name: name.rstrip("_") for name in hints}
    return kind(
        **{
            name: _typed(mapping[plain], hints[name], f"{where}: {plain}")
            for name, plain in named.items()
            if plain in mapping
        }
    )


def _typed(value: Any, kind: Any, name: str) -> Any:
    """The value, if it is of this kind; a whole number will do where a fraction is meant."""
    kinds = set(get_args(kind) or (kind,))
    if type(value) in kinds or isinstance(value, Word):
        return value
    if type(value) is int and float in kinds:
        return float(value)
    raise TypeError(f"{name} must be {getattr(kind, '__name__', kind)}, got {value!r}")
