"""A coloured line as data: stretches of text with pytest's markup words, written by whoever owns a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Markup = Mapping[str, bool]

PLAIN: Markup = {}
BOLD: Markup = {"bold": True}
QUIET: Markup = {"light": True}
RED: Markup = {"red": True, "bold": True}
REVERSED: Markup = {"red": True, "invert": True, "bold": True}
YELLOW: Markup = {"yellow": True}
GREEN: Markup = {"green": True}
CYAN: Markup = {"cyan": True}

_CODES = {"bold": 1, "light": 2, "invert": 7, "red": 31, "green": 32, "yellow": 33, "cyan": 36}


@dataclass(frozen=True)
class Span:
    """Text in one look; `markup` holds the keywords of `TerminalReporter.write`."""

    text: str
    markup: Markup = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """One line of the terminal, without its end."""

    spans: tuple[Span, ...] = ()

    @property
    def text(self) -> str:
        """The line without its colours."""
        return "".join(span.text for span in self.spans)

    @property
    def plain(self) -> Line:
        """The same line without colours."""
        return line(self.text)

    @property
    def ansi(self) -> str:
        """The line with terminal escape codes."""
        return "".join(_escaped(span) for span in self.spans)


class Writer(Protocol):
    """What pytest's TerminalReporter offers to a writer of lines."""

    def write(self, content: str, **markup: Any) -> None:
        """Write text in a look."""


def line(text: str, markup: Markup = PLAIN) -> Line:
    """A line in one look."""
    return Line((Span(text, markup),)) if text else Line()


def write(lines: Iterable[Line], writer: Writer) -> None:
    """Write lines to a terminal, each with its end."""
    for each in lines:
        for span in each.spans:
            writer.write(span.text, **span.markup)
        writer.write("\n")


def _escaped(span: Span) -> str:
    codes = ";".join(str(code) for name, code in _CODES.items() if span.markup.get(name))
    return f"\x1b[{codes}m{span.text}\x1b[0m" if codes else span.text
