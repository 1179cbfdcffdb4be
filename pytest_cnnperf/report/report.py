"""A finished run: everything that a report writer receives, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..cases import Case, DeviceKind
from ..judging.events import Event, Move, events
from ..judging.verdict import Reason, Verdict
from . import text
from .outcome import Hole, Outcome


@dataclass(frozen=True)
class Report:
    """What one run found, as the terminal, JSON and every later writer receive it.

    `peak_flops` is the measured matrix-product rate of one CPU core; `written` says in words what was stored, e.g.
    "12 new baseline entries in baselines/amd-epyc-2core/torch.json"; `unused` are stored keys that no case asked for;
    `command` is how pytest was called. Units: peak_flops in FLOP/s, threshold a fraction (0.05 is 5 %).
    """

    machine: Mapping[str, Any]
    peak_flops: float | None
    outcomes: tuple[Outcome, ...]
    holes: tuple[Hole, ...]
    seconds: float
    threshold: float
    written: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    compared: bool = False
    command: str = "pytest perftests"

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many outcomes have each verdict; verdicts that do not occur are left out."""
        counter = Counter(outcome.verdict for outcome in self.outcomes)
        return {verdict: counter[verdict] for verdict in Verdict if counter[verdict]}

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """What moved many of the compared cases together."""
        return events(filter(None, map(_move, self.outcomes)), threshold=self.threshold)

    def with_reason(self, *reasons: Reason) -> tuple[Outcome, ...]:
        """Outcomes whose reason is one of these."""
        return tuple(outcome for outcome in self.outcomes if outcome.reason in reasons)

    def with_verdict(self, verdict: Verdict) -> tuple[Outcome, ...]:
        """Outcomes that got this verdict."""
        return tuple(outcome for outcome in self.outcomes if outcome.verdict is verdict)

    def peak_of(self, case: Case) -> float | None:
        """The peak that this case may be measured against; None where `peak_flops` says nothing about its devices."""
        one_core = case.device_kind is DeviceKind.CPU and case.device_count == 1 and case.threads == 1
        return self.peak_flops if one_core else None


def _move(outcome: Outcome) -> Move | None:
    """How far an outcome is from its baseline; None where it was not compared."""
    ratio, pace = outcome.baseline_ratio, outcome.control_pace
    if not text.exists(ratio) or not ratio:
        return None
    case = outcome.case
    return Move(case.key, case.framework, case.device_kind, ratio, pace if text.exists(pace) else None)


def spread(outcome: Outcome) -> float | None:
    """Half the width of the interval of an outcome's ratio, relative to the ratio (0.004 is ±0.4 %)."""
    if not outcome.ratio or outcome.ratio_low is None or outcome.ratio_high is None:
        return None
    return (outcome.ratio_high - outcome.ratio_low) / 2 / outcome.ratio


def fell_back(outcome: Outcome) -> bool:
    """Whether the framework ran another algorithm than the case asked for."""
    return outcome.reason is Reason.ALGORITHM_FALLBACK


def failed(outcome: Outcome) -> bool:
    """Whether the case gave no usable result: it was wrong, or its worker did not survive."""
    return outcome.verdict is Verdict.WRONG or outcome.reason is Reason.WORKER_FAILED
