"""What a case takes of a GPU's memory, and why one that takes too much is not asked for."""

from __future__ import annotations

from ..algorithms import cost
from ..algorithms.method import compulsory_bytes
from ..cases import Algorithm, Case, DeviceKind

# Operands and results go through a pipe as float32 and are checked on the host: 4 GB take about ten seconds each way,
# and the check holds several copies.
PIPE_BYTES = 4 << 30
# What a framework keeps for itself: the context, libraries, cuBLAS's and cuDNN's own workspaces, the buffer that
# flushes the cache, and the operands of the control.
_KEPT_BYTES = 2 << 30


def device_bytes(case: Case) -> int:
    """Operands, result and the workspace by the algorithm's cost; a choice of the framework's own counts as none."""
    problem, pass_, algorithm = case.problem, case.pass_, case.algorithm
    assert problem is not None, case.key
    assert pass_ is not None, case.key
    arrays = compulsory_bytes(problem, case.dtype)
    if algorithm in (None, Algorithm.AUTO):
        return arrays
    return arrays + cost(algorithm, problem, pass_).workspace_bytes


def why_too_large(case: Case, memory_bytes: int | None) -> str | None:
    """Why a case cannot be run on a GPU with so much memory (None: not known), with the numbers; None when it can."""
    if case.device_kind is not DeviceKind.CUDA or case.problem is None:
        return None
    problem = case.problem
    largest = max(4 * n * c * h * w for n, c, h, w in (problem.x_shape, problem.w_shape, problem.y_shape))
    if largest > PIPE_BYTES:
        return f"an array of {_gb(largest)} is too large for the way to the worker and the check, {_gb(PIPE_BYTES)} fit"
    needed = device_bytes(case)
    if memory_bytes is None or needed + _KEPT_BYTES <= memory_bytes:
        return None
    return f"needs {_gb(needed)} and {_gb(_KEPT_BYTES)} for the framework itself; the GPU has {_gb(memory_bytes)}"


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
