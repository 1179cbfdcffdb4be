"""Theano as data: where its loops end, and how a worker is started in an environment of its own."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from pytest_cnnperf.cases import Algorithm, Case, Pass, Problem
from pytest_cnnperf.frameworks import hole
from pytest_cnnperf.frameworks.theano import SPEC

PLAIN = {"pad": 1}
STRIDED = {"pad": 1, "stride": 2}
DILATED = {"pad": 2, "dilation": 2}
GROUPED = {"pad": 1, "groups": 4}


def loops(pass_: Pass, **geometry) -> str | None:
    problem = Problem(2, 8, 14, 14, 8, 3, 3, **geometry)
    return hole(SPEC, Case("theano", "convolution", "custom", "layer", problem, pass_, Algorithm.DIRECT))


@pytest.mark.parametrize("pass_", Pass)
def test_loops_take_any_padding_in_every_pass(pass_):
    assert loops(pass_, **PLAIN) is None


def test_loops_take_a_stride_forward_only():
    # local_conv2d_gradweight_cpu and local_conv2d_gradinputs_cpu in theano/tensor/nnet/opt.py return nothing for it.
    assert loops(Pass.FORWARD, **STRIDED) is None
    for pass_ in (Pass.BACKWARD_DATA, Pass.BACKWARD_FILTER):
        assert loops(pass_, **STRIDED).startswith("stride 2: ")


@pytest.mark.parametrize("pass_", Pass)
@pytest.mark.parametrize(("geometry", "word"), [(DILATED, "dilation 2"), (GROUPED, "groups 1")])
def test_loops_take_neither_dilation_nor_groups(pass_, geometry, word):
    assert word in loops(pass_, **geometry)


def flags(environment) -> dict[str, str]:
    """THEANO_FLAGS as Theano splits them: at commas, with quotes as in a shell."""
    splitter = shlex.shlex(environment["THEANO_FLAGS"], posix=True)
    splitter.whitespace = ","
    splitter.whitespace_split = True
    return dict(pair.split("=", 1) for pair in splitter)


def test_what_is_compiled_lies_in_the_environment_whatever_its_path():
    folder = Path("/home/a user, and another/theano")

    launch = SPEC.recipe.launch(folder)

    assert flags(launch.environment)["base_compiledir"] == str(folder / "compiled")
    assert launch.command == (str(folder / "python" / "bin" / "python"),)


def test_the_linker_and_the_loader_find_the_environments_own_openblas():
    environment = SPEC.recipe.launch(Path("/e")).environment

    assert flags(environment)["blas__ldflags"] == "-l:libopenblas.so.0"
    assert environment["LIBRARY_PATH"] == "/e/debian/usr/lib/x86_64-linux-gnu/openblas-pthread"
    assert environment["LD_LIBRARY_PATH"].split(":") == [
        "/e/debian/usr/lib/x86_64-linux-gnu/openblas-pthread",
        "/e/debian/usr/lib/x86_64-linux-gnu",
    ]


def test_an_environment_changes_no_flag_that_every_theano_gets():
    everywhere = flags(SPEC.environment)

    assert everywhere == {"device": "cpu", "floatX": "float32", "openmp": "False"}
    assert everywhere.items() <= flags(SPEC.recipe.launch(Path("/e")).environment).items()
