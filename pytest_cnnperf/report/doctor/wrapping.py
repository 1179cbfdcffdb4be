"""Label and wrapped text, and the next command: the lines of the doctor that are no table."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from ..terminal.line import BOLD, CYAN, PLAIN, Line, Markup, Span

_LEAST = 20


def labelled(label: str, text: str, *, indent: int, width: int, look: Markup = PLAIN) -> Iterator[Line]:
    """The label in the first `indent` columns, the text beside it, wrapped to the width; nothing for no text."""
    for index, part in enumerate(wrapped(text, width - indent)):
        yield Line((Span((label if index == 0 else "").ljust(indent)), Span(part, look)))


def wrapped(text: str, room: int) -> list[str]:
    """Lines of at most `room` characters; a word is never cut, since it may be a path to copy."""
    return textwrap.wrap(text, max(_LEAST, room), break_long_words=False, break_on_hyphens=False)


def next_command(command: str, indent: int) -> Line:
    """What to type next, never wrapped."""
    return Line((Span(" " * indent + "→ ", {**BOLD, **CYAN}), Span(command, BOLD)))
