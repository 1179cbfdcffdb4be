"""How a command writes lines: in colour for people, plain into a pipe, as wide as the terminal."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable

from ..report.terminal.line import Line

_WITHOUT_TERMINAL = 120


def show(lines: Iterable[Line]) -> None:
    """Write lines to stdout."""
    color = has_color()
    for each in lines:
        print(each.ansi if color else each.text)


def has_color() -> bool:
    """Colours for people only: not into a pipe, and not against NO_COLOR (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def width() -> int:
    """Columns of the terminal, or of $COLUMNS."""
    return shutil.get_terminal_size((_WITHOUT_TERMINAL, 24)).columns
