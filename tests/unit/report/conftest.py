"""Made-up results that look like a real run: AlexNet's five layers, three passes, three frameworks."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from pytest_cnnperf.cases import Algorithm, Case, Layout, Pass, Problem
from pytest_cnnperf.judging.verdict import Reason, Verdict
from pytest_cnnperf.report.outcome import Hole, Outcome
from pytest_cnnperf.report.report import Report

# AlexNet without groups, 227 x 227 (FACTS.md section 1).
LAYERS = {
    "conv1": Problem(1, 3, 227, 227, 96, 11, 11, stride=4),
    "conv2": Problem(1, 96, 27, 27, 256, 5, 5, pad=2),
    "conv3": Problem(1, 256, 13, 13, 384, 3, 3, pad=1),
    "conv4": Problem(1, 384, 13, 13, 384, 3, 3, pad=1),
    "conv5": Problem(1, 384, 13, 13, 256, 3, 3, pad=1),
}
# framework, algorithm, layout, share of the peak, what really ran
WAYS = (
    ("numpy", "direct", "nchw", 0.02, "loop over taps, tensordot"),
    ("numpy", "gemm", "nchw", 0.30, "im2col, matmul"),
    ("numpy", "fft", "nchw", 0.05, "numpy.fft.rfft2"),
    ("numpy", "winograd", "nchw", 0.11, "F(4×4, 3×3)"),
    ("tensorflow", "auto", "nhwc", 0.61, "jit:avx512_core"),
    ("tensorflow", "direct", "nhwc", 0.61, "jit:avx512_core"),
    ("tensorflow", "gemm", "nhwc", 0.35, "Eigen SpatialConvolution"),
    ("tensorflow", "winograd", "nhwc", 0.33, "deep_conv2d F(2×2, 3×3)"),
    ("torch", "auto", "nchw", 0.66, "oneDNN jit:avx512_core"),
    ("torch", "direct", "nchw", 0.66, "oneDNN jit:avx512_core"),
    ("torch", "gemm", "nchw", 0.31, "_slow_conv2d_forward"),
    ("torch", "implicit_gemm", "nhwc", 0.71, "oneDNN brg_conv_fwd:avx512_core"),
    ("torch", "fft", "nchw", 0.58, "NNPACK ft16x16"),
)
PEAK_FLOPS = 140.3e9


def make_case(
    framework: str = "torch",
    layer: str = "conv2",
    pass_: str = "forward",
    algorithm: str = "direct",
    layout: str = "nchw",
) -> Case:
    return Case(
        framework,
        "convolution",
        "alexnet",
        layer,
        LAYERS[layer],
        Pass(pass_),
        Algorithm(algorithm),
        layout=Layout(layout),
    )


def make_outcome(case: Case | None = None, **changes: Any) -> Outcome:
    """An outcome that ran, was right and is the same as its baseline, unless told otherwise."""
    case = case or make_case()
    usual: dict[str, Any] = {
        "key": case.key,
        "nodeid": f"perftests/test_convolutions.py::test_convolution[{case.key}]",
        "verdict": Verdict.SAME,
        "reason": Reason.WITHIN_THRESHOLD,
        "correct": True,
        "error_fraction": 0.0213,
        "resolved": "oneDNN jit:avx512_core",
        "samples": 40,
        "median_ns": 5_123_456,
        "control_median_ns": 4_000_000,
        "ratio": 1.2808,
        "ratio_low": 1.2757,
        "ratio_high": 1.2859,
        "first_call_ns": 9_000_000,
        "flops": 2 * case.problem.macs if case.problem else None,
        "workspace_bytes": 1 << 20,
        "baseline_ratio": 1.003,
        "baseline_low": 0.996,
        "baseline_high": 1.01,
        "resolution": 0.012,
        "threshold": 0.05,
        "duration_seconds": 1.6,
    }
    return Outcome(**{**usual, **changes})


def make_report(*outcomes: Outcome, **changes: Any) -> Report:
    usual: dict[str, Any] = {
        "machine": {"slug": "amd-epyc-2core", "cpu": "AMD EPYC", "cores": 2},
        "peak_flops": PEAK_FLOPS,
        "outcomes": outcomes,
        "holes": (),
        "seconds": 252.4,
        "threshold": 0.05,
        "compared": True,
        "command": "pytest perftests --cnnperf-compare",
    }
    return Report(**{**usual, **changes})


def make_day() -> Report:
    """A whole quick run with one finding of every kind."""
    luck = random.Random(1)
    outcomes = [
        _timed(make_case(framework, layer, pass_.value, algorithm, layout), share, resolved, luck)
        for framework, algorithm, layout, share, resolved in WAYS
        for layer in LAYERS
        for pass_ in Pass
        if not (algorithm in ("winograd", "fft") and layer == "conv1")
        and not (algorithm == "winograd" and layer == "conv2")
        and not (framework == "tensorflow" and algorithm == "winograd" and pass_ is not Pass.FORWARD)
    ]
    for index, changes in _FINDINGS.items():
        outcomes[index] = Outcome(**{**outcomes[index].__dict__, **changes})
    holes = (
        Hole("numpy", "fft", "fft needs stride 1, got 4", 3),
        Hole("numpy", "winograd", "winograd needs stride 1, got 4", 3),
        Hole("numpy", "winograd", "winograd F(4×4) of this framework is 3×3 only, got 5×5", 3),
        Hole("numpy", "implicit_gemm", "NumPy has no implicit_gemm", 15),
        Hole("numpy", "fft_tiling", "NumPy has no fft_tiling", 15),
        Hole("tensorflow", "fft", "TensorFlow has no FFT convolution on a CPU", 15),
        Hole("tensorflow", "winograd", "deep conv2d is a forward convolution only", 6),
        Hole("tensorflow", "winograd", "winograd needs stride 1, got 4", 3),
        Hole("torch", "fft", "fft needs stride 1, got 4", 3),
        Hole(
            "torch",
            "winograd",
            "NNPACK takes its FFT here: its rule t8 <= 4*t16 with t8 = ceil(P/6)*ceil(Q/6) does not hold",
            9,
        ),
    )
    return make_report(
        *outcomes,
        holes=holes,
        written=("12 new baseline entries in baselines/amd-epyc-2core/torch.json",),
        unused=(make_case("torch", "conv1", "forward", "fft").key,),
        notices=("the control ran 11 % slower in the middle of the run: other processes were busy",),
    )


def _timed(case: Case, share: float, resolved: str, luck: random.Random) -> Outcome:
    assert case.problem is not None
    slower = {"forward": 1.0, "backward_data": 1.15, "backward_filter": 1.3}[str(case.pass_)]
    ns = round(2 * case.problem.macs / (PEAK_FLOPS * share) * 1e9 * slower * luck.uniform(0.85, 1.15))
    noise = luck.choice((0.002, 0.004, 0.006, 0.011, 0.023))
    ratio, moved = ns / 4e6, luck.gauss(1, 0.006)
    return make_outcome(
        case,
        resolved=resolved,
        median_ns=ns,
        ratio=ratio,
        ratio_low=ratio * (1 - noise),
        ratio_high=ratio * (1 + noise),
        baseline_ratio=moved,
        baseline_low=moved * (1 - 1.4 * noise),
        baseline_high=moved * (1 + 1.4 * noise),
        error_fraction=luck.uniform(0.0004, 0.3),
    )


_FINDINGS: dict[int, dict[str, Any]] = {
    10: {
        "verdict": Verdict.WRONG,
        "reason": Reason.RESULT_OUTSIDE_BOUND,
        "correct": False,
        "error_fraction": 731.4,
        "median_ns": None,
        "ratio": None,
        "ratio_low": None,
        "ratio_high": None,
        "baseline_ratio": None,
        "detail": "dw[17, 3, 0, 2]: got 0.71828, expected 0.31415, bound 5.5e-4 of the sum of |x||dy|",
    },
    60: {
        "verdict": Verdict.SLOWER,
        "reason": Reason.RATIO_ABOVE_THRESHOLD,
        "baseline_ratio": 1.2034,
        "baseline_low": 1.189,
        "baseline_high": 1.218,
        "detail": "the whole interval lies above +5 %; the control itself did not change",
    },
    80: {
        "verdict": Verdict.UNDECIDED,
        "reason": Reason.INTERVAL_TOO_WIDE,
        "baseline_ratio": 1.031,
        "baseline_low": 0.97,
        "baseline_high": 1.09,
        "detail": "the interval crosses +5 %; these 40 samples can show changes of 6.1 % or more",
    },
    100: {
        "verdict": Verdict.FASTER,
        "reason": Reason.RATIO_BELOW_THRESHOLD,
        "baseline_ratio": 0.87,
        "baseline_low": 0.86,
        "baseline_high": 0.88,
    },
    125: {
        "verdict": Verdict.UNKNOWN,
        "reason": Reason.ALGORITHM_FALLBACK,
        "resolved": "direct: oneDNN jit:avx512_core",
        "baseline_ratio": None,
        "detail": "asked for gemm; the backend selector says Mkldnn",
    },
    130: {
        "verdict": Verdict.UNKNOWN,
        "reason": Reason.WORKER_FAILED,
        "median_ns": None,
        "ratio": None,
        "ratio_low": None,
        "ratio_high": None,
        "baseline_ratio": None,
        "error_fraction": None,
        "correct": None,
        "resolved": "unknown",
        "detail": "the worker was ended by signal 11 in 'time'; its stderr ended with: Segmentation fault",
    },
    140: {"verdict": Verdict.UNKNOWN, "reason": Reason.NO_BASELINE, "baseline_ratio": None},
}


@pytest.fixture
def case() -> Callable[..., Case]:
    return make_case


@pytest.fixture
def outcome() -> Callable[..., Outcome]:
    return make_outcome


@pytest.fixture
def report() -> Callable[..., Report]:
    return make_report


@pytest.fixture
def day() -> Report:
    return make_day()
