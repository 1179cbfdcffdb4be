"""The making of environments: folders with an interpreter and a framework, from recipes, without root."""

from .failed import EnvironmentFailed
from .making import make
from .removing import remove

__all__ = ["EnvironmentFailed", "make", "remove"]
