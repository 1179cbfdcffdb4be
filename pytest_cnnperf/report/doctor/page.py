"""The whole page of the doctor: frameworks, what they offer, the machine, its conditions."""

from __future__ import annotations

from collections.abc import Iterator

from ..terminal.line import Line, line
from . import frameworks, machine, offers
from .examination import Examination

_LEAST_WIDTH = 80


def render(examination: Examination, width: int, *, whole: bool = False) -> Iterator[Line]:
    """All lines, not wider than `width` but for commands and paths; `whole` adds all that the workers said."""
    width = max(_LEAST_WIDTH, width)
    yield from frameworks.render(examination, width, whole=whole)
    yield line("")
    yield from offers.render(examination, width)
    yield line("")
    yield from machine.render(examination.surroundings, width)
