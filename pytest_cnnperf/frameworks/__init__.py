"""Who is measured, as data: how to start a framework, what it offers, why not the rest; none is imported."""

from .holes import hole
from .registry import Registry, builtin
from .resolved import Resolved
from .spec import FrameworkSpec, Offer

__all__ = ["FrameworkSpec", "Offer", "Registry", "Resolved", "builtin", "hole"]
