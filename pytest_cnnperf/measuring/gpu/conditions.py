"""Under which clocks, heat and power a GPU's samples were taken: a few numbers that stand beside them for ever."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .state import GpuState

# What holds a GPU's clocks down, by NVML's bits.
REASONS = {
    1: "idle",
    2: "application_clocks",
    4: "power_cap",
    8: "hw_slowdown",
    16: "sync_boost",
    32: "sw_thermal",
    64: "hw_thermal",
    128: "power_brake",
    256: "display_clocks",
}
IDLE = 1
# With these the card runs far below the clocks that it was asked for, for a while: no sample of that time is kept. A
# power cap (4) is how a loaded card of today normally runs, and is marked only.
SPOILING = 8 | 32 | 64 | 128
_NUMBERS = ("sm_mhz", "memory_mhz", "temperature_c", "power_w")
_COUNTS = ("batches", "throttled_samples")


@dataclass(frozen=True)
class Span:
    """Least, middle and most of a number over the batches of a case."""

    min: float
    median: float
    max: float

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Span | None:
        """The span of those values that are known, or None."""
        known = [value for value in values if value is not None]
        return cls(min(known), statistics.median(known), max(known)) if known else None


@dataclass(frozen=True)
class Conditions:
    """What the GPUs of a case did while its samples were taken.

    `batches` were looked at, of the samples that were kept: clocks, heat and power are those just behind each batch,
    not within it. `throttled_samples` were taken besides and discarded, for the reasons `throttled_by`. `reasons`
    counts the batches in which each held the clocks down: just before, just behind, and in between where the GPU counts
    that; None where it does not tell any. Units: MHz, degrees Celsius, watts.
    """

    batches: int
    throttled_samples: int = 0
    throttled_by: tuple[str, ...] = ()
    reasons: Mapping[str, int] | None = None
    sm_mhz: Span | None = None
    memory_mhz: Span | None = None
    temperature_c: Span | None = None
    power_w: Span | None = None

    @classmethod
    def of(cls, states: Sequence[GpuState], *, throttled_samples: int, throttled_by: int) -> Conditions | None:
        """From a look at each batch; None where nobody looked. `throttled_by` are NVML's bits."""
        if not states and not throttled_samples:
            return None
        told = [state.reasons for state in states if state.reasons is not None]
        counts = Counter(name for reasons in told for name in names_of(reasons))
        return cls(
            batches=len(states),
            throttled_samples=throttled_samples,
            throttled_by=names_of(throttled_by),
            reasons=dict(sorted(counts.items())) if told or throttled_samples else None,
            **{name: Span.of(getattr(state, name) for state in states) for name in _NUMBERS},
        )

    def to_plain(self) -> dict[str, Any]:
        """Only dicts, lists, text, numbers and None, for JSON, baselines and xdist."""
        spans = {name: getattr(self, name) for name in _NUMBERS}
        return {
            **{name: getattr(self, name) for name in _COUNTS},
            "throttled_by": list(self.throttled_by),
            "reasons": None if self.reasons is None else dict(self.reasons),
            **{name: None if span is None else dict(vars(span)) for name, span in spans.items()},
        }

    @classmethod
    def from_plain(cls, plain: Any) -> Conditions:
        """The conditions whose `to_plain` this is.

        Raises: ValueError that names the field, for anything else.
        """
        expected = {*_COUNTS, *_NUMBERS, "throttled_by", "reasons"}
        if not isinstance(plain, Mapping) or set(plain) != expected:
            raise ValueError(f"conditions are {plain!r:.80}, expected an object of {', '.join(sorted(expected))}")
        for name in _COUNTS:
            if not _is_count(plain[name]):
                raise ValueError(f"conditions {name} is {plain[name]!r}, expected a whole number of at least 0")
        by, reasons = plain["throttled_by"], plain["reasons"]
        if not isinstance(by, list) or not all(isinstance(each, str) for each in by):
            raise ValueError(f"conditions throttled_by is {by!r}, expected a list of text")
        if reasons is not None and not (isinstance(reasons, Mapping) and all(map(_is_count, reasons.values()))):
            raise ValueError(f"conditions reasons is {reasons!r}, expected null or counts by name")
        spans = {name: _span(name, plain[name]) for name in _NUMBERS}
        return cls(plain["batches"], plain["throttled_samples"], tuple(by), reasons, **spans)


def names_of(reasons: int) -> tuple[str, ...]:
    """The names of NVML's bits, lowest first."""
    bits = [1 << place for place in range(reasons.bit_length()) if reasons >> place & 1]
    return tuple(REASONS.get(bit, f"bit_{bit}") for bit in bits)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _span(name: str, plain: Any) -> Span | None:
    if plain is None:
        return None
    fields = ("min", "median", "max")
    is_span = isinstance(plain, Mapping) and set(plain) == set(fields)
    if not is_span or not all(type(plain[field]) in (int, float) for field in fields):
        raise ValueError(f"conditions {name} is {plain!r:.80}, expected null or numbers min, median and max")
    return Span(**plain)
