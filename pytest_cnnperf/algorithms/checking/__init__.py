"""The judge of right answers; its cost does not grow with the multiply-accumulates of a large problem."""

from .judge import Check, Fault, Reference, reference

__all__ = ["Check", "Fault", "Reference", "reference"]
