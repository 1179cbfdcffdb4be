"""Caffe 1.0 of Debian 11 on the CPU: im2col and GEMM, in that system's own Python and C library."""

from __future__ import annotations

from pathlib import Path

from ..cases import Algorithm
from .limits import float32_only
from .recipe import Launch, Recipe, debian_libraries
from .spec import FrameworkSpec, Offer, adapter_file

_PROBE = """
import caffe
caffe.set_mode_cpu()
maps = open("/proc/self/maps").read()
assert "openblas" in maps, "Caffe loaded another BLAS than OpenBLAS"
"""


def _launch(folder: Path) -> Launch:
    """Through the tree's own loader: its glibc is older than most machines'."""
    tree, libraries = folder / "debian", debian_libraries(folder)
    own = tree / "lib" / libraries.name
    # No maintainer script has run, so that no libblas.so.3 is linked; OpenBLAS's own folder has one, and stands first.
    path = (libraries / "openblas-pthread", libraries, own, tree / "usr/lib", libraries / "hdf5/serial")
    loader = own / "ld-2.31.so"
    return Launch(
        command=(str(loader), "--library-path", ":".join(map(str, path)), str(tree / "usr/bin/python3.9")),
        environment={"PYTHONHOME": str(tree / "usr"), "PYTHONPATH": str(tree / "usr/lib/python3/dist-packages")},
    )


SPEC = FrameworkSpec(
    name="caffe",
    title="Caffe",
    adapter=adapter_file("caffe"),
    install="cnnperf frameworks install caffe",
    modules=("caffe",),
    environment={"GLOG_minloglevel": "2"},  # else each network that is made is told of in a hundred lines
    offers=(Offer(Algorithm.AUTO, limit=float32_only), Offer(Algorithm.GEMM, limit=float32_only)),
    absent={
        Algorithm.DIRECT: "Caffe has no direct convolution",
        Algorithm.IMPLICIT_GEMM: "Caffe's CPU engine always unfolds the image; its cuDNN engine needs a GPU",
        Algorithm.FFT: "Caffe has no FFT convolution on the CPU",
        Algorithm.FFT_TILING: "Caffe has no FFT convolution on the CPU",
        Algorithm.WINOGRAD: "Caffe has no Winograd convolution on the CPU",
    },
    recipe=Recipe(
        launch=_launch,
        debian=("python3-caffe", "libopenblas0-pthread"),
        whole=True,
        probe=_PROBE,
    ),
    parallelism=("data: GPUs of one machine over NCCL; on the CPU none beyond the threads of OpenBLAS",),
)
