"""From the text of a baseline file to entries, strictly: whatever is not understood is named, with its line."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from ..cases import Algorithm, Case, Clock
from ..errors import BaselineError, InvalidProblem
from ..measuring.gpu.conditions import Conditions
from ..measuring.machine import Machine
from .entry import MOST_SAMPLES, Entry, derived

SCHEMA = 1
Migration = Callable[[dict[str, Any]], dict[str, Any]]
# From a schema to the next one. Schema 1 is the first.
MIGRATIONS: Mapping[int, Migration] = {}

_CONFLICT = re.compile(r"^(<{7} |={7}$|>{7} )", re.MULTILINE)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
# The fields of each object and their types; None is any type.
_TOP = {"entries": None, "machine": None, "schema": None}
_MACHINE = {"cpu_model": str, "cores": int, "memory_bytes": int, "gpus": list, "system": str}
_PLAN = {"control": str, "control_units": int, "repeats": int}
_ROUND = {"control_ns": list, "wall_ns": list, "workload_ns": list}
_ENTRY = {
    "clock": str,
    "control_median_ns": int,
    "error_fraction": (float, int, type(None)),
    "first_call_ns": int,
    "median_ns": int,
    "plan": dict,
    "ratio": (float, int),
    "recorded": str,
    "resolved": str,
    "rounds": list,
    "versions": dict,
}
# What entries of earlier versions do not have.
_NEWER = {"resolved_algorithm": str, "conditions": dict, "peak_memory_bytes": int}
_NEWER_ROUND = {"visit": int, "sweep_ns": list, "probe_ns": list, "quiet_ns": int, "run": int, "at_seconds": int}


@dataclass(frozen=True)
class Where:
    """A place in a file, for an error to speak of."""

    path: Path
    text: str
    key: str | None = None

    def within(self, key: str) -> Where:
        """The same file, at one case."""
        return replace(self, key=key)

    def fail(self, message: str, *, line: int | None = None, remedy: str = "") -> NoReturn:
        """Raise the error: file, line where known, case, what is wrong, what to type."""
        line = line or self._line_of_key()
        place = f"{self.path}:{line}" if line else f"{self.path}"
        case = f" case {self.key}:" if self.key else ""
        raise BaselineError(f"{place}:{case} {message}. {remedy or remedies(self.path)}") from None

    def _line_of_key(self) -> int | None:
        at = self.text.find(json.dumps(self.key)) if self.key else -1
        return self.text.count("\n", 0, at) + 1 if at >= 0 else None


def remedies(path: Path) -> str:
    """What to type when a file cannot be understood."""
    return f"git checkout -- {path} restores the committed file; rm {path} and --cnnperf-update record it anew"


def parse(
    text: str, *, path: Path, schema: int = SCHEMA, migrations: Mapping[int, Migration] = MIGRATIONS
) -> dict[str, Entry]:
    """The entries of a file by key.

    Raises: BaselineError that names file, line where known, case and field, got and expected, and what to do.
    """
    where = Where(path, text)
    document = _migrated(_load(where), where, schema=schema, migrations=migrations)
    _fields(document, _TOP, where)
    machine = _machine(document["machine"], where)
    entries = document["entries"]
    if not isinstance(entries, dict):
        where.fail(f"entries is {_kind(entries)}, expected an object of cases")
    parsed = {key: _entry(key, plain, where.within(key)) for key, plain in entries.items()}
    _at_home(parsed, machine, where)
    return parsed


def file_name(case: Case) -> str:
    """The file of a case inside its machine's folder; the network is encoded so that any name makes one file."""
    return ".".join(case.key.split("-")[:3]) + ".json"


def _load(where: Where) -> dict[str, Any]:
    if not where.text.strip():
        where.fail("the file is empty, expected a JSON object")
    conflict = _CONFLICT.search(where.text)
    if conflict:
        line = where.text.count("\n", 0, conflict.start()) + 1
        remedy = f"resolve the merge: git checkout --ours -- {where.path} or --theirs, then git add it"
        where.fail("a merge conflict stands in it", line=line, remedy=remedy)
    try:
        document = json.loads(
            where.text,
            object_pairs_hook=_Unique(where),
            parse_constant=lambda word: where.fail(f"{word} is no number of JSON"),
        )
    except json.JSONDecodeError as error:
        truncated = error.pos >= len(where.text.rstrip()) or error.msg.startswith("Unterminated")
        what = "the file is truncated" if truncated else "not JSON"
        where.fail(f"{what} (column {error.colno}: {error.msg})", line=error.lineno)
    except RecursionError:
        where.fail("nested too deep for a baseline")
    except ValueError as error:  # an integer of more digits than Python converts
        where.fail(f"not JSON ({error})")
    if not isinstance(document, dict):
        where.fail(f"the file holds {_kind(document)}, expected an object")
    return document


class _Unique:
    """Makes objects of JSON, and refuses a name that comes twice: the second would silently win."""

    def __init__(self, where: Where) -> None:
        self.where = where

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for name, value in pairs:
            if name in seen:
                self.where.fail(f"{name!r} stands twice in one object, expected once", line=self._second_line(name))
            seen[name] = value
        return seen

    def _second_line(self, name: str) -> int | None:
        """Names such as "plan" stand in every case; the line is known only where the name stands just twice."""
        text, quoted = self.where.text, json.dumps(name)
        return text.count("\n", 0, text.rfind(quoted)) + 1 if text.count(quoted) == 2 else None


def _migrated(
    document: dict[str, Any], where: Where, *, schema: int, migrations: Mapping[int, Migration]
) -> dict[str, Any]:
    found = document.get("schema")
    if not isinstance(found, int) or isinstance(found, bool):
        where.fail(f"schema is {found!r}, expected the integer {schema}")
    if found > schema:
        remedy = "update the plugin: python -m pip install --upgrade pytest-cnnperf"
        where.fail(f"schema {found} is of a newer pytest-cnnperf, this one reads up to {schema}", remedy=remedy)
    while found < schema:
        if found not in migrations:
            where.fail(f"schema {found} is unknown, expected {schema} or one of {sorted(migrations)}")
        document = migrations[found](document)
        found += 1
    return {**document, "schema": schema}


def _machine(plain: Any, where: Where) -> Machine:
    _fields(plain, _MACHINE, where, of="machine ")
    if not all(isinstance(gpu, str) for gpu in plain["gpus"]):
        where.fail(f"machine gpus is {plain['gpus']!r}, expected a list of text")
    return Machine(**{**plain, "gpus": tuple(plain["gpus"])})


def _at_home(entries: Mapping[str, Entry], machine: Machine, where: Where) -> None:
    """The folder says whose speeds these are; the machine that is recorded in the file must say the same."""
    folder = where.path.parent
    for kind in dict.fromkeys(Case.parse(key).device_kind for key in entries):
        slug = machine.slug_for(kind)
        if slug != folder.name:
            home = folder.with_name(slug)
            where.fail(
                f"it was recorded on {slug} and copied here from that other machine, expected one of {folder.name}",
                remedy=f"rm {where.path} and --cnnperf-update record this machine's own speeds; "
                f"where {home} has lost the file, move it back there",
            )


def _entry(key: str, plain: Any, where: Where) -> Entry:
    try:
        case = Case.parse(key)
    except InvalidProblem as error:
        where.fail(f"is no case ({error})")
    if where.path.name != file_name(case):
        where.fail(f"stands in the wrong file, expected {file_name(case)}")
    _fields(plain, _ENTRY, where, optional=_NEWER)
    _fields(plain["plan"], _PLAN, where, of="plan ")
    _values(plain, case, where)
    _resolved_algorithm(plain, where)
    _conditions(plain, where)
    for number, part in enumerate(plain["rounds"], start=1):
        _round(part, where, of=f"round {number} ")
    entry = Entry.from_plain(key, plain)
    if flaw := entry.flaw_of_runs:
        where.fail(flaw)
    _agreeing(entry, where)
    return entry


def _values(plain: Mapping[str, Any], case: Case, where: Where) -> None:
    """Values that have the right type and still cannot be."""
    if plain["clock"] not in [clock.value for clock in Clock] or plain["clock"] != case.clock.value:
        where.fail(f"clock is {plain['clock']!r}, expected {case.clock.value!r} as in the key")
    for name in ("control_units", "repeats"):
        if plain["plan"][name] < 1:
            where.fail(f"plan {name} is {plain['plan'][name]}, expected at least 1")
    if plain["first_call_ns"] < 0:
        where.fail(f"first_call_ns is {plain['first_call_ns']}, expected at least 0")
    fraction = plain["error_fraction"]
    if fraction is not None and (fraction < 0 or not math.isfinite(fraction)):
        where.fail(f"error_fraction is {fraction}, expected null or a number of at least 0")
    if not _DATE.match(plain["recorded"]):
        where.fail(f"recorded is {plain['recorded']!r}, expected a date like 2026-01-31")
    for name, version in plain["versions"].items():
        if not isinstance(version, str):
            where.fail(f"version of {name} is {_kind(version)}, expected text")
    if not plain["rounds"]:
        where.fail("rounds is empty, expected at least one round of samples")


def _resolved_algorithm(plain: Mapping[str, Any], where: Where) -> None:
    known = [algorithm.value for algorithm in Algorithm]
    found = plain.get("resolved_algorithm")
    if found is not None and found not in known:
        where.fail(f"resolved_algorithm is {found!r}, expected one of {', '.join(known)}")


def _conditions(plain: Mapping[str, Any], where: Where) -> None:
    if plain.get("peak_memory_bytes", 0) < 0:
        where.fail(f"peak_memory_bytes is {plain['peak_memory_bytes']}, expected at least 0")
    if "conditions" in plain:
        try:
            Conditions.from_plain(plain["conditions"])
        except ValueError as error:
            where.fail(str(error))


def _round(part: Any, where: Where, *, of: str) -> None:
    _fields(part, _ROUND, where, of=of, optional=_NEWER_ROUND)
    for name in ("visit", "quiet_ns", "run", "at_seconds"):
        if part.get(name, 0) < 0:
            where.fail(f"{of}{name} is {part[name]}, expected at least 0")
    times = [name for name in (*_ROUND, "sweep_ns", "probe_ns") if name in part]
    for name in times:
        for value in part[name]:
            least = 0 if name == "wall_ns" else 1
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                where.fail(f"{of}{name} holds {value!r}, expected integers of at least {least} (nanoseconds)")
    lengths = {name: len(part[name]) for name in times}
    if len(set(lengths.values())) != 1 or not 1 <= lengths["workload_ns"] <= MOST_SAMPLES:
        where.fail(f"{of}has {lengths} samples, expected equally many and 1 to {MOST_SAMPLES}")


def _agreeing(entry: Entry, where: Where) -> None:
    """Derived fields are only there to be read; one that disagrees was edited by hand, or a sample was."""
    for name, expected in derived(entry.samples).items():
        # The last digits of a ratio depend on how its centre was approached.
        if not math.isclose(getattr(entry, name), expected, rel_tol=1e-4 if name == "ratio" else 0.0):
            where.fail(
                f"{name} is {getattr(entry, name)}, but its samples give {expected}: edited by hand, or of an earlier "
                "version"
            )


def _fields(
    plain: Any, types: Mapping[str, Any], where: Where, *, of: str = "", optional: Mapping[str, Any] | None = None
) -> None:
    """Exactly these fields, each of its type (None: any); the optional ones may be missing."""
    if not isinstance(plain, dict):
        where.fail(f"{of or 'it '}is {_kind(plain)}, expected an object")
    types = {**types, **{name: kind for name, kind in (optional or {}).items() if name in plain}}
    missing, unknown = sorted(types.keys() - plain.keys()), sorted(plain.keys() - types.keys())
    if missing or unknown:
        where.fail(f"{of}fields: missing {missing}, unknown {unknown}, expected {sorted(types)}")
    for name, type_ in types.items():
        value = plain[name]
        if type_ is not None and (not isinstance(value, type_) or isinstance(value, bool)):
            where.fail(f"{of}{name} is {value!r}, expected {_expected(type_)}")


def _expected(type_: Any) -> str:
    words = {str: "text", int: "an integer", float: "a number", list: "a list", dict: "an object", type(None): "null"}
    return " or ".join(dict.fromkeys(words[one] for one in (type_ if isinstance(type_, tuple) else (type_,))))


def _kind(value: Any) -> str:
    return "null" if value is None else f"{type(value).__name__} {value!r:.40}"
