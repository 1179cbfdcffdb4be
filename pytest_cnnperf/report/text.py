"""Numbers as text: units, and no more digits than the noise supports."""

from __future__ import annotations

import math
from decimal import Decimal

_TIMES = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))
_RATES = ((1e12, "TFLOP/s"), (1e9, "GFLOP/s"), (1e6, "MFLOP/s"), (1.0, "FLOP/s"))
_AMOUNTS = ((1e12, "TFLOP"), (1e9, "GFLOP"), (1e6, "MFLOP"), (1e3, "kFLOP"), (1.0, "FLOP"))
_SIZES = ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B"))
_MOST_DIGITS = 3


def exists(value: float | None) -> bool:
    """Whether there is a finite number to print."""
    return value is not None and math.isfinite(value)


def significant(value: float, digits: int = _MOST_DIGITS) -> str:
    """A number with this many significant digits, never in exponent form: 0.0123, 1.20, 123, 123000."""
    return format(_rounded(value, digits), "f")


def supported_digits(value: float, spread: float | None, most: int = _MOST_DIGITS) -> int:
    """How many significant digits a value carries: up to the first digit that its spread makes uncertain.

    Units: spread is relative (0.02 is ±2 %); None or 0 supports `most` digits.
    """
    if not value or not spread or not math.isfinite(spread):
        return most
    first_uncertain = math.floor(math.log10(abs(value) * spread))
    first = math.floor(math.log10(abs(value)))
    return min(most, max(1, first - first_uncertain + 1))


def duration(ns: float | None, spread: float | None = None) -> str:
    """A time with its unit, e.g. ``1.23 ms``; empty when there is none. Units: nanoseconds, relative spread."""
    return _scaled(ns, spread, _TIMES)


def rate(flops: float | None, ns: float | None, spread: float | None = None) -> str:
    """Work per time, e.g. ``87.1 GFLOP/s``; empty when there is none. Units: FLOP, nanoseconds, relative spread."""
    if flops is None or ns is None or not ns > 0:
        return ""
    return _scaled(flops / ns * 1e9, spread, _RATES)


def work(flops: float | None) -> str:
    """An amount of work, e.g. ``448 MFLOP``; empty when there is none."""
    return _scaled(flops, None, _AMOUNTS)


def size(amount_bytes: float | None) -> str:
    """Memory with its unit, e.g. ``1.50 GiB``; empty when there is none. Units: bytes."""
    return _scaled(amount_bytes, None, _SIZES)


def percent(fraction: float | None, digits: int = 2) -> str:
    """A fraction as ``62 %``, ``4.1 %`` or ``120 %``; empty when there is none."""
    if fraction is None or not math.isfinite(fraction):
        return ""
    value = fraction * 100
    return f"{value:.0f} %" if abs(value) >= 99.5 else f"{significant(value, digits)} %"


def exactly(fraction: float) -> str:
    """A chosen fraction, such as a threshold, as it was chosen: ``5 %``, ``2.5 %``."""
    return f"{fraction * 100:g} %"


def change(ratio: float | None, spread: float | None = None) -> str:
    """A ratio as its signed distance from one: ``+20.3 %``, ``-4 %`` when the spread is above 1 %, ``×12`` from 10 on.

    Units: ratio is now ÷ before, spread is relative.
    """
    if ratio is None or not math.isfinite(ratio):
        return ""
    if ratio >= 10:
        return f"×{significant(ratio, 2)}"
    value = (ratio - 1) * 100
    noisy = spread is not None and spread >= 0.01
    text = f"{value:+.0f} %" if noisy or abs(value) >= 99.5 else f"{value:+.1f} %"
    return text.replace("-0 %", "+0 %").replace("-0.0 %", "+0.0 %")


def fraction_of_bound(fraction: float | None) -> str:
    """An error as a fraction of its bound: ``0.021``, ``<.001``, ``12``, ``>9999``; empty when there is none."""
    if fraction is None or math.isnan(fraction):
        return ""
    if fraction > 9999:
        return ">9999"
    if 0 < fraction < 0.001:
        return "<.001"
    return f"{fraction:.0f}" if fraction >= 10 or fraction == 0 else f"{fraction:.{3 if fraction < 0.1 else 2}f}"


def elapsed(seconds: float) -> str:
    """A span that people wait for: ``3.2 s``, ``45 s``, ``4 min 12 s``, ``1 h 5 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min"


def about(seconds: float) -> str:
    """A guessed span, as coarse as a guess is: ``20 s``, ``2 min``, ``1 h 10 min``."""
    if seconds < 55:
        return f"{max(5, math.ceil(seconds / 5) * 5)} s"
    minutes = max(1, round(seconds / 60))
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {round(minutes % 60, -1) % 60} min"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: ``1 case``, ``3 cases``, ``2 entries``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def shortened(text: str, width: int) -> str:
    """Text that fits a width; what was cut off leaves an ellipsis."""
    return text if len(text) <= width else text[: max(0, width - 1)].rstrip() + "…"


def _rounded(value: float, digits: int) -> Decimal:
    return Decimal(f"{value:.{digits - 1}e}")


def _scaled(value: float | None, spread: float | None, units: tuple[tuple[float, str], ...]) -> str:
    if value is None or not math.isfinite(value):
        return ""
    digits = supported_digits(value, spread)
    rounded = float(_rounded(value, digits))
    scale, unit = next((pair for pair in units if abs(rounded) >= pair[0]), units[-1])
    # Below the smallest unit's own size there are no decimals: it cannot be counted in parts.
    text = f"{value:.0f}" if scale == 1.0 else significant(value / scale, digits)
    return f"{text} {unit}"
