"""What is right and what it should cost: direct, gemm, fft and winograd in float64, judged by `checking`."""

from .method import Cost
from .registry import compute, constraint, cost

__all__ = ["Cost", "compute", "constraint", "cost"]
