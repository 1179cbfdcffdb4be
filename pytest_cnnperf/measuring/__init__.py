"""Samples, the control beside them, when to stop, which device to hold, and which machine this is."""

from .machine import Machine, detect
from .sampler import measure
from .samples import Plan, Round, Samples

__all__ = ["Machine", "Plan", "Round", "Samples", "detect", "measure"]
