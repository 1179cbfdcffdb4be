"""What is asked: problem, pass, algorithm, case and its key; networks as tables of layers."""

from .case import CONVOLUTION, Case
from .problem import Problem
from .words import Algorithm, Clock, DeviceKind, DType, Layout, Pass

__all__ = ["CONVOLUTION", "Algorithm", "Case", "Clock", "DType", "DeviceKind", "Layout", "Pass", "Problem"]
