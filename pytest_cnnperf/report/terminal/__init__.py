"""The report that people read at the end of a run."""

from .line import Line, Span, write
from .page import render

__all__ = ["Line", "Span", "render", "write"]
