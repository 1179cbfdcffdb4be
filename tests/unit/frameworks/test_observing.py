"""How a worker sees which algorithm ran: oneDNN's own lines, and the outputs that one huge pixel spoils."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest

from pytest_cnnperf.algorithms.registry import METHODS
from pytest_cnnperf.cases import Algorithm, Pass, Problem
from pytest_cnnperf.frameworks.spec import adapter_file


def loaded(name: str) -> ModuleType:
    """Worker code by its path, as a worker loads it."""
    spec = importlib.util.spec_from_file_location(f"tested_{name}", adapter_file(name))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ONEDNN = loaded("onednn_verbose")
PROBE = loaded("transform_probe")

# Lines of oneDNN 3.7.3 under TensorFlow 2.21, shortened behind the problem.
LINES = [
    "onednn_verbose,v1,info,cpu,isa:Intel AVX-512 with Intel DL Boost and bfloat16 support",
    "onednn_verbose,v1,primitive,info,template:operation,engine,primitive,implementation,prop_kind,memory_descriptors",
    "onednn_verbose,v1,primitive,create:cache_miss,cpu,reorder,jit:uni,undef,src:f32::blocked:acdb::f0,,,96x3x11x11,0.04",
    "onednn_verbose,v1,primitive,create:cache_miss,cpu,convolution,brg_conv_fwd:avx512_core,forward_training,src:f32,,,0.3",
    "onednn_verbose,v1,primitive,create:cache_hit,cpu,convolution,brg_conv_fwd:avx512_core,forward_training,src:f32,,,0.1",
]


def test_only_convolution_primitives_count_and_each_once():
    assert ONEDNN.implementations(LINES) == ["brg_conv_fwd:avx512_core"]


def test_no_convolution_line_says_nothing():
    assert ONEDNN.resolved(ONEDNN.implementations(LINES[:3])) is None


@pytest.mark.parametrize(
    ("implementation", "word"),
    [
        ("jit:avx512_core", "direct"),
        ("jit_1x1:avx512_core", "direct"),
        ("jit_dw:avx512_core", "direct"),
        ("ref:any", "direct"),
        ("brg_conv_fwd:avx512_core", "implicit_gemm"),
        ("brg_conv_bwd:avx512_core+brg_conv_fwd:avx512_core", "implicit_gemm"),
        ("brgconv_strided:avx512_core", "implicit_gemm"),
        ("brgconv_1x1:avx512_core", "implicit_gemm"),
        ("brdgmm_dw:avx512_core", "implicit_gemm"),
        ("jit_uni_ncsp_convolution:conv+brg_conv_fwd:avx512_core", "implicit_gemm"),
        ("jit_uni_ncsp_convolution:conv+jit:avx512_core", "direct"),
        ("x64:gemm:jit", "gemm"),
        ("ip:any+brg_matmul:avx512_core", "gemm"),
        ("something_new:avx10", None),
    ],
)
def test_an_implementation_belongs_to_the_algorithm_that_its_name_begins_with(implementation, word):
    assert ONEDNN.word(implementation) == word


def test_two_implementations_of_different_algorithms_are_named_but_not_called_one_of_them():
    resolved = ONEDNN.resolved(["jit:avx2", "x64:gemm:jit"])

    assert resolved["algorithm"] is None
    assert resolved["name"] == "oneDNN jit:avx2 + x64:gemm:jit"


def test_what_a_library_writes_to_fd_1_is_caught_and_nothing_of_it_gets_out():
    program = (
        f"import importlib.util, os\n"
        f"spec = importlib.util.spec_from_file_location('verbose', {os.fspath(adapter_file('onednn_verbose'))!r})\n"
        "verbose = importlib.util.module_from_spec(spec); spec.loader.exec_module(verbose)\n"
        "print('before')\n"
        "with verbose.caught_output() as lines:\n"
        "    os.write(1, b'of C\\n'); print('of Python')\n"
        "print('caught', lines)\n"
    )

    asked = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert asked.stdout.splitlines() == ["before", "caught ['of C', 'of Python']"]


class Asked:
    """A problem with the names that a case of the wire has."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def __getattr__(self, name: str) -> object:
        return getattr(self.problem, name)


def seen_tile(problem, algorithm, tile, candidates):
    x, w = PROBE.operands(Asked(problem))
    y = METHODS[algorithm].compute(problem, Pass.FORWARD, x, w, tile)
    assert y.dtype == np.float32, "the probe sees lost digits, so that the digits must be few"
    return PROBE.tile(Asked(problem), y, candidates)


SHAPES = [
    Problem(1, 4, 13, 13, 3, 3, 3, pad=1),
    Problem(2, 4, 14, 20, 3, 3, 3),
    Problem(1, 4, 9, 30, 3, 3, 3, pad=(2, 0)),
]


@pytest.mark.parametrize("problem", SHAPES, ids=lambda problem: problem.text)
@pytest.mark.parametrize("outputs", [2, 6])
def test_a_winograd_tile_is_seen_in_its_result(problem, outputs):
    assert seen_tile(problem, Algorithm.WINOGRAD, outputs, (4, 8, 16)) == outputs + 2


@pytest.mark.parametrize("problem", [*SHAPES, Problem(2, 4, 27, 27, 3, 5, 5, pad=2)], ids=lambda problem: problem.text)
@pytest.mark.parametrize("tile", [8, 16])
def test_an_fft_tile_is_seen_in_its_result(problem, tile):
    assert seen_tile(problem, Algorithm.FFT_TILING, tile, (8, 16)) == tile


@pytest.mark.parametrize("problem", SHAPES, ids=lambda problem: problem.text)
@pytest.mark.parametrize("algorithm", [Algorithm.DIRECT, Algorithm.GEMM])
def test_what_only_multiplies_and_adds_shows_no_tile(problem, algorithm):
    assert seen_tile(problem, algorithm, None, (4, 8, 16)) is None
