"""NumPy as a framework: four convolution algorithms of its own, each in all three passes."""

import numpy as np
from cnnperf_worker.kernels import fft, winograd
from cnnperf_worker.kernels.direct import Direct
from cnnperf_worker.kernels.fft import Fft
from cnnperf_worker.kernels.gemm import Gemm
from cnnperf_worker.kernels.winograd import Winograd
from wire import NotOffered

ALGORITHMS = {"direct": Direct, "gemm": Gemm, "fft": Fft, "winograd": Winograd}
CONSTRAINTS = {"fft": fft.why_not, "winograd": winograd.why_not}
DTYPES = ("float32", "float64")


class Adapter:
    """A handle is a kernel with its buffers; NumPy is done when it returns."""

    def info(self):
        return {"framework": "numpy", "version": np.__version__, "libraries": _blas()}

    def prepare(self, case, arrays):
        reason = _why_not(case)
        if reason:
            raise NotOffered(reason)
        kernel = ALGORITHMS[case.algorithm](case, np.dtype(case.dtype))
        kernel.fill(arrays)
        return kernel

    def fill(self, handle, arrays):
        handle.fill(arrays)

    def run(self, handle):
        handle.run()

    def synchronize(self):
        pass

    def output(self, handle):
        return handle.output()

    def resolved(self, handle):
        return {
            "algorithm": handle.case.algorithm,
            "name": handle.name,
            "tile": handle.tile,
            "workspace_bytes": handle.workspace_bytes,
        }

    def close(self):
        pass


def _why_not(case):
    for name, known in (
        ("workload", ("convolution",)),
        ("algorithm", tuple(ALGORITHMS)),
        ("dtype", DTYPES),
        ("layout", ("nchw",)),
        ("device_kind", ("cpu",)),
    ):
        if getattr(case, name) not in known:
            return "%s %s: NumPy has %s" % (name, getattr(case, name), ", ".join(known))
    return CONSTRAINTS[case.algorithm](case) if case.algorithm in CONSTRAINTS else ""


def _blas():
    """Name and version of the BLAS, where this NumPy tells it."""
    try:
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    except (TypeError, KeyError):  # before NumPy 1.25 it could only print
        return {}
    return {str(blas.get("name", "blas")): str(blas.get("version", "unknown"))}
