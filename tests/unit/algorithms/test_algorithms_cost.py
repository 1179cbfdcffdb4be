"""Costs are those of the literature, for the layers of AlexNet."""

from __future__ import annotations

from math import log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_cnnperf.algorithms import constraint, cost
from pytest_cnnperf.algorithms.registry import METHODS
from pytest_cnnperf.cases import Algorithm, Pass, Problem
from pytest_cnnperf.cases.networks import ALEXNET
from pytest_cnnperf.cases.strategies import problems
from pytest_cnnperf.errors import InvalidProblem, UsageError

MEGABYTE = 1e6


def layer(name, batch=256):
    return ALEXNET[name].problem.with_batch(batch)


def relative_multiplications(algorithm, problem, tile):
    return cost(algorithm, problem, Pass.FORWARD, tile=tile).multiplications / problem.macs


@pytest.mark.parametrize(
    ("m", "r", "reduction"),
    # (m r)^2 / (m + r - 1)^2
    [
        (2, 3, 2.25),
        (3, 3, 3.24),
        (4, 3, 4.0),
        (6, 3, 5.0625),
        (8, 3, 5.76),
        (2, 5, 100 / 36),
        (4, 5, 6.25),
        (6, 5, 9.0),
    ],
)
@pytest.mark.parametrize("pass_", Pass)
def test_winograd_saves_its_factor_when_tiles_fit(m, r, reduction, pass_):
    # 24 is a multiple of all tiles, and padding makes dx as large as y.
    problem = Problem(2, 3, 24, 24, 5, r, r, pad=r // 2)
    assert problem.macs / cost(Algorithm.WINOGRAD, problem, pass_, tile=m).multiplications == pytest.approx(reduction)


@pytest.mark.parametrize(
    ("name", "winograd", "tiled_fft"),
    # Multiplications relative to direct: F(2), F(4), F(6); FFT tiles 8, 16, 32. 13x13 rounds badly.
    [
        ("conv2", (0.387, 0.172, 0.137), (0.430, 0.284, 0.119)),
        ("conv3", (0.515, 0.379, 0.379), (0.947, 0.379, 1.431)),
        ("conv4", (0.515, 0.379, 0.379), (0.947, 0.379, 1.431)),
        ("conv5", (0.515, 0.379, 0.379), (0.947, 0.379, 1.431)),
    ],
)
def test_multiplications_relative_to_direct(name, winograd, tiled_fft):
    problem = layer(name)
    for m, expected in zip((2, 4, 6), winograd, strict=True):
        assert relative_multiplications(Algorithm.WINOGRAD, problem, m) == pytest.approx(expected, abs=0.0006)
    for side, expected in zip((8, 16, 32), tiled_fft, strict=True):
        assert relative_multiplications(Algorithm.FFT_TILING, problem, side) == pytest.approx(expected, abs=0.0006)


@pytest.mark.parametrize(("name", "side"), [("conv2", 32), ("conv3", 16)])
def test_an_unasked_fft_tile_is_the_one_that_multiplies_least(name, side):
    problem = layer(name)
    assert cost(Algorithm.FFT_TILING, problem, Pass.FORWARD) == cost(
        Algorithm.FFT_TILING, problem, Pass.FORWARD, tile=side
    )


@pytest.mark.parametrize(("name", "m"), [("conv2", 4), ("conv3", 6)])
def test_an_unasked_winograd_tile_is_the_largest_in_common_use(name, m):
    problem = layer(name)
    assert cost(Algorithm.WINOGRAD, problem, Pass.FORWARD) == cost(Algorithm.WINOGRAD, problem, Pass.FORWARD, tile=m)


def mathieu_operations(problem):
    """arXiv 1312.5851, section 2.2: 2 C n^2 log n (f'S + fS + f'f) + 4 S f' f n^2, with C = 2.5 and padded n."""
    n, images, f, g = problem.h + 2 * problem.pad[0], problem.n, problem.c, problem.k
    return 2 * 2.5 * n**2 * log2(n) * (g * images + f * images + g * f) + 4 * images * g * f * n**2


@pytest.mark.parametrize(("name", "ratio"), [("conv2", 0.235), ("conv3", 0.62), ("conv5", 0.62)])
def test_operations_of_the_whole_fft_are_those_of_mathieu(name, ratio):
    problem = layer(name)
    assert mathieu_operations(problem) / problem.macs == pytest.approx(ratio, abs=0.005)
    # He counts n/2 columns of the half spectrum, which really has n/2 + 1: 1/15 more at n = 15.
    flops = cost(Algorithm.FFT, problem, Pass.FORWARD).flops
    assert mathieu_operations(problem) < flops < mathieu_operations(problem) * (1 + 1 / 15)


@pytest.mark.parametrize(("name", "megabytes"), [("conv2", 455), ("conv3", 252), ("conv4", 330), ("conv5", 252)])
@pytest.mark.parametrize("pass_", Pass)
def test_buffers_of_the_whole_fft_are_those_of_mathieu(name, megabytes, pass_):
    # 4 n (n + 1) (S f + S f' + f f') bytes for odd n; the three buffers are the same in every pass.
    assert cost(Algorithm.FFT, layer(name), pass_).workspace_bytes / MEGABYTE == pytest.approx(megabytes, abs=0.5)


@pytest.mark.parametrize("side", [8, 16, 32])
@pytest.mark.parametrize("name", ["conv3", "conv4", "conv5"])
def test_buffers_of_the_tiled_fft_are_the_half_spectra_of_all_tiles(name, side):
    # 8 t (t / 2 + 1) (N T C + N T K + C K) bytes, with T tiles of t - 2 outputs a side (3 x 3 filters).
    problem = layer(name)
    per_side = -(-13 // (side - 2))
    images = problem.n * per_side**2 * (problem.c + problem.k)
    expected = 8 * side * (side // 2 + 1) * (images + problem.c * problem.k)
    assert cost(Algorithm.FFT_TILING, problem, Pass.FORWARD, tile=side).workspace_bytes == expected


@pytest.mark.parametrize(
    ("name", "of_one", "of_256"),
    [("conv1", 4.39, 1124), ("conv2", 7.00, 1792), ("conv3", 1.56, 399), ("conv4", 2.34, 598), ("conv5", 2.34, 598)],
)
def test_im2col_needs_its_megabytes_for_each_image(name, of_one, of_256):
    workspace = cost(Algorithm.GEMM, layer(name), Pass.FORWARD).workspace_bytes
    assert workspace / MEGABYTE == pytest.approx(of_one, abs=0.006)
    assert workspace * 256 / MEGABYTE == pytest.approx(of_256, abs=0.6)


@pytest.mark.parametrize(
    ("name", "gflop"),
    [("conv1", 54.0), ("conv2", 229.3), ("conv3", 76.6), ("conv4", 114.8), ("conv5", 76.6)],
)
@pytest.mark.parametrize("algorithm", [Algorithm.DIRECT, Algorithm.GEMM, Algorithm.IMPLICIT_GEMM])
@pytest.mark.parametrize("pass_", Pass)
def test_direct_and_gemm_take_two_flops_per_multiply_accumulate(name, gflop, algorithm, pass_):
    assert cost(algorithm, layer(name), pass_).flops / 1e9 == pytest.approx(gflop, abs=0.06)


def test_fast_algorithms_execute_fewer_flops_and_fft_the_most_memory():
    # The paper's ordering for conv2 to conv5 at batch 256, with gemm unrolled one image at a time.
    for name in ("conv2", "conv3", "conv4", "conv5"):
        fft, winograd, gemm, implicit = (
            cost(algorithm, layer(name), Pass.FORWARD)
            for algorithm in (Algorithm.FFT, Algorithm.WINOGRAD, Algorithm.GEMM, Algorithm.IMPLICIT_GEMM)
        )
        assert max(fft.flops, winograd.flops) < gemm.flops
        assert min(fft.workspace_bytes, winograd.workspace_bytes) > gemm.workspace_bytes > implicit.workspace_bytes == 0


def test_the_unfused_winograd_workspace_is_its_three_transformed_arrays():
    # F(2, 3) on a 4x4 image: 16 points, C K = 6 filters, 2 images of 4 tiles in 2 and 3 channels; float32.
    problem = Problem(2, 2, 4, 4, 3, 3, 3, pad=1)
    assert cost(Algorithm.WINOGRAD, problem, Pass.FORWARD, tile=2).workspace_bytes == 4 * 16 * (
        6 + 2 * 4 * 2 + 2 * 4 * 3
    )


def test_transforms_of_winograd_are_counted():
    # F(2, 3), one tile, one channel. Its two rows of halves take 2 additions and 3 multiplications each, and G g G^T
    # applies G to 3 columns and then to 4 rows.
    problem = Problem(1, 1, 4, 4, 1, 3, 3)
    filter_operations = 2 * (2 + 3) * (3 + 4)
    assert cost(Algorithm.WINOGRAD, problem, Pass.FORWARD, tile=2).flops == 2 * 16 + 32 + 24 + filter_operations


@settings(deadline=None)
@given(problems(), st.sampled_from(Pass), st.sampled_from(sorted(METHODS)))
def test_every_cost_is_positive_and_moves_at_least_its_operands(problem, pass_, algorithm):
    if constraint(algorithm, problem, pass_) is not None:
        with pytest.raises(InvalidProblem, match=str(algorithm)):
            cost(algorithm, problem, pass_)
        return
    result = cost(algorithm, problem, pass_)
    assert 0 < result.multiplications < result.flops
    operands = sum(a * b * c * d for a, b, c, d in (problem.x_shape, problem.w_shape, problem.y_shape))
    assert result.bytes == 4 * operands + 2 * result.workspace_bytes


def test_auto_has_no_cost_of_its_own():
    with pytest.raises(UsageError, match="auto"):
        cost(Algorithm.AUTO, layer("conv1"), Pass.FORWARD)
