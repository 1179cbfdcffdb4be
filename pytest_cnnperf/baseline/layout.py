"""From entries to the text of a baseline file, laid out so that `git diff` is the review of a performance change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..measuring.machine import Machine
from .entry import Entry
from .schema import SCHEMA

_INDENT = "  "
# Objects down to here are opened, field by field; a list of numbers, and what lies deeper, is one line.
_OPEN_LEVELS = 3


def to_text(entries: Mapping[str, Entry], machine: Machine) -> str:
    """Sorted names, one line a field, one line a list of samples."""
    document = {
        "entries": {key: entry.to_plain() for key, entry in entries.items()},
        "machine": machine.to_plain(),
        "schema": SCHEMA,
    }
    return _lines(document, 0) + "\n"


def _lines(value: Any, depth: int) -> str:
    inner, outer = _INDENT * (depth + 1), _INDENT * depth
    if isinstance(value, dict) and value and depth < _OPEN_LEVELS:
        parts = [f"{inner}{json.dumps(name)}: {_lines(value[name], depth + 1)}" for name in sorted(value)]
        return "{\n" + ",\n".join(parts) + f"\n{outer}}}"
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        parts = [f"{inner}{_round(item, inner)}" for item in value]
        return "[\n" + ",\n".join(parts) + f"\n{outer}]"
    return json.dumps(value, sort_keys=True, allow_nan=False)


def _round(fields: Mapping[str, Any], indent: str) -> str:
    """A round: each list of samples on its line."""
    separator = f",\n{indent} "
    return "{" + separator.join(f"{json.dumps(name)}: {json.dumps(fields[name])}" for name in sorted(fields)) + "}"
