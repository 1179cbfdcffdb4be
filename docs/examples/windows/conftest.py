"""The plugin's half of the example: one hook says how the framework is started and what it offers."""

from pathlib import Path

from pytest_cnnperf.cases import Algorithm, Pass
from pytest_cnnperf.frameworks.spec import FrameworkSpec, Offer


def pytest_cnnperf_frameworks():
    return [
        FrameworkSpec(
            name="windows",
            title="Sliding windows",
            adapter=Path(__file__).with_name("windows_adapter.py"),
            install="python -m pip install numpy",
            modules=("numpy",),
            offers=(Offer(Algorithm.GEMM, passes=frozenset({Pass.FORWARD})),),
            absent={Algorithm.FFT: "sliding windows multiply directly"},
        )
    ]
