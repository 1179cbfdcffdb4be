"""Is this result right? Small problems are compared whole with the definition, large ones at samples and projected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...cases import Algorithm, DType, Pass, Problem
from ...cases.words import Word
from .. import direct
from ..images import shapes
from ..registry import bound
from ..rounding import ROUNDOFF, Array, Terms
from .projection import Projection, project
from .sampling import Coordinates, coordinates, sample_count, terms_at

# Up to so many multiply-accumulates a problem is compared whole.
WHOLE = 2**23
# An honest projected error is a sum of bounded errors with random signs: this many of its standard deviations.
PROJECTED = 4.0
Where = Callable[[tuple[int, ...]], str]
RESULT = {Pass.FORWARD: "y", Pass.BACKWARD_DATA: "dx", Pass.BACKWARD_FILTER: "dw"}
AXES = {Pass.FORWARD: tuple("nkpq"), Pass.BACKWARD_DATA: tuple("nchw"), Pass.BACKWARD_FILTER: tuple("kcrs")}
# Only these add up plain products, so only they give integers exactly.
SUMMING = frozenset({Algorithm.DIRECT, Algorithm.GEMM, Algorithm.IMPLICIT_GEMM})


class Fault(Word):
    """What is wrong with a result; the values are those of the verdict's reasons."""

    OUTSIDE_BOUND = "result_outside_bound"
    NOT_EXACT = "result_not_exact"
    NOT_FINITE = "result_not_finite"
    WRONG_SHAPE = "result_wrong_shape"


@dataclass(frozen=True)
class Check:
    """What the judge says of one result.

    `error_fraction` is the largest error as a fraction of its bound, also for exact operands (then 0 when right);
    None when no error could be computed.
    """

    correct: bool
    fault: Fault | None
    error_fraction: float | None
    detail: str


@dataclass(frozen=True)
class Error:
    """The worst of some elements: where, how far off, and how far it may be."""

    where: str
    got: float
    expected: float
    limit: float
    fraction: float
    wrong: bool


@dataclass(frozen=True)
class Reference:
    """The truth of one problem, pass and pair of operands; made once, used for every result.

    `places` are the coordinates of `terms`, or None when `terms` has every element; then there is no projection.
    """

    problem: Problem
    pass_: Pass
    exact: bool
    terms: Terms
    places: Coordinates | None
    projection: Projection | None

    def check(
        self,
        output: npt.NDArray[Any],
        *,
        algorithm: Algorithm | None,
        dtype: DType,
        tile: int | None = None,
        negated: bool = False,
    ) -> Check:
        """Judge a result that `algorithm` (None when unknown) computed in `dtype`.

        `tile` is the Winograd output tile or the FFT tile; `negated` says that the first operand was negated.
        """
        shape = shapes(self.problem, self.pass_)[2]
        if output.shape != shape:
            what = f"{self.pass_} of {self.problem.text}"
            detail = f"{RESULT[self.pass_]} has shape {output.shape}, expected {shape} for {what}"
            return Check(correct=False, fault=Fault.WRONG_SHAPE, error_fraction=None, detail=detail)
        values: Array = output if output.dtype.kind == "f" else output.astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            projected = self.projection.of(values) if self.projection else None
        if not np.isfinite(values if projected is None else projected).all():
            return Check(
                correct=False, fault=Fault.NOT_FINITE, error_fraction=None, detail=self._first_not_finite(values)
            )
        sign = -1.0 if negated else 1.0
        return self._judge(values, projected, algorithm=algorithm, dtype=dtype, tile=tile, sign=sign)

    def _judge(
        self,
        output: Array,
        projected: Array | None,
        *,
        algorithm: Algorithm | None,
        dtype: DType,
        tile: int | None,
        sign: float,
    ) -> Check:
        bounds = bound(algorithm, self.problem, self.pass_, dtype=dtype, terms=self.terms, tile=tile)
        # The float64 truth is itself rounded; against float32 this is nothing, against float64 it counts.
        bounds = bounds + direct.bound(self.problem, self.pass_, DType.FLOAT64, self.terms)
        exact = self.exact and algorithm in SUMMING
        limits = ROUNDOFF[dtype].output * np.abs(self.terms.value) if exact else bounds
        got = (output if self.places is None else output[tuple(self.places.T)]).astype(np.float64)
        errors = [_worst(got, sign * self.terms.value, limits=limits, bounds=bounds, where=self._where)]
        if self.projection is not None and projected is not None:
            spread = PROJECTED * np.sqrt(self.projection.contracted)
            errors.append(
                _worst(
                    projected,
                    sign * self.projection.expected,
                    limits=np.full(projected.shape, spread * limits.max()),
                    bounds=np.full(projected.shape, spread * bounds.max()),
                    where=self._where_projected,
                )
            )
        if exact and self.projection is not None:
            errors.extend(self._fractional(output))
        return self._verdict(errors, exact=exact)

    def _verdict(self, errors: list[Error], *, exact: bool) -> Check:
        fraction = max(error.fraction for error in errors)
        wrong = [error for error in errors if error.wrong]
        worst = wrong[0] if wrong else max(errors, key=lambda error: error.fraction)
        detail = (
            f"{worst.where}: got {worst.got:.9g}, expected {worst.expected:.9g}, "
            f"error {abs(worst.got - worst.expected):.3g}, bound {worst.limit:.3g}"
        )
        if not wrong:
            return Check(correct=True, fault=None, error_fraction=fraction, detail=detail)
        return Check(
            correct=False,
            fault=Fault.NOT_EXACT if exact else Fault.OUTSIDE_BOUND,
            error_fraction=fraction,
            detail=detail,
        )

    def _fractional(self, output: Array) -> list[Error]:
        """An element that is no integer: it may be too small to change a sum of float64."""
        for outer, part in enumerate(output):
            off = np.abs(part - np.rint(part))
            if off.any():
                inner = tuple(int(axis) for axis in np.unravel_index(int(off.argmax()), off.shape))
                got = float(part[inner])
                where = f"{_named(self.pass_, (outer, *inner))} is no integer"
                return [Error(where, got, float(np.rint(got)), limit=0.0, fraction=0.0, wrong=True)]
        return []

    def _where(self, index: tuple[int, ...]) -> str:
        place = index if self.places is None else tuple(self.places[index[0]].tolist())
        return _named(self.pass_, place)

    def _where_projected(self, index: tuple[int, ...]) -> str:
        number, group, row, column = index
        outer, inner, vertical, horizontal = AXES[self.pass_]
        return (
            f"{RESULT[self.pass_]}[{vertical}={row}, {horizontal}={column}], all {outer} and {inner} of group {group} "
            f"added up with random signs (projection {number})"
        )

    def _first_not_finite(self, output: Array) -> str:
        for outer, part in enumerate(output):
            if not np.isfinite(part).all():
                inner = tuple(int(axis) for axis in np.argwhere(~np.isfinite(part))[0])
                value = float(part[inner])
                return f"{_named(self.pass_, (outer, *inner))}: got {value}, expected a finite number"
        return f"{RESULT[self.pass_]}: finite elements whose sum overflows float64"


def reference(problem: Problem, pass_: Pass, first: Array, second: Array, *, exact: bool, seed: int = 0) -> Reference:
    """The truth for these operands. `exact` says that they are the integers of `operands(exact=True)`.

    Cost: three passes by the definition for small problems; reading the operands once for large ones.
    """
    if problem.macs <= WHOLE:
        return Reference(problem, pass_, exact, _all_terms(problem, pass_, first, second), None, None)
    generator = np.random.default_rng(seed)
    places = coordinates(shapes(problem, pass_)[2], sample_count(problem, pass_), generator)
    terms = terms_at(problem, pass_, first, second, places=places)
    projection = project(problem, pass_, first, second, generator=generator)
    return Reference(problem, pass_, exact, terms, places, projection)


def _all_terms(problem: Problem, pass_: Pass, first: Array, second: Array) -> Terms:
    a, b = first.astype(np.float64), second.astype(np.float64)
    return Terms(
        direct.compute(problem, pass_, a, b),
        direct.compute(problem, pass_, np.abs(a), np.abs(b)),
        np.sqrt(direct.compute(problem, pass_, a * a, b * b)),
    )


def _named(pass_: Pass, place: tuple[int, ...]) -> str:
    axes = ", ".join(f"{name}={index}" for name, index in zip(AXES[pass_], place, strict=True))
    return f"{RESULT[pass_]}[{axes}]"


def _worst(got: Array, expected: Array, *, limits: Array, bounds: Array, where: Where) -> Error:
    """The element that is furthest over its limit, or else the largest fraction of its bound."""
    errors = np.abs(got - expected)
    fractions = errors / bounds
    over = errors > limits
    flat = int(np.argmax(np.where(over, fractions, -1.0) if over.any() else fractions))
    index = tuple(int(axis) for axis in np.unravel_index(flat, errors.shape))
    return Error(
        where(index),
        float(got[index]),
        float(expected[index]),
        limit=float(limits[index]),
        fraction=float(fractions.max()),
        wrong=bool(over.any()),
    )
