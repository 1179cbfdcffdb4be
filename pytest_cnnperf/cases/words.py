"""The closed sets of words that name a case; the same words stand in keys, options, JSON and file names."""

from __future__ import annotations

from enum import Enum


class Word(str, Enum):
    """A member of a closed set; its value is the word itself."""

    def __str__(self) -> str:
        return str(self.value)


class Pass(Word):
    """Which of the three convolutions of training: the result, the gradient of the input, or of the filter."""

    FORWARD = "forward"
    BACKWARD_DATA = "backward_data"
    BACKWARD_FILTER = "backward_filter"


class Algorithm(Word):
    """How a convolution is computed; `AUTO` leaves the choice to the framework."""

    AUTO = "auto"
    DIRECT = "direct"
    GEMM = "gemm"
    IMPLICIT_GEMM = "implicit_gemm"
    FFT = "fft"
    FFT_TILING = "fft_tiling"
    WINOGRAD = "winograd"


class Layout(Word):
    """Order of the dimensions of the images in memory."""

    NCHW = "nchw"
    NHWC = "nhwc"


class DType(Word):
    """Type in which a framework computes; TF32 and bfloat16 are compute types of their own."""

    FLOAT32 = "float32"
    FLOAT64 = "float64"
    TF32 = "tf32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


class DeviceKind(Word):
    """What computes: cores of the CPU, or GPUs."""

    CPU = "cpu"
    CUDA = "cuda"


class Clock(Word):
    """What a sample counts; samples of different clocks are never compared.

    `PROCESS_CPU`: CPU time of the whole worker process (one core). `WALL`: elapsed time (several cores).
    `DEVICE_COLD`: device events, L2 cache flushed before each sample. `DEVICE_HOT`: device events, graph replay.
    """

    PROCESS_CPU = "process_cpu"
    WALL = "wall"
    DEVICE_COLD = "device_cold"
    DEVICE_HOT = "device_hot"
