"""The shape of a convolution, in one alphabet: n c h w k r s, stride, pad, dilation, groups -> p q."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ..errors import InvalidProblem

Pair = tuple[int, int]

_SIZES = ("n", "c", "h", "w", "k", "r", "s")
_PAIR_DEFAULTS = {"stride": (1, 1), "pad": (0, 0), "dilation": (1, 1)}
_TEXT = re.compile(
    r"n(?P<n>\d+)c(?P<c>\d+)h(?P<h>\d+)w(?P<w>\d+)k(?P<k>\d+)r(?P<r>\d+)s(?P<s>\d+)"
    r"(?:_stride(?P<stride>\d+(?:x\d+)?))?(?:_pad(?P<pad>\d+(?:x\d+)?))?"
    r"(?:_dilation(?P<dilation>\d+(?:x\d+)?))?(?:_groups(?P<groups>\d+))?"
)


def _as_pair(name: str, value: int | Pair) -> Pair:
    pair = (value, value) if isinstance(value, int) else tuple(value)
    if len(pair) != 2 or not all(isinstance(part, int) for part in pair):
        raise InvalidProblem(f"{name}={value!r} must be one integer or a pair (vertical, horizontal)")
    return pair


@dataclass(frozen=True)
class Problem:
    """A two-dimensional convolution (cross-correlation) of n images.

    Shapes: x (n, c, h, w), w (k, c/groups, r, s), y (n, k, p, q).
    Units: stride, pad and dilation are (vertical, horizontal) pairs in pixels; one integer means both.
    Raises: InvalidProblem for a shape that cannot exist, naming argument, value and bound.
    """

    n: int
    c: int
    h: int
    w: int
    k: int
    r: int
    s: int
    stride: Pair = (1, 1)
    pad: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    def __init__(  # noqa: PLR0917 (the field's alphabet, in its own order, is what everybody types)
        self,
        n: int,
        c: int,
        h: int,
        w: int,
        k: int,
        r: int,
        s: int,
        stride: int | Pair = 1,
        pad: int | Pair = 0,
        dilation: int | Pair = 1,
        groups: int = 1,
    ) -> None:
        pairs = {"stride": stride, "pad": pad, "dilation": dilation}
        sizes = {"n": n, "c": c, "h": h, "w": w, "k": k, "r": r, "s": s, "groups": groups}
        # The fields are set through __dict__ because the class is frozen and one integer has to become a pair.
        self.__dict__.update(sizes, **{name: _as_pair(name, value) for name, value in pairs.items()})
        self._refuse_the_impossible()

    def _refuse_the_impossible(self) -> None:
        for name in (*_SIZES, "groups"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise InvalidProblem(f"{name}={value!r} must be an integer of at least 1")
        for name, least in (("stride", 1), ("pad", 0), ("dilation", 1)):
            for value in getattr(self, name):
                if value < least:
                    raise InvalidProblem(f"{name}={value!r} must be at least {least}")
        for name in ("c", "k"):
            if getattr(self, name) % self.groups:
                raise InvalidProblem(
                    f"groups={self.groups} must divide {name}={getattr(self, name)}; choose a common divisor of c and k"
                )
        self._refuse_a_kernel_larger_than_its_image("r", "h", 0)
        self._refuse_a_kernel_larger_than_its_image("s", "w", 1)

    def _refuse_a_kernel_larger_than_its_image(self, kernel: str, image: str, axis: int) -> None:
        extent = (getattr(self, kernel) - 1) * self.dilation[axis] + 1
        padded = getattr(self, image) + 2 * self.pad[axis]
        if extent > padded:
            raise InvalidProblem(
                f"{kernel}={getattr(self, kernel)} with dilation={self.dilation[axis]} spans {extent} pixels, but "
                f"{image}={getattr(self, image)} with pad={self.pad[axis]} has only {padded}; raise pad or shrink it"
            )

    def _output_size(self, image: int, kernel: int, axis: int) -> int:
        extent = (kernel - 1) * self.dilation[axis] + 1
        return (image + 2 * self.pad[axis] - extent) // self.stride[axis] + 1

    @cached_property
    def p(self) -> int:
        """Output height."""
        return self._output_size(self.h, self.r, 0)

    @cached_property
    def q(self) -> int:
        """Output width."""
        return self._output_size(self.w, self.s, 1)

    @property
    def x_shape(self) -> tuple[int, int, int, int]:
        """Input images, (n, c, h, w)."""
        return (self.n, self.c, self.h, self.w)

    @property
    def w_shape(self) -> tuple[int, int, int, int]:
        """Filters, (k, c/groups, r, s)."""
        return (self.k, self.c // self.groups, self.r, self.s)

    @property
    def y_shape(self) -> tuple[int, int, int, int]:
        """Output images, (n, k, p, q)."""
        return (self.n, self.k, self.p, self.q)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the definition; the same number for all three passes."""
        return self.n * self.k * (self.c // self.groups) * self.r * self.s * self.p * self.q

    def with_batch(self, n: int) -> Problem:
        """The same layer on n images."""
        return replace(self, n=n)

    @cached_property
    def text(self) -> str:
        """Stable readable form, e.g. ``n128c96h27w27k256r5s5_pad2``; what has its default value is left out."""
        sizes = "".join(f"{name}{getattr(self, name)}" for name in _SIZES)
        parts = [sizes]
        for name, default in _PAIR_DEFAULTS.items():
            first, second = pair = getattr(self, name)
            if pair != default:
                parts.append(f"{name}{first}" if first == second else f"{name}{first}x{second}")
        if self.groups != 1:
            parts.append(f"groups{self.groups}")
        return "_".join(parts)

    @classmethod
    def parse(cls, text: str) -> Problem:
        """The problem whose `text` this is.

        Raises: InvalidProblem for any other text, also for a non-canonical one such as ``…_stride1``.
        """
        match = _TEXT.fullmatch(text)
        if match is None:
            raise InvalidProblem(
                f"{text!r} is not a problem; expected a form like n128c96h27w27k256r5s5_stride2_pad2x1_groups2"
            )
        sizes = {name: int(match[name]) for name in _SIZES}
        pairs = {name: _parse_pair(match[name]) for name in _PAIR_DEFAULTS if match[name]}
        fields: dict[str, Any] = {**sizes, **pairs, "groups": int(match["groups"] or 1)}
        problem = cls(**fields)
        if problem.text != text:
            raise InvalidProblem(f"{text!r} is not the canonical form of its problem; write {problem.text!r}")
        return problem


def _parse_pair(text: str) -> Pair:
    first, _, second = text.partition("x")
    return (int(first), int(second or first))
