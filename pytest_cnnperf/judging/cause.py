"""Why a case is slower: what differs between what ran then and what runs now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..cases import Algorithm
from ..cases.words import Word
from .judge import CONTROL_MOVED
from .verdict import Judgement, Verdict

# An error fraction is the same from run to run: of 467 cases recorded twice in baselines/, 463 had it to a thousandth
# and the largest change was by 1.47, after a change of the code. Float32 against TF32 is a factor of 8192.
ERROR_FACTOR = 2.0
UNKNOWN = "unknown"
# What these fields of `versions` are called; "framework" holds the name that goes with "version".
_FRAMEWORK, _VERSION = "framework", "version"


class Cause(Word):
    """Why a case is slower than its baseline, the most telling first."""

    ALGORITHM_CHANGED = "algorithm_changed"
    ACCURACY_CHANGED = "accuracy_changed"
    VERSIONS_CHANGED = "versions_changed"
    MACHINE_SLOWER = "machine_slower"
    KERNEL_SLOWER = "kernel_slower"

    @property
    def words(self) -> str:
        """The code as people say it."""
        return self.value.replace("_", " ")


@dataclass(frozen=True)
class Ran:
    """What one side of a comparison ran: its name, the algorithm where it is known, how exact, with which versions."""

    name: str
    algorithm: Algorithm | None
    error_fraction: float | None
    versions: Mapping[str, str]

    @property
    def text(self) -> str:
        """Algorithm and name: ``direct (oneDNN jit:avx512_core)``."""
        return f"{self.algorithm} ({self.name})" if self.algorithm else self.name


@dataclass(frozen=True)
class Forced:
    """The case with the baseline's algorithm forced: how that compares, or why there is no comparison."""

    algorithm: Algorithm | None
    judgement: Judgement | None
    why_not: str = ""

    @property
    def is_slower_too(self) -> bool:
        """Whether the old algorithm has become slower as well, so that the choice alone explains nothing."""
        return self.judgement is not None and self.judgement.verdict is Verdict.SLOWER

    @property
    def text(self) -> str:
        """What the visit showed: ``forced gemm: +0.3 %, so it is the choice``."""
        if self.judgement is None or self.judgement.baseline_ratio is None:
            return self.why_not
        change = f"{100 * (self.judgement.baseline_ratio - 1):+.1f} %".replace("-0.0", "+0.0")
        found = f"forced {self.algorithm}: {change}"
        if self.is_slower_too:
            return f"{found} too, so the choice alone does not explain it"
        if self.judgement.verdict in (Verdict.SAME, Verdict.FASTER):
            return f"{found}, so it is the choice"
        return f"{found} in so few visits, which is not certain"


@dataclass(frozen=True)
class Explanation:
    """The first cause, and a sentence that tells what was seen of it and of all others."""

    cause: Cause
    detail: str


def algorithm_changed(before: Ran, now: Ran) -> bool:
    """Whether another kernel ran; what could not be observed on one side is not said to have changed."""
    return UNKNOWN not in (before.name, now.name) and before.name != now.name


def explain(
    before: Ran, now: Ran, *, ratio: float, control_pace: float | None, forced: Forced | None = None
) -> Explanation:
    """Why a case is slower by this ratio, from what differs.

    All that differs is in the detail; the cause is the first in the order of `Cause`. A changed algorithm comes last
    where the forced old one is slower too. Units: `ratio` now ÷ baseline, `control_pace` the control's now ÷ baseline.
    """
    found = dict(_differences(before, now, forced=forced))
    slower_too = forced is not None and forced.is_slower_too
    if not found or (slower_too and found.keys() == {Cause.ALGORITHM_CHANGED}):
        # What changed, if anything, does not explain it: the machine, or what is left.
        found |= _machine(ratio, control_pace) or {Cause.KERNEL_SLOWER: _kernel(before, now, control_pace)}
    order = sorted(Cause, key=lambda each: each is Cause.ALGORITHM_CHANGED) if slower_too else list(Cause)
    first, *others = (cause for cause in order if cause in found)
    also = (f"also {cause.words}: {found[cause]}" for cause in others)
    return Explanation(first, "; ".join((found[first], *also)))


def _differences(before: Ran, now: Ran, *, forced: Forced | None) -> Iterator[tuple[Cause, str]]:
    if algorithm_changed(before, now):
        forced_text = f"; {forced.text}" if forced else ""
        yield Cause.ALGORITHM_CHANGED, f"{before.text} → {now.text}{forced_text}"
    else:
        moved = _error_moved(before.error_fraction, now.error_fraction)
        if moved:
            yield Cause.ACCURACY_CHANGED, f"{moved}, by the same {now.name}: other arithmetic"
    versions = _versions_changed(before.versions, now.versions)
    if versions:
        yield Cause.VERSIONS_CHANGED, versions


def _error_moved(before: float | None, now: float | None) -> str:
    if before is None or now is None or before == now:
        return ""
    # Of an exact answer and one that is not, the factor is infinite.
    low, high = sorted((before, now))
    if low and high / low <= ERROR_FACTOR:
        return ""
    return f"the error went from {before:.2g} to {now:.2g} of its bound"


def _versions_changed(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Each version that differs: ``torch 2.12 → 2.13, library onednn 3.9 → 3.10``."""
    named = {_VERSION: now.get(_FRAMEWORK, _FRAMEWORK)}
    changed = (name for name in {**now, **before} if before.get(name) != now.get(name))
    return ", ".join(
        f"{named.get(name, name)} {before.get(name, 'none')} → {now.get(name, 'none')}" for name in changed
    )


def _machine(ratio: float, control_pace: float | None) -> dict[Cause, str]:
    """The machine, where it runs slower by more than what is left of the case beside its control; or nothing."""
    if control_pace is None or control_pace < max(CONTROL_MOVED, ratio):
        return {}
    seen = (
        f"the control takes {control_pace:.2f} times as long as in the baseline, and the case's own {ratio:.2f} is no "
        "more than that: it may follow the machine's pace more than the control does"
    )
    return {Cause.MACHINE_SLOWER: seen}


def _kernel(before: Ran, now: Ran, control_pace: float | None) -> str:
    if algorithm_changed(before, now):
        same = "the old algorithm has become slower as well, with the same versions"
    else:
        what = f"{now.text} as before" if now.name != UNKNOWN else "what runs cannot be observed"
        same = f"{what}, with the same versions and accuracy"
    paced = f"; the control takes {control_pace:.2f} times as long as in the baseline" if control_pace else ""
    return f"{same}{paced}"
