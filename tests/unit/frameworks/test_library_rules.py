"""The rules by which NNPACK, PyTorch and TensorFlow choose, each against numbers worked out by hand."""

from __future__ import annotations

import pytest

from pytest_cnnperf.cases import Problem
from pytest_cnnperf.cases.networks import ALEXNET
from pytest_cnnperf.frameworks.tensorflow import deep_conv2d_is_cheaper
from pytest_cnnperf.frameworks.torch import nnpack_kernel, onednn_is_used


def square(n, size, side, pad=0, channels=8, **more):
    return Problem(n, channels, size, size, channels, side, side, pad=pad, **more)


@pytest.mark.parametrize("size", [6, 8, 12, 18, 24, 32])
def test_nnpack_takes_winograd_for_several_images_where_its_fingerprint_was_seen(size):
    # FACTS 3.3: relative error 3e-6 for these output sizes, 2e-7 for those of the next test.
    assert nnpack_kernel(square(2, size, 3, pad=1)) == "wt8x8"


@pytest.mark.parametrize("size", [13, 14, 27, 28, 42, 56])
def test_nnpack_takes_fft_for_several_images_where_its_fingerprint_was_seen(size):
    assert nnpack_kernel(square(2, size, 3, pad=1)) == "ft16x16"


@pytest.mark.parametrize("size", [6, 13, 14, 27, 28, 56])
def test_nnpack_takes_winograd_for_one_image_whatever_its_size(size):
    assert nnpack_kernel(square(1, size, 3, pad=1)) == "wt8x8"


@pytest.mark.parametrize(
    ("problem", "kernel"),
    [
        # 27 pixels: 7 x 7 tiles of 4 outputs are 49, more than 4 times the 3 x 3 tiles of 12 outputs, 36.
        (square(1, 27, 5, pad=2), "ft16x16"),
        # 16 pixels: 4 x 4 = 16 tiles of 4 outputs are just 4 times the 2 x 2 of 12.
        (square(1, 20, 5), "ft8x8"),
        (square(2, 24, 1), "ft8x8"),
        (square(1, 24, 1), "direct"),
        (square(2, 32, 9), "ft16x16"),
        (square(2, 32, 16), "ft16x16"),
        (square(2, 32, 17), None),
        (square(1, 32, 17), "implicit_gemm"),
        (square(4, 32, 3, stride=2), "implicit_gemm"),
        (square(2, 32, 3, pad=3), None),
        (square(2, 32, 3, dilation=2), None),
        (square(2, 32, 3, groups=2), None),
        (Problem(1, 8, 9, 9, 8, 1, 5), "implicit_gemm"),
    ],
)
def test_nnpack_chooses_by_filter_stride_and_number_of_tiles(problem, kernel):
    assert nnpack_kernel(problem) == kernel


@pytest.mark.parametrize(
    ("problem", "threads", "used"),
    # As torch._C._select_conv_backend of torch 2.13 answered: Mkldnn or Slow2d.
    [
        (square(1, 28, 1, channels=64), 1, False),
        (square(1, 28, 1, channels=64), 2, True),
        (square(2, 28, 1, channels=64), 1, False),
        (square(16, 28, 1, channels=64), 1, True),
        (square(1, 8, 3, channels=3), 1, False),
        (square(1, 8, 3, channels=3), 2, False),
        (square(2, 8, 3, channels=3), 1, True),
        (square(1, 8, 5, channels=3), 1, True),
        (square(2, 8, 1, channels=3, stride=2), 1, True),
        (square(1, 8, 1, channels=3, stride=2), 1, False),
    ],
)
def test_torch_hands_to_onednn_what_its_selector_said(problem, threads, used):
    assert onednn_is_used(problem, threads) is used


def test_tensorflow_prefers_winograd_where_many_filters_share_a_transform():
    # 13 x 13 outputs are 49 tiles; with c = 256 and k = 384 its model says 49 (256 c + 16 c k + 64 k) = 81 491 968
    # against 9 c k 169 = 149 520 384.
    assert deep_conv2d_is_cheaper(ALEXNET["conv3"].problem)
    # With c = 3 and k = 4: 49 (768 + 192 + 256) = 59 584 against 18 252.
    assert not deep_conv2d_is_cheaper(Problem(1, 3, 13, 13, 4, 3, 3, pad=1))
