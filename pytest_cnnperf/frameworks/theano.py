"""Theano-PyMC on the CPU: im2col with a GEMM of OpenBLAS, or loops that it writes and compiles for each shape."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..cases import Algorithm, Case, Pass
from .limits import float32_only, in_every_way, one_group, problem_of
from .recipe import Launch, Need, Recipe, debian_libraries, venv_python
from .spec import FrameworkSpec, Offer, adapter_file

# openmp=True breaks Theano-PyMC 1.1.2's Elemwise; threads are OpenBLAS's own.
_FLAGS = {"device": "cpu", "floatX": "float32", "openmp": "False"}


# It compiles and links a GEMM: four products of ones, added up.
_PROBE = """
import numpy, theano
assert theano.config.cxx, "Theano found no C++ compiler"
ones = theano.shared(numpy.ones((1, 1, 2, 2), dtype="float32"))
assert theano.function([], theano.tensor.nnet.conv2d(ones, ones))().item() == 4
"""


def _flags(**more: str) -> str:
    """THEANO_FLAGS; a value is quoted, since commas and spaces of a path are no separators."""
    return ",".join(f'{name}="{value}"' for name, value in {**_FLAGS, **more}.items())


def launch(folder: Path) -> Launch:
    """A worker of the environment in this folder, linked with the OpenBLAS that lies in it."""
    openblas = debian_libraries(folder) / "openblas-pthread"
    environment: Mapping[str, str] = {
        # -l: takes the library by its file name; the link without a version belongs to a package of 100 MB.
        "THEANO_FLAGS": _flags(blas__ldflags="-l:libopenblas.so.0", base_compiledir=str(folder / "compiled")),
        # The linker looks for OpenBLAS in the one, and the loader for it and its Fortran library in the other.
        "LIBRARY_PATH": str(openblas),
        "LD_LIBRARY_PATH": f"{openblas}:{debian_libraries(folder)}",
    }
    return Launch((venv_python(folder),), environment)


def _loops(case: Case) -> str | None:
    problem = problem_of(case)
    if problem.dilation != (1, 1):
        return f"dilation {max(problem.dilation)}: Theano's loops (ConvOp) have none; ask for gemm"
    if case.pass_ is not Pass.FORWARD and problem.stride != (1, 1):
        return f"stride {max(problem.stride)}: Theano's loops (ConvOp) have gradients at stride 1 only; ask for gemm"
    return None


SPEC = FrameworkSpec(
    name="theano",
    title="Theano",
    adapter=adapter_file("theano"),
    install="cnnperf frameworks install theano",
    modules=("theano",),
    # A ~/.theanorc would change what is measured.
    environment={"THEANO_FLAGS": _flags(), "THEANORC": os.devnull},
    offers=(
        Offer(Algorithm.AUTO, limit=float32_only),
        Offer(Algorithm.GEMM, limit=float32_only),
        Offer(Algorithm.DIRECT, limit=in_every_way(float32_only, one_group, _loops)),
    ),
    absent={
        Algorithm.IMPLICIT_GEMM: "Theano on the CPU multiplies only images that im2col has unfolded; ask for gemm",
        Algorithm.FFT: "Theano has FFT convolution through cuDNN only",
        Algorithm.FFT_TILING: "Theano has FFT convolution through cuDNN only",
        Algorithm.WINOGRAD: "Theano has Winograd through cuDNN only",
    },
    recipe=Recipe(
        python="3.9",
        packages=("Theano-PyMC==1.1.2", "numpy==1.21.6", "scipy==1.11.4"),
        debian=("libopenblas0-pthread",),
        launch=launch,
        needs=(Need("g++", "Theano compiles every operation of a function with it", "apt-get install g++, or alike"),),
        probe=_PROBE,
    ),
    parallelism=("none beyond the threads of OpenBLAS: Theano has no data-parallel interface",),
)
