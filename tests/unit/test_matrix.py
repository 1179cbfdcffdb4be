"""From offers and settings to cases: variants, types, clocks and batches, and what a GPU's memory leaves out."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from pytest_cnnperf.cases import Algorithm, Case, Clock, DeviceKind, DType, Layout, Pass, Problem
from pytest_cnnperf.cases.networks import ALEXNET, VGG_A, Layer, Network
from pytest_cnnperf.frameworks import FrameworkSpec, Offer, fake, hole
from pytest_cnnperf.frameworks.fitting import PIPE_BYTES, device_bytes, why_too_large
from pytest_cnnperf.frameworks.registry import Registry, builtin
from pytest_cnnperf.matrix import convolutions
from pytest_cnnperf.run.visits import GPU_LOOKS
from pytest_cnnperf.settings import NIGHTLY, QUICK, Settings

TINY = Network("tiny", "Tiny", (Layer("a", Problem(1, 2, 6, 6, 3, 3, 3, pad=1)),), (), "made up")
CUDA, CPU = DeviceKind.CUDA, DeviceKind.CPU
# Assumed, not yet measured: tens of megabytes through a pipe each way, the first call, and the check on the host.
PREPARING_SECONDS = 0.4
BENCHMARK, COMPILED = (("benchmark", "on"),), (("compiled", "on"),)


def framework(*offers: Offer) -> Registry:
    return Registry((FrameworkSpec("made_up", "Made up", fake.SPEC.adapter, "none", offers, command=("python",)),))


def matrix_of(*offers, networks=(TINY,), gpu_memory_bytes=None, **settings):
    chosen = Settings(**{"algorithms": tuple(dict.fromkeys(offer.algorithm for offer in offers)), **settings})
    return convolutions(networks, framework(*offers), chosen, gpu_memory_bytes=gpu_memory_bytes)


def seen(matrix, *names):
    """These members of the cases, each combination once, in order."""
    return list(dict.fromkeys(tuple(getattr(case, name) for name in names) for case in matrix.cases))


def test_every_variant_is_a_case_of_its_own():
    matrix = matrix_of(
        Offer(Algorithm.AUTO, device_kind=CUDA), Offer(Algorithm.AUTO, device_kind=CUDA, options=BENCHMARK)
    )

    assert seen(matrix, "options", "batch", "clock") == [
        ((), 64, Clock.DEVICE_COLD),
        (BENCHMARK, 64, Clock.DEVICE_COLD),
    ]
    assert len(matrix.cases) == 2 * len(Pass)
    assert not matrix.holes
    assert all(Case.parse(case.key) == case for case in matrix.cases)


def test_an_offer_answers_only_for_its_own_options_and_types():
    plain, variant = Offer(Algorithm.AUTO), Offer(Algorithm.AUTO, options=BENCHMARK, dtypes=(DType.TF32,))
    spec = framework(plain, variant).get("made_up")

    def case(**more):
        return Case("made_up", "convolution", "n", "l", TINY["a"].problem, Pass.FORWARD, Algorithm.AUTO, **more)

    assert spec.offer_for(case()) is plain
    assert spec.offer_for(case(options=BENCHMARK, dtype=DType.TF32)) is variant
    assert spec.offer_for(case(options=BENCHMARK)) is None
    assert hole(spec, case(options=BENCHMARK)) == "dtype float32: Made up offers auto in tf32 here"
    assert hole(spec, case(options=COMPILED)) == (
        "Made up offers auto with no option; benchmark=on, not with compiled=on"
    )


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [(Layout.NCHW, DType.FLOAT32)]),
        ({"preset": NIGHTLY}, [(layout, dtype) for layout in Layout for dtype in (DType.FLOAT32, DType.TF32)]),
        ({"dtypes": (DType.TF32,)}, [(Layout.NCHW, DType.TF32)]),
    ],
)
def test_a_small_preset_asks_for_the_first_layout_and_type_unless_others_are_named(settings, expected):
    offer = Offer(Algorithm.AUTO, layouts=tuple(Layout), dtypes=(DType.FLOAT32, DType.TF32), device_kind=CUDA)

    assert seen(matrix_of(offer, **settings), "layout", "dtype") == expected


def test_what_a_small_preset_leaves_out_is_told_with_what_brings_it():
    offer = Offer(Algorithm.AUTO, dtypes=(DType.FLOAT32, DType.TF32), device_kind=CUDA)
    extra = Offer(Algorithm.AUTO, device_kind=CUDA, options=COMPILED, is_extra=True)

    reasons = {hole.reason: hole.count for hole in matrix_of(offer, extra).holes}

    assert reasons == {
        "the preset quick asks for float32 only; next: --cnnperf-dtypes=tf32": 1,
        "the preset quick asks for no compiled=on; nightly and paper do": 1,
    }
    assert seen(matrix_of(offer, extra, preset=NIGHTLY), "options") == [((),), (COMPILED,)]


def test_other_types_are_asked_of_the_cpu_only_by_name():
    offer = Offer(Algorithm.GEMM, dtypes=(DType.FLOAT32, DType.FLOAT64))

    assert seen(matrix_of(offer, preset=NIGHTLY), "dtype") == [(DType.FLOAT32,)]
    assert seen(matrix_of(offer, dtypes=(DType.FLOAT64, DType.TF32)), "dtype") == [(DType.FLOAT64,)]


@pytest.mark.parametrize(
    ("clocks", "chosen", "expected"),
    [
        ((Clock.DEVICE_COLD, Clock.DEVICE_HOT), (Clock.DEVICE_COLD,), [Clock.DEVICE_COLD]),
        (
            (Clock.DEVICE_COLD, Clock.DEVICE_HOT),
            (Clock.DEVICE_HOT, Clock.DEVICE_COLD),
            [Clock.DEVICE_HOT, Clock.DEVICE_COLD],
        ),
        ((Clock.WALL,), (Clock.DEVICE_HOT,), [Clock.WALL]),
    ],
)
def test_a_gpu_is_timed_by_the_chosen_clocks_or_by_the_only_one_that_there_is(clocks, chosen, expected):
    matrix = matrix_of(Offer(Algorithm.AUTO, device_kind=CUDA, clocks=clocks), clocks=chosen)

    assert [clock for (clock,) in seen(matrix, "clock")] == expected


def test_the_batches_of_a_gpu_are_its_own_until_they_are_named():
    offers = (Offer(Algorithm.GEMM), Offer(Algorithm.GEMM, device_kind=CUDA))

    assert seen(matrix_of(*offers), "device_kind", "batch") == [(CPU, 4), (CUDA, 64)]
    assert seen(matrix_of(*offers, batches=(8,)), "device_kind", "batch") == [(CPU, 8), (CUDA, 8)]


def test_a_quick_suite_has_so_many_gpu_cases_that_recording_them_takes_nine_to_sixteen_minutes():
    registry = builtin()
    found = {
        name: sum(
            hole(spec, case) is None and case.device_kind is CUDA
            for case in convolutions((ALEXNET,), Registry((_anywhere(spec),)), Settings(preset=QUICK)).cases
        )
        for name in registry
        if (spec := registry.get(name))
    }

    # torch: auto, benchmark=on and im2col; JAX: autotune=4: all for five layers in three passes.
    assert found["torch"] == 3 * 5 * 3
    assert found["jax"] == 5 * 3
    # Recorded, a case is prepared and checked once more than it has visits of one round.
    seconds_per_case = [visits * QUICK.max_seconds + (visits + 1) * PREPARING_SECONDS for visits in GPU_LOOKS]
    assert seconds_per_case == pytest.approx([3.1, 5.8])
    # Calm cases make the visits of the first look, restless ones those of the last (docs/gpu.md).
    assert [sum(found.values()) * seconds / 60 for seconds in seconds_per_case] == pytest.approx([8.8, 16.4], rel=0.05)


def _anywhere(spec: FrameworkSpec) -> FrameworkSpec:
    """The same where it need not be installed to be asked."""
    return replace(spec, command=("python",))


def gpu_case(layer: str, batch: int, algorithm=Algorithm.GEMM, network=VGG_A, **more) -> Case:
    problem = network[layer].problem.with_batch(batch)
    return Case("made_up", "convolution", "n", layer, problem, Pass.FORWARD, algorithm, device_kind=CUDA, **more)


def test_a_case_takes_its_operands_its_result_and_the_workspace_of_its_algorithm():
    case = gpu_case("conv1", 16)
    # x 16·3·224², w 64·3·3², y 16·64·224²; im2col holds one image's 3·3²·224² columns.
    arrays = 16 * 3 * 224**2 + 64 * 3 * 9 + 16 * 64 * 224**2

    assert device_bytes(case) == 4 * (arrays + 3 * 9 * 224**2)
    assert device_bytes(gpu_case("conv1", 16, Algorithm.AUTO)) == 4 * arrays
    assert device_bytes(gpu_case("conv1", 16, Algorithm.AUTO, dtype=DType.BFLOAT16)) == 2 * arrays


@pytest.mark.parametrize(("memory_gb", "fits"), [(None, True), (16, True), (5, False)])
def test_a_case_that_the_gpu_cannot_hold_is_a_hole_with_its_numbers(memory_gb, fits):
    # x 0.15 GB and y 3.3 GB; 2.1 GB are the framework's own.
    memory = None if memory_gb is None else memory_gb * 10**9
    said = why_too_large(gpu_case("conv1", 256, Algorithm.AUTO), memory)

    assert (said is None) is fits
    assert fits or said == "needs 3.4 GB and 2.1 GB for the framework itself; the GPU has 5.0 GB"


def test_an_array_that_is_too_large_for_the_pipe_is_a_hole_wherever_a_gpu_would_hold_it():
    said = why_too_large(gpu_case("conv1", 1024, Algorithm.AUTO), 141 * 10**9)

    assert PIPE_BYTES < 4 * 1024 * 64 * 224**2
    assert said is not None
    assert re.match(r"an array of 13\.2 GB is too large for the way to the worker", said)


def test_large_cases_are_left_out_of_the_matrix_on_a_gpu_only():
    offers = (Offer(Algorithm.AUTO, device_kind=CUDA), Offer(Algorithm.GEMM))
    matrix = matrix_of(*offers, networks=(VGG_A,), batches=(256,), passes=(Pass.FORWARD,), gpu_memory_bytes=5 * 10**9)

    assert ("conv1", CUDA) not in seen(matrix, "layer", "device_kind")
    assert ("conv1", CPU) in seen(matrix, "layer", "device_kind")
    assert any("the GPU has 5.0 GB" in hole.reason for hole in matrix.holes)
