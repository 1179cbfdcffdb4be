"""Causes of a slowdown, from what differs between two sides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_cnnperf.cases import Algorithm
from pytest_cnnperf.judging.cause import Cause, Forced, Ran, explain
from pytest_cnnperf.judging.verdict import Judgement, Reason, Verdict

VERSIONS = {"framework": "torch", "version": "2.12.0", "python": "3.11.7", "numpy": "2.2.6", "library onednn": "3.9"}
DIRECT = Ran("oneDNN jit:avx512_core", Algorithm.DIRECT, 0.02, VERSIONS)
GEMM = Ran("aten Slow2d", Algorithm.GEMM, 0.01, VERSIONS)
NEWER = {**VERSIONS, "version": "2.13.0", "library onednn": "3.10"}


def forced(verdict: Verdict, ratio: float | None) -> Forced:
    return Forced(Algorithm.DIRECT, Judgement(verdict, Reason.WITHIN_THRESHOLD, baseline_ratio=ratio))


def cause(before: Ran, now: Ran, *, ratio: float = 1.2, pace: float | None = 1.0, tried: Forced | None = None) -> Cause:
    return explain(before, now, ratio=ratio, control_pace=pace, forced=tried).cause


def detail(before: Ran, now: Ran, *, tried: Forced | None = None, pace: float | None = 1.0) -> str:
    return explain(before, now, ratio=1.2, control_pace=pace, forced=tried).detail


def test_where_nothing_differs_it_is_the_kernel() -> None:
    assert cause(DIRECT, DIRECT) is Cause.KERNEL_SLOWER
    assert detail(DIRECT, DIRECT) == (
        "direct (oneDNN jit:avx512_core) as before, with the same versions and accuracy; "
        "the control takes 1.00 times as long as in the baseline"
    )


def test_another_kernel_is_told_from_and_to() -> None:
    assert cause(DIRECT, GEMM) is Cause.ALGORITHM_CHANGED
    assert detail(DIRECT, GEMM) == "direct (oneDNN jit:avx512_core) → gemm (aten Slow2d)"


def test_a_baseline_that_knows_only_the_name_is_enough_to_see_a_change() -> None:
    old = replace(DIRECT, algorithm=None)
    assert detail(old, GEMM) == "oneDNN jit:avx512_core → gemm (aten Slow2d)"
    assert cause(old, DIRECT) is Cause.KERNEL_SLOWER


@pytest.mark.parametrize("sides", [(DIRECT, replace(GEMM, name="unknown")), (replace(GEMM, name="unknown"), DIRECT)])
def test_what_could_not_be_observed_has_not_changed(sides: tuple[Ran, Ran]) -> None:
    before, now = (replace(side, error_fraction=None) for side in sides)
    assert cause(before, now) is Cause.KERNEL_SLOWER


@pytest.mark.parametrize(
    ("tried", "first", "words"),
    [
        (forced(Verdict.SAME, 1.003), Cause.ALGORITHM_CHANGED, "forced direct: +0.3 %, so it is the choice"),
        (forced(Verdict.FASTER, 0.9), Cause.ALGORITHM_CHANGED, "forced direct: -10.0 %, so it is the choice"),
        (
            forced(Verdict.UNDECIDED, 1.04),
            Cause.ALGORITHM_CHANGED,
            "forced direct: +4.0 % in so few visits, which is not",
        ),
        (forced(Verdict.SLOWER, 1.19), Cause.KERNEL_SLOWER, "forced direct: +19.0 % too, so the choice alone does not"),
        (Forced(Algorithm.FFT, None, "fft cannot be forced here: no"), Cause.ALGORITHM_CHANGED, "fft cannot be forced"),
    ],
)
def test_the_forced_algorithm_tells_whether_it_is_the_choice(tried: Forced, first: Cause, words: str) -> None:
    assert cause(DIRECT, GEMM, tried=tried) is first
    assert words in detail(DIRECT, GEMM, tried=tried)


def test_a_forced_algorithm_that_is_slower_too_puts_the_change_behind_the_others() -> None:
    newer = replace(GEMM, versions=NEWER)
    tried = forced(Verdict.SLOWER, 1.19)
    assert cause(DIRECT, newer) is Cause.ALGORITHM_CHANGED
    assert cause(DIRECT, newer, tried=tried) is Cause.VERSIONS_CHANGED
    assert "; also algorithm changed: direct (oneDNN" in detail(DIRECT, newer, tried=tried)


def test_all_versions_that_differ_are_named() -> None:
    newer = replace(DIRECT, versions={**NEWER, "library acl": "24.1"})
    assert cause(DIRECT, newer) is Cause.VERSIONS_CHANGED
    assert detail(DIRECT, newer) == "torch 2.12.0 → 2.13.0, library onednn 3.9 → 3.10, library acl none → 24.1"


def test_a_library_that_is_gone_is_a_changed_version() -> None:
    without = {name: version for name, version in VERSIONS.items() if name != "library onednn"}
    assert detail(DIRECT, replace(DIRECT, versions=without)) == "library onednn 3.9 → none"


@pytest.mark.parametrize(
    ("before", "now", "changed"),
    [
        (0.02, 0.02, False),
        (0.02, 0.039, False),  # less than twofold
        (0.02, 0.041, True),
        (0.041, 0.02, True),  # more exact is other arithmetic too
        (0.00002, 0.00002 * 2**13, True),  # float32 has 24 bits, TF32 has 11
        (0.0, 0.02, True),
        (0.0, 0.0, False),
        (None, 0.02, False),
    ],
)
def test_an_error_that_moves_twofold_under_the_same_name_is_other_arithmetic(
    before: float | None, now: float | None, *, changed: bool
) -> None:
    sides = replace(DIRECT, error_fraction=before), replace(DIRECT, error_fraction=now)
    assert cause(*sides) is (Cause.ACCURACY_CHANGED if changed else Cause.KERNEL_SLOWER)


def test_another_kernel_may_have_another_error() -> None:
    assert "accuracy" not in detail(DIRECT, replace(GEMM, error_fraction=0.9))


def test_what_runs_comes_before_what_brought_it() -> None:
    both = replace(DIRECT, error_fraction=0.2, versions=NEWER)
    assert cause(DIRECT, both) is Cause.ACCURACY_CHANGED
    assert detail(DIRECT, both) == (
        "the error went from 0.02 to 0.2 of its bound, by the same oneDNN jit:avx512_core: other arithmetic; "
        "also versions changed: torch 2.12.0 → 2.13.0, library onednn 3.9 → 3.10"
    )


@pytest.mark.parametrize(
    ("ratio", "pace", "expected"),
    [
        (1.08, 1.25, Cause.MACHINE_SLOWER),
        (1.08, 1.09, Cause.KERNEL_SLOWER),  # the control moved by less than a tenth
        (1.40, 1.25, Cause.KERNEL_SLOWER),  # the case moved by more than the machine
        (1.08, 0.80, Cause.KERNEL_SLOWER),  # the machine is faster
        (1.08, None, Cause.KERNEL_SLOWER),
    ],
)
def test_the_machine_explains_no_more_than_its_own_pace(ratio: float, pace: float | None, expected: Cause) -> None:
    assert cause(DIRECT, DIRECT, ratio=ratio, pace=pace) is expected


def test_the_machine_is_not_asked_where_something_else_differs() -> None:
    assert "machine" not in detail(DIRECT, replace(DIRECT, versions=NEWER), pace=1.5)
    assert "machine" not in detail(DIRECT, GEMM, pace=1.5)
    # The forced run says that the change is not it.
    assert cause(DIRECT, GEMM, pace=1.5, tried=forced(Verdict.SLOWER, 1.2)) is Cause.MACHINE_SLOWER
