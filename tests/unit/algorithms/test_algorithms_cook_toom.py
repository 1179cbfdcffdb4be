"""Winograd's matrices are exact; those in print are met to the last fraction."""

from __future__ import annotations

from fractions import Fraction

import pytest

from pytest_cnnperf.algorithms.cook_toom import cook_toom, operations, points, tile_operations
from pytest_cnnperf.errors import InvalidProblem


def fractions(text):
    return tuple(tuple(Fraction(part) for part in row.split()) for row in text.split(","))


@pytest.mark.parametrize("r", range(1, 8))
@pytest.mark.parametrize("m", range(1, 8))
def test_the_matrices_compute_a_correlation_exactly(m, r):
    # y_i = sum_jkl A_ij G_jk B_jl g_k d_l must be sum_k g_k d_(i+k): all coefficients are compared as fractions.
    matrices = cook_toom(m, r)
    side = m + r - 1
    for i in range(m):
        for k in range(r):
            for t in range(side):
                coefficient = sum(
                    matrices.output[i][j] * matrices.filter[j][k] * matrices.data[j][t] for j in range(side)
                )
                assert coefficient == (t == i + k)


def test_the_points_are_the_usual_ones():
    assert [str(point) for point in points(9)] == ["0", "1", "-1", "2", "-2", "1/2", "-1/2", "3", "-3"]


def test_f_2_3_is_that_of_lavin_and_gray():
    # arXiv 1509.09308, equation 4; they negate the last row of B^T together with the last column of A^T.
    matrices = cook_toom(2, 3)
    data, output = fractions("1 0 -1 0,0 1 1 0,0 -1 1 0,0 1 0 -1"), fractions("1 1 1 0,0 1 -1 -1")
    assert matrices.filter == fractions("1 0 0,1/2 1/2 1/2,1/2 -1/2 1/2,0 0 1")
    assert matrices.data == (*data[:3], tuple(-part for part in data[3]))
    assert matrices.output == tuple((*row[:3], -row[3]) for row in output)


def test_f_4_3_is_that_of_lavin_and_gray():
    matrices = cook_toom(4, 3)
    assert matrices.data == fractions(
        "4 0 -5 0 1 0,0 -4 -4 1 1 0,0 4 -4 -1 1 0,0 -2 -1 2 1 0,0 2 -1 -2 1 0,0 4 0 -5 0 1"
    )
    assert matrices.filter == fractions("1/4 0 0,-1/6 -1/6 -1/6,-1/6 1/6 -1/6,1/24 1/12 1/6,1/24 -1/12 1/6,0 0 1")
    assert matrices.output == fractions("1 1 1 1 1 0,0 1 -1 2 -2 0,0 1 1 4 4 0,0 1 -1 8 -8 1")


@pytest.mark.parametrize(
    ("m", "r", "amplification"),
    # Measured with these points: one-dimensional max_i sum |A||G||B| / r.
    [(2, 3, 2.7), (3, 3, 8.1), (4, 3, 16), (6, 3, 22.6), (8, 3, 299), (2, 5, 11.5), (4, 5, 17.4), (6, 5, 192)],
)
def test_larger_tiles_amplify_errors(m, r, amplification):
    matrices = cook_toom(m, r)
    assert matrices.amplification == pytest.approx(amplification, rel=0.02)
    assert 1 < matrices.typical_amplification < matrices.amplification


def test_the_transforms_of_f_2_3_cost_what_the_paper_counts():
    # Lavin and Gray, section 4.1: 32 operations for the data and 24 for the inverse transform, no sharing possible.
    matrices = cook_toom(2, 3)
    assert tile_operations(matrices.data) == 32
    assert tile_operations(matrices.output) == 24


@pytest.mark.parametrize(
    ("m", "data", "filters", "inverse"),
    # Supplement of Lavin and Gray (2464-supp.pdf), which shares subexpressions: 1-D counts per vector.
    [(3, 9, 7, 7), (6, 26, 13, 20)],
)
def test_counting_without_sharing_is_an_upper_bound_of_the_published_counts(m, data, filters, inverse):
    matrices = cook_toom(m, 3)
    assert data <= operations(matrices.data) <= 4 * data
    assert filters <= operations(matrices.filter) <= 4 * filters
    assert inverse <= operations(matrices.output) <= 4 * inverse


@pytest.mark.parametrize(("m", "r", "name"), [(0, 3, "m=0"), (2, 0, "r=0"), (2, -1, "r=-1")])
def test_a_size_below_one_is_refused(m, r, name):
    with pytest.raises(InvalidProblem, match=f"{name} must be at least 1"):
        cook_toom(m, r)
