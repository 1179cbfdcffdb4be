"""What XLA makes of a convolution: the rule that the offers follow, and what is read from a compiled program."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest

from pytest_cnnperf.cases import Algorithm, Case, Pass, Problem
from pytest_cnnperf.cases.networks import ALEXNET
from pytest_cnnperf.frameworks import hole
from pytest_cnnperf.frameworks.jax import SPEC, without_ynnpack
from pytest_cnnperf.frameworks.spec import adapter_file


def loaded(name: str) -> ModuleType:
    """Worker code by its path, as a worker loads it."""
    spec = importlib.util.spec_from_file_location(f"tested_{name}", adapter_file(name))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


XLA = loaded("xla_text")

# Lines of programs that jaxlib 0.10.2 compiled, without metadata.
YNNPACK = """
%fused_computation (param_0: f32[2,13,13,32], param_1: f32[3,3,32,32]) -> f32[2,13,13,32] {
  %param_0 = f32[2,13,13,32]{3,2,1,0} parameter(0)
  %param_1 = f32[3,3,32,32]{3,2,1,0} parameter(1)
  ROOT %convolution.1 = f32[2,13,13,32]{3,2,1,0} convolution(%param_0, %param_1), window={size=3x3 pad=1_1x1_1}, dim_labels=b01f_01io->b01f
}

ENTRY %main.2 (x.1: f32[2,13,13,32], f.1: f32[3,3,32,32]) -> f32[2,13,13,32] {
  %x.1 = f32[2,13,13,32]{3,2,1,0} parameter(0)
  %f.1 = f32[3,3,32,32]{3,2,1,0} parameter(1)
  ROOT %ynn_fusion = f32[2,13,13,32]{3,2,1,0} fusion(%x.1, %f.1), kind=kCustom, calls=%fused_computation, backend_config={"fusion_config":{"kind":"__ynn_fusion"},"outer_dimension_partitions":[]}
}
"""  # noqa: E501
ENTRY = """
ENTRY %%main.2 (x.1: f32[2,4,5,16], f.1: f32[3,3,16,8]) -> f32[2,12,11,8] {
  ROOT %%it = f32[2,12,11,8]{3,2,1,0} %s
}
"""


def program(operation: str) -> str:
    return ENTRY % operation


@pytest.mark.parametrize(
    ("operation", "algorithm", "name"),
    [
        (
            "convolution(%x.1, %f.1), window={size=11x11 stride=4x4}, dim_labels=b01f_01io->b01f",
            "implicit_gemm",
            "Eigen contraction of image patches",
        ),
        (
            "convolution(%x.1, %f.1), window={size=3x3 pad=1_3x2_2 lhs_dilate=3x2}, dim_labels=b01f_01io->b01f",
            "gemm",
            "Eigen GEMM and col2im",
        ),
        # The same with groups, with a dilated filter, or with a third dimension: Eigen's general way.
        (
            "convolution(%x.1, %f.1), window={size=3x3 pad=3_3x1_1 lhs_dilate=2x2}, dim_labels=b01f_01io->b01f, "
            "feature_group_count=2",
            "implicit_gemm",
            "Eigen contraction of image patches",
        ),
        (
            "convolution(%x.1, %f.1), window={size=3x3 pad=3_3x1_1 lhs_dilate=2x2 rhs_dilate=2x1}, "
            "dim_labels=b01f_01io->b01f",
            "implicit_gemm",
            "Eigen contraction of image patches",
        ),
        (
            "convolution(%x.1, %f.1), window={size=10x10x4 stride=1x1x3 pad=1_1x1_1x0_0 lhs_dilate=1x1x4}, "
            "dim_labels=b012f_012io->b012f",
            "implicit_gemm",
            "Eigen contraction of image patches",
        ),
        # Exchanged operands, and four spatial dimensions.
        (
            "convolution(%f.1, %x.1), window={size=9x10 pad=32_32x36_36 rhs_dilate=4x4 rhs_reversal=1x1}, "
            "dim_labels=01fb_o01i->f01b",
            "direct",
            "XLA loops",
        ),
        (
            "convolution(%x.1, %f.1), window={size=5x5x1x1 pad=2_2x2_2x0_0x0_0}, dim_labels=b0123f_0123io->b0123f",
            "direct",
            "XLA loops",
        ),
        ("dot(%x.1, %f.1), lhs_contracting_dims={1}, rhs_contracting_dims={0}", "gemm", "XLA dot"),
    ],
)
def test_each_way_of_xla_to_convolve_is_told_from_its_line(operation, algorithm, name):
    resolved = XLA.resolved(program(operation))

    assert (resolved["algorithm"], resolved["name"]) == (algorithm, name)


def test_a_convolution_inside_a_ynnpack_fusion_is_ynnpacks():
    resolved = XLA.resolved(YNNPACK)

    assert (resolved["algorithm"], resolved["name"]) == ("implicit_gemm", "YNNPACK convolution")


def test_the_same_text_without_the_fusions_kind_is_not_taken_for_ynnpacks():
    assert XLA.resolved(YNNPACK.replace("__ynn_fusion", "__other"))["name"] == "Eigen contraction of image patches"


def test_a_program_of_two_ways_names_both_and_no_algorithm():
    convolution = "convolution(%a, %b), window={size=3x3}, dim_labels=b01f_01io->b01f"
    resolved = XLA.resolved(program(convolution + "\n  %more = f32[2,2] dot(%c, %d), lhs_contracting_dims={1}"))

    assert resolved["algorithm"] is None
    assert resolved["name"] == "Eigen contraction of image patches + XLA dot"


def test_a_program_without_a_convolution_is_unknown():
    resolved = XLA.resolved(program("add(%x.1, %f.1)"))

    assert (resolved["algorithm"], resolved["name"]) == (None, "unknown")


@pytest.mark.parametrize(
    ("problem", "pass_", "algorithm"),
    # As the programs of jaxlib 0.10.2 and 0.6.2 told.
    [
        (ALEXNET["conv1"].problem, Pass.FORWARD, "implicit_gemm"),
        (ALEXNET["conv1"].problem, Pass.BACKWARD_DATA, "gemm"),
        (ALEXNET["conv1"].problem, Pass.BACKWARD_FILTER, "implicit_gemm"),
        (ALEXNET["conv3"].problem, Pass.BACKWARD_DATA, "implicit_gemm"),
        # dy has 9 x 10 = 90 pixels, fewer than the filter's 121.
        (Problem(2, 3, 43, 47, 16, 11, 11, stride=4), Pass.BACKWARD_DATA, "direct"),
        # dy, the filter of this pass, has 10 x 10 pixels, the image 8 x 8.
        (Problem(2, 4, 8, 8, 8, 3, 3, pad=2), Pass.BACKWARD_FILTER, "direct"),
        (Problem(2, 4, 8, 8, 8, 3, 3, pad=2, groups=2), Pass.BACKWARD_FILTER, "implicit_gemm"),
        (Problem(2, 8, 15, 15, 16, 3, 3, stride=2, pad=1, groups=2), Pass.BACKWARD_DATA, "implicit_gemm"),
        (Problem(2, 16, 9, 9, 24, 1, 1), Pass.FORWARD, "gemm"),
        (Problem(2, 16, 9, 9, 24, 1, 1), Pass.BACKWARD_FILTER, "implicit_gemm"),
        (Problem(2, 16, 9, 9, 24, 1, 1, stride=2), Pass.FORWARD, "implicit_gemm"),
        (Problem(2, 16, 9, 9, 24, 1, 1, stride=2), Pass.BACKWARD_DATA, "gemm"),
        # dy is one pixel: the gradient of the filter is a product, and in that of the input the filter moves in full.
        (Problem(2, 8, 6, 6, 10, 6, 6), Pass.BACKWARD_FILTER, "gemm"),
        (Problem(2, 8, 6, 6, 10, 6, 6), Pass.BACKWARD_DATA, "implicit_gemm"),
    ],
    ids=lambda value: value.text if isinstance(value, Problem) else str(value),
)
def test_what_xla_runs_without_ynnpack_follows_from_the_shape(problem, pass_, algorithm):
    assert without_ynnpack(problem, pass_)[0] == algorithm


@pytest.mark.parametrize("pass_", Pass)
@pytest.mark.parametrize("layer", ALEXNET.layers, ids=lambda layer: layer.name)
def test_a_layer_is_offered_as_gemm_or_as_implicit_gemm_and_the_other_hole_names_it(layer, pass_):
    holes = {
        algorithm: hole(SPEC, Case("jax", "convolution", "alexnet", layer.name, layer.problem, pass_, algorithm))
        for algorithm in (Algorithm.GEMM, Algorithm.IMPLICIT_GEMM)
    }

    (offered,) = [algorithm for algorithm, reason in holes.items() if reason is None]
    (reason,) = [reason for reason in holes.values() if reason is not None]
    assert reason.endswith(f"ask for {offered}")


def test_where_xla_runs_its_loops_the_hole_says_so_and_points_to_auto():
    # dy, the filter of this pass, has 10 x 10 pixels, the image 8 x 8.
    problem = Problem(2, 4, 8, 8, 8, 3, 3, pad=2)

    reason = hole(SPEC, Case("jax", "convolution", "custom", "layer", problem, Pass.BACKWARD_FILTER, Algorithm.GEMM))

    assert "XLA's loops" in reason
    assert reason.endswith("ask for auto")
