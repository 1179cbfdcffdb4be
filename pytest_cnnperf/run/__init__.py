"""The run, and the straight line from case to outcome."""

from .callables import callable_case, run_callable
from .line import run_case
from .resources import Run
from .visits import Later

__all__ = ["Later", "Run", "callable_case", "run_callable", "run_case"]
