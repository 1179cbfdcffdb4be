"""CNTK 2.7 on the CPU: the direct convolution of its MKL 2018, or im2col and GEMM, in a Python 3.6 of its own."""

from __future__ import annotations

from pathlib import Path

from ..cases import Algorithm, Case, Pass
from .limits import float32_only, in_every_way, one_group, problem_of
from .recipe import DEBIAN_LIBRARIES, Launch, Recipe, debian_libraries, venv_python
from .spec import FrameworkSpec, Offer, adapter_file

# CNTK was built against OpenMPI 1; what it needs of it has other numbers today, and nothing else that it would miss.
_LINKS = {"libmpi.so.12": "libmpi.so.40", "libmpi_cxx.so.1": "libmpi_cxx.so.40"}

_UNFOLDED_BYTES = 1 << 30


def _launch(folder: Path) -> Launch:
    return Launch(
        command=(venv_python(folder),),
        environment={
            "LD_LIBRARY_PATH": f"{folder / 'links'}:{debian_libraries(folder)}",
            # OpenMPI finds its plugins by the former; alone, by the latter, it needs no daemon, which is not unpacked.
            "OPAL_PREFIX": str(folder / "debian" / "usr"),
            "OMPI_MCA_ess_singleton_isolated": "1",
            # A page about missing GPU libraries; what is needed and missing is told by the ImportError.
            "PYTHONWARNINGS": "ignore::UserWarning:cntk.cntk_py_init",
        },
    )


def _no_dilation(case: Case) -> str | None:
    rows, columns = problem_of(case).dilation
    if (rows, columns) == (1, 1):
        return None
    return f"dilation {rows}x{columns}: CNTK 2.7 has dilated convolution on a GPU only"


def _unfolded(case: Case) -> str | None:
    """One image must fit, of which the adapter unfolds as many at once as do; each gradient follows a forward pass."""
    problem = problem_of(case)
    taps = problem.r * problem.s
    columns = problem.p * problem.q * problem.c * taps
    if case.pass_ is Pass.BACKWARD_DATA:
        height, width = (size + 2 * pad for size, pad in zip((problem.h, problem.w), problem.pad, strict=True))
        columns = max(columns, (height * width + problem.c) * problem.k * taps)
    if 4 * columns <= _UNFOLDED_BYTES:
        return None
    return f"CNTK unfolds one image into {4e-9 * columns:.1f} GB in this pass, whatever the stride; ask for direct"


_DIRECT = in_every_way(float32_only, _no_dilation)
_GEMM = in_every_way(_DIRECT, one_group, _unfolded)

SPEC = FrameworkSpec(
    name="cntk",
    title="CNTK",
    adapter=adapter_file("cntk"),
    install="cnnperf frameworks install cntk",
    modules=("cntk",),
    # An idle OpenMP thread that spins takes the core of a neighbour, or of the control: 0.2 s of 0.5 s of idling.
    # MKL_DEBUG_CPU_TYPE is left to the caller: MKL 2018 runs its slowest kernels on a CPU of AMD's, and with 5 its AVX2
    # ones (measured: 35 and 12 ms forward, n4 c256 13x13 k384 3x3).
    environment={"OMP_WAIT_POLICY": "passive"},
    offers=(
        Offer(Algorithm.AUTO, limit=_DIRECT),
        Offer(Algorithm.DIRECT, limit=_DIRECT),
        Offer(Algorithm.GEMM, limit=_GEMM),
    ),
    absent={
        Algorithm.IMPLICIT_GEMM: "CNTK's GEMM engine always unfolds the image",
        Algorithm.FFT: "CNTK has no FFT convolution on the CPU",
        Algorithm.FFT_TILING: "CNTK has no FFT convolution on the CPU",
        Algorithm.WINOGRAD: "CNTK has no Winograd convolution on the CPU",
    },
    recipe=Recipe(
        launch=_launch,
        python="3.6",
        packages=("cntk==2.7.post2", "numpy==1.19.5", "scipy==1.5.4"),
        debian=("libopenmpi3",),
        links={f"links/{name}": f"debian/{DEBIAN_LIBRARIES}/{target}" for name, target in _LINKS.items()},
        probe="import cntk\ncntk.device.try_set_default_device(cntk.device.cpu())\n",
    ),
    parallelism=("data: MPI processes that all-reduce their gradients, with an mpiexec of the machine's",),
)
