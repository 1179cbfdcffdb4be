"""NumPy's four algorithms against the definition, and their transforms against the identities behind them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_cnnperf.cases import Algorithm, Case, Pass, Problem
from pytest_cnnperf.host.remote import to_wire
from pytest_cnnperf.worker import control, wire
from pytest_cnnperf.worker.kernels import direct, fft, gemm, winograd

KERNELS = {"direct": direct.Direct, "gemm": gemm.Gemm, "fft": fft.Fft, "winograd": winograd.Winograd}
IDENTITY = np.eye(6)


@pytest.mark.parametrize(("outputs", "taps"), [(4, 3), (2, 5), (3, 4), (5, 2)])
def test_the_winograd_literals_fulfil_the_one_dimensional_identity(outputs, taps):
    # y_j = Σ_i d_{j+i} g_i, for every basis vector d and g; all are small fractions, so only the last bit rounds.
    made = np.einsum(
        "ja,ai,ab->jib", winograd.output_transform(outputs), winograd.filter_transform(taps), winograd.INPUT
    )
    expected = np.array([[IDENTITY[j + i] for i in range(taps)] for j in range(outputs)])
    np.testing.assert_allclose(made, expected, atol=1e-14)


@pytest.mark.parametrize("sizes", [(6, 5), (8, 8), (9, 10), (5, 4)])
@pytest.mark.parametrize("taps", [(1, 1), (3, 2), (4, 4)])
def test_the_matrix_of_the_taps_is_rfft2_and_its_inverse_gives_the_taps_back(taps, sizes):
    filters = np.random.default_rng(0).standard_normal(taps)
    real, imaginary = fft.tap_spectrum(taps, sizes) @ filters.ravel()
    expected = np.fft.rfft2(filters, s=sizes).ravel()
    np.testing.assert_allclose(real + 1j * imaginary, expected, atol=1e-12)
    whole = np.random.default_rng(1).standard_normal(sizes)
    spectrum = np.fft.rfft2(whole).ravel()
    got = fft.inverse_tap_spectrum(taps, sizes) @ np.concatenate([spectrum.real, spectrum.imag])
    np.testing.assert_allclose(got.reshape(taps), whole[: taps[0], : taps[1]], atol=1e-12)


def test_a_fast_size_has_only_small_primes_and_none_is_left_out():
    assert [fft.fast_size(size) for size in (1, 7, 11, 13, 31, 37, 227)] == [1, 8, 12, 15, 32, 40, 240]


def run(case, operands):
    kernel = KERNELS[case.algorithm.value](wire.Case(to_wire(case)), np.float64)
    kernel.fill(operands)
    kernel.run()
    first = kernel.output()
    kernel.run()
    np.testing.assert_array_equal(kernel.output(), first, err_msg="a second run must not see the first")
    return first


SIZES = st.integers(1, 4)
PROBLEMS = st.builds(
    lambda n, c, k, r, s, pad, more, groups, **steps: Problem(
        n, c * groups, r * 2 + more[0], s * 2 + more[1], k * groups, r, s, pad=pad, groups=groups, **steps
    ),
    n=SIZES, c=SIZES, k=SIZES, r=SIZES, s=SIZES, pad=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    more=st.tuples(st.integers(0, 6), st.integers(0, 6)), groups=st.integers(1, 2),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)), dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
)  # fmt: skip
LIGHT = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@LIGHT
@given(problem=PROBLEMS)
@pytest.mark.parametrize("algorithm", [Algorithm.DIRECT, Algorithm.GEMM])
@pytest.mark.parametrize("pass_", list(Pass))
def test_direct_and_gemm_compute_any_problem(case_of, operands_of, by_definition, problem, pass_, algorithm):
    case = case_of(problem, pass_, algorithm)
    operands = operands_of(case)
    # Integers: exact whatever the order of summation.
    np.testing.assert_array_equal(run(case, operands), by_definition(case, operands))


@LIGHT
@given(
    n=SIZES,
    c=SIZES,
    k=SIZES,
    size=st.tuples(st.integers(5, 12), st.integers(5, 12)),
    taps=st.sampled_from([3, 5]),
    pad=st.tuples(*[st.integers(0, 2)] * 2),
)
@pytest.mark.parametrize("algorithm", [Algorithm.FFT, Algorithm.WINOGRAD])
@pytest.mark.parametrize("pass_", list(Pass))
def test_fft_and_winograd_compute_any_problem_of_theirs(
    case_of, operands_of, by_definition, n, c, k, size, taps, pad, pass_, algorithm
):
    case = case_of(Problem(n, c, *size, k, taps, taps, pad=pad), pass_, algorithm)
    operands = operands_of(case)
    truth = by_definition(case, operands)
    # float64 rounding, amplified by F(2x2,5x5) at most some hundred times, on values below 1e4.
    np.testing.assert_allclose(run(case, operands), truth, atol=1e-9)


def test_the_fft_takes_its_filters_in_blocks_without_changing_the_result(
    case_of, operands_of, by_definition, monkeypatch
):
    monkeypatch.setattr(fft, "_BLOCK_BYTES", 7000)
    for pass_ in Pass:
        case = case_of(Problem(2, 3, 8, 9, 7, 3, 3, pad=1), pass_, Algorithm.FFT)
        operands = operands_of(case)
        kernel = fft.Fft(wire.Case(to_wire(case)), np.float64)
        # Of 7 filters, or of 3 channels for the gradient of the images; the last block is a smaller one.
        assert (kernel.block, kernel.blocked) == ((1, 3) if pass_ is Pass.BACKWARD_DATA else (2, 7))
        np.testing.assert_allclose(run(case, operands), by_definition(case, operands), atol=1e-9)


@pytest.mark.parametrize(
    ("why_not", "change", "reason"),
    [
        (fft.why_not, {"stride": (4, 4)}, "fft needs stride 1, got (4, 4)"),
        (fft.why_not, {"dilation": (2, 1)}, "fft needs dilation 1, got (2, 1)"),
        (fft.why_not, {"groups": 2}, "fft needs groups 1, got 2"),
        (winograd.why_not, {"r": 11}, "winograd needs a 3x3 or 5x5 filter, got 11x3"),
        (winograd.why_not, {"stride": (2, 2)}, "winograd needs stride 1, got (2, 2)"),
        (winograd.why_not, {"pass_": "backward_data", "pad": (3, 0)}, "winograd needs pad below the filter's size"),
        (winograd.why_not, {}, ""),
        (fft.why_not, {}, ""),
    ],
)
def test_what_cannot_be_computed_has_a_reason(why_not, change, reason):
    plain = {"r": 3, "s": 3, "stride": (1, 1), "dilation": (1, 1), "groups": 1, "pad": (1, 1), "pass_": "forward"}
    why = why_not(SimpleNamespace(**{**plain, **change}))
    assert why.startswith(reason)
    assert bool(why) == bool(reason)


def test_the_control_is_deterministic_and_stays_finite():
    first, second = control.Unfolded(), control.Unfolded()
    first.run()
    for _ in range(3):
        second.run()
    assert np.isfinite(first.result).all()
    np.testing.assert_array_equal(first.result, second.result)


def test_the_convolution_of_the_control_is_one(by_definition):
    unfolded = control.Unfolded()
    unfolded.run()
    problem = Problem(
        1, control._CHANNELS, control._IMAGE, control._IMAGE, control._FILTERS, control._KERNEL, control._KERNEL
    )
    case = Case("fake", "convolution", "custom", "control", problem, Pass.FORWARD, Algorithm.GEMM)
    truth = by_definition(case, {"x": unfolded.images[None], "w": unfolded.filters.reshape(problem.w_shape)})
    np.testing.assert_allclose(unfolded.result.reshape(problem.y_shape), truth, atol=1e-4)
