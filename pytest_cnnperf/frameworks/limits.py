"""Limits that several frameworks share; a limit says why a case is not offered, or None."""

from __future__ import annotations

from ..algorithms import constraint
from ..cases import Case, DType, Problem
from .spec import Limit


def problem_of(case: Case) -> Problem:
    """The problem of a convolution case; what has none is not asked for in the matrix of convolutions."""
    assert case.problem is not None, case.key
    return case.problem


def in_every_way(*limits: Limit) -> Limit:
    """All of these limits; the first reason is said."""

    def limit(case: Case) -> str | None:
        return next((reason for each in limits if (reason := each(case)) is not None), None)

    return limit


def float32_only(case: Case) -> str | None:
    """What computes in one type."""
    return None if case.dtype is DType.FLOAT32 else f"dtype {case.dtype}: offered in float32 only"


def what_the_algorithm_needs(case: Case) -> str | None:
    """The constraint of the algorithm itself, whoever computes it, e.g. ``fft needs stride 1, got 4``."""
    assert case.algorithm is not None, case.key
    assert case.pass_ is not None, case.key
    return constraint(case.algorithm, problem_of(case), case.pass_)


def one_group(case: Case) -> str | None:
    """What cannot do grouped convolutions."""
    groups = problem_of(case).groups
    return None if groups == 1 else f"{case.algorithm} needs groups 1, got {groups}"
