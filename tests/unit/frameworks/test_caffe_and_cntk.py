"""How Caffe and CNTK are started in their environments, and what they do not offer; none of them is needed here."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_cnnperf.cases import Algorithm, Case, DType, Pass, Problem
from pytest_cnnperf.frameworks import caffe, cntk, hole

FOLDER = Path("/cache/environments/some")
TREE = FOLDER / "debian"
CONV1 = Problem(1, 3, 227, 227, 96, 11, 11, stride=4)
PLAIN = Problem(2, 8, 14, 14, 8, 3, 3, pad=1)


def why(spec, algorithm, problem=PLAIN, pass_=Pass.FORWARD, **more):
    return hole(spec, Case(spec.name, "convolution", "n", "l", problem, pass_, algorithm, **more))


def test_caffe_is_started_by_the_loader_of_its_own_tree_with_openblas_before_any_other_blas():
    launch = caffe.SPEC.recipe.launch(FOLDER)

    loader, option, path, python = launch.command
    assert loader == str(TREE / "lib/x86_64-linux-gnu/ld-2.31.so")
    assert (option, python) == ("--library-path", str(TREE / "usr/bin/python3.9"))
    assert path.split(":")[0] == str(TREE / "usr/lib/x86_64-linux-gnu/openblas-pthread")
    assert all(folder.startswith(str(TREE)) for folder in path.split(":"))


def test_caffe_finds_its_modules_in_its_own_tree_only():
    environment = caffe.SPEC.recipe.launch(FOLDER).environment

    assert environment == {
        "PYTHONHOME": str(TREE / "usr"),
        "PYTHONPATH": str(TREE / "usr/lib/python3/dist-packages"),
    }


def test_cntk_finds_the_mpi_that_it_was_built_for_under_the_links():
    recipe = cntk.SPEC.recipe
    launch = recipe.launch(FOLDER)

    assert launch.command == (str(FOLDER / "python/bin/python"),)
    assert launch.environment["OPAL_PREFIX"] == str(TREE / "usr")
    first, second = launch.environment["LD_LIBRARY_PATH"].split(":")
    assert {Path(link).name for link in recipe.links if FOLDER / Path(link).parent == Path(first)} == {
        "libmpi.so.12",
        "libmpi_cxx.so.1",
    }
    assert {FOLDER / Path(target).parent for target in recipe.links.values()} == {Path(second)}


@pytest.mark.parametrize(
    ("spec", "asked", "reason"),
    [
        (caffe.SPEC, {"algorithm": Algorithm.WINOGRAD}, "no Winograd convolution on the CPU"),
        (caffe.SPEC, {"algorithm": Algorithm.IMPLICIT_GEMM}, "always unfolds the image"),
        (caffe.SPEC, {"algorithm": Algorithm.GEMM, "dtype": DType.BFLOAT16}, "offered in float32 only"),
        (cntk.SPEC, {"algorithm": Algorithm.FFT}, "no FFT convolution on the CPU"),
        (
            cntk.SPEC,
            {"algorithm": Algorithm.AUTO, "problem": Problem(1, 4, 9, 9, 4, 3, 3, dilation=(1, 2))},
            "dilation 1x2: CNTK 2.7 has dilated convolution on a GPU only",
        ),
        (
            cntk.SPEC,
            {"algorithm": Algorithm.GEMM, "problem": Problem(1, 4, 9, 9, 4, 3, 3, groups=2)},
            "gemm needs groups 1, got 2",
        ),
        (
            # AlexNet's conv1: (227 * 227 + 3) * 96 * 121 floats, although 55 * 55 pixels would do.
            cntk.SPEC,
            {"algorithm": Algorithm.GEMM, "problem": CONV1, "pass_": Pass.BACKWARD_DATA},
            "CNTK unfolds one image into 2.4 GB in this pass",
        ),
    ],
)
def test_a_limit_is_a_hole_with_its_reason(spec, asked, reason):
    said = why(spec, **asked)

    assert said is not None
    assert reason in said


@pytest.mark.parametrize("pass_", list(Pass))
def test_caffe_offers_dilation_and_groups_in_every_pass(pass_):
    problem = Problem(2, 8, 15, 15, 16, 3, 3, stride=2, pad=1, dilation=(2, 1), groups=2)

    assert why(caffe.SPEC, Algorithm.GEMM, problem, pass_) is None


def test_cntk_offers_gemm_where_one_unfolded_image_fits_however_many_there_are():
    for pass_ in (Pass.FORWARD, Pass.BACKWARD_FILTER):
        assert why(cntk.SPEC, Algorithm.GEMM, CONV1.with_batch(512), pass_) is None
