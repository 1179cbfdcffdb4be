"""Stored measurements of a machine: what a case was when it was recorded."""

from .entry import Entry
from .store import Baselines, Written

__all__ = ["Baselines", "Entry", "Written"]
