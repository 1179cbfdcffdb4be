"""Hypothesis strategies for problems and cases; hypothesis is needed only by those who import this module."""

from __future__ import annotations

import string
from typing import TypeVar

from hypothesis import strategies as st

from .case import Case
from .problem import Pair, Problem
from .words import Algorithm, Clock, DeviceKind, DType, Layout, Pass

Part = TypeVar("Part")


def _pairs(values: st.SearchStrategy[int]) -> st.SearchStrategy[Pair]:
    """Mostly the same value in both directions, as in most networks, else two of their own."""
    return st.one_of(values.map(lambda value: (value, value)), st.tuples(values, values))


@st.composite
def problems(
    draw: st.DrawFn,
    *,
    max_batch: int = 3,
    max_channels: int = 4,
    max_size: int = 12,
    max_kernel: int = 5,
    max_stride: int = 3,
    max_dilation: int = 2,
    max_groups: int = 3,
    square: bool = False,
) -> Problem:
    """Legal problems, small by default, with the edges that break convolutions.

    Strides with a rest at the border, dilation, padding beyond the kernel, groups, depthwise, 1x1, asymmetry, images
    as small as their kernel. `max_channels` is per group. `max_stride=1, max_dilation=1, square=True` gives what
    every algorithm can do, save that Winograd needs a kernel of at least 2x2.
    """
    groups = draw(st.integers(1, max_groups))
    depthwise = groups > 1 and draw(st.booleans())
    c = 1 if depthwise else draw(st.integers(1, max_channels))
    k = 1 if depthwise else draw(st.integers(1, max_channels))
    r = draw(st.integers(1, max_kernel))
    s = r if square else draw(st.one_of(st.just(r), st.integers(1, max_kernel)))
    stride = draw(_pairs(st.integers(1, max_stride)))
    dilation = draw(_pairs(st.integers(1, max_dilation)))
    pad = draw(_pairs(st.integers(0, max_kernel)))
    extents = [(size - 1) * step + 1 for size, step in zip((r, s), dilation, strict=True)]
    least = [max(1, extent - 2 * border) for extent, border in zip(extents, pad, strict=True)]
    h, w = (draw(st.integers(low, max(low, max_size))) for low in least)
    n = draw(st.integers(1, max_batch))
    return Problem(n, c * groups, h, w, k * groups, r, s, stride, pad, dilation, groups)


def _optional(strategy: st.SearchStrategy[Part]) -> st.SearchStrategy[Part | None]:
    return st.one_of(st.none(), strategy)


def _names() -> st.SearchStrategy[str]:
    return st.from_regex(r"[a-z][a-z0-9_]{0,11}", fullmatch=True)


def _labels() -> st.SearchStrategy[str]:
    """Names of networks and layers: any text, above all what would end a field of a key."""
    # Lone surrogates cannot be encoded, so no file and no key can hold them.
    anything = st.characters(codec="utf-8")
    return st.text(st.one_of(st.sampled_from("-/:%_= é"), st.sampled_from(string.ascii_letters), anything), min_size=1)


def _options() -> st.SearchStrategy[tuple[tuple[str, str], ...]]:
    values = st.from_regex(r"[A-Za-z0-9_.]{1,8}", fullmatch=True)
    return st.dictionaries(_names(), values, max_size=3).map(lambda options: tuple(sorted(options.items())))


def cases() -> st.SearchStrategy[Case]:
    """Cases of every kind: convolutions, and workloads without a problem, a pass or an algorithm."""
    return st.builds(
        Case,
        framework=_names(),
        workload=_names(),
        network=_labels(),
        layer=_labels(),
        problem=_optional(problems()),
        pass_=_optional(st.sampled_from(Pass)),
        algorithm=_optional(st.sampled_from(Algorithm)),
        dtype=st.sampled_from(DType),
        layout=st.sampled_from(Layout),
        device_kind=st.sampled_from(DeviceKind),
        device_count=st.integers(1, 8),
        threads=st.integers(1, 64),
        clock=st.sampled_from(Clock),
        options=_options(),
    )
