"""Which libraries a worker's process has loaded, by their files: what a framework does not tell of itself."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

REFERENCE_BLAS = "reference BLAS"
# What a file's path says; the first that fits counts. Debian's OpenBLAS is a libblas.so.3 in a folder of its name.
_FAMILIES = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("OpenBLAS", r"openblas"),
        ("BLIS", r"/libblis|/blis-"),
        ("ATLAS", r"/libatlas|/atlas/|/libsatlas|/libtatlas"),
        ("MKL", r"/libmkl"),
        (REFERENCE_BLAS, r"/libblas\.so"),
        ("oneDNN", r"/lib(dnnl|mkldnn)"),
        ("GNU OpenMP", r"/libgomp"),
        ("Intel OpenMP", r"/libiomp"),
        ("LLVM OpenMP", r"/libomp"),
        ("MPI", r"/libmpi\.so|/libmpi-|/libmpich"),
        ("CUDA runtime", r"/libcudart"),
        ("cuBLAS", r"/libcublas\.so"),
        ("cuDNN", r"/libcudnn\.so"),
        ("NCCL", r"/libnccl"),
    )
)
# What NumPy and SciPy bring for themselves says nothing of the framework beside them.
_OF_THEIR_OWN = re.compile(r"/(numpy|scipy)(\.libs|/\.libs)/")


def loaded_libraries(leader: int, process: object) -> dict[str, str]:
    """Family → file of the numerical and parallel libraries in a process of the session of `leader`.

    `process` is the number that the worker itself tells. Empty where it means another process here (in a container).
    """
    if not isinstance(process, int) or not _is_in_session(process, leader):
        return {}
    try:
        lines = Path(f"/proc/{process}/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # it has ended, or is not ours
        return {}
    return families(line.split(maxsplit=5)[5] for line in lines if line.count("/"))


def families(paths: Iterable[str]) -> dict[str, str]:
    """The libraries among these files, each family once, by name."""
    found: dict[str, str] = {}
    for path in paths:
        if ".so" in path and not _OF_THEIR_OWN.search(path):
            family = next((name for name, pattern in _FAMILIES if pattern.search(path)), None)
            if family is not None:
                found.setdefault(family, path)
    return dict(sorted(found.items()))


def _is_in_session(process: int, leader: int) -> bool:
    try:
        return os.getsid(process) == leader
    except OSError:
        return False
