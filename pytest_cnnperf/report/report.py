"""A finished run: everything that a report writer receives, and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..algorithms.method import compulsory_bytes
from ..cases import Case, DeviceKind, DType
from ..judging.events import Event, Move, events
from ..judging.verdict import Reason, Verdict
from . import text
from .outcome import Hole, Outcome

# Why a case that was asked for is a hole like one that was never collected.
HOLES = (Reason.NOT_OFFERED, Reason.NOT_INSTALLED)
# The fields of a report that say what devices can do at best; those of several processes become one by the largest.
RATES = ("peak_flops", "gpu_peak_flops", "gpu_copy_bytes_per_second")


@dataclass(frozen=True)
class Report:
    """What one run found, as the terminal, JSON and every later writer receive it.

    `peak_flops` is the measured matrix-product rate of one CPU core, `gpu_peak_flops` that of one GPU in strict
    float32, and `gpu_copy_bytes_per_second` what that GPU reads and writes when it copies. `written` says in words what
    was stored, e.g. "12 new baseline entries in baselines/amd-epyc-2core/torch.json"; `unused` are stored keys that no
    case asked for; `unfinished` cases were still to be visited when the run ended, and
    `failed_tests` have failed; `command` is how pytest was called.
    Units: peak_flops in FLOP/s, threshold a fraction (0.05 is 5 %).
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
    unfinished: int = 0
    failed_tests: int = 0
    command: str = "pytest perftests"
    gpu_peak_flops: float | None = None
    gpu_copy_bytes_per_second: float | None = None

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

    @property
    def quiet_share(self) -> float | None:
        """The share of the samples that were taken on a quiet core; None where no core was looked at."""
        probed = [outcome for outcome in self.outcomes if outcome.quiet_samples is not None and outcome.samples]
        taken = sum(outcome.samples for outcome in probed)
        return sum(outcome.quiet_samples or 0 for outcome in probed) / taken if taken else None

    def peak_of(self, case: Case) -> float | None:
        """The peak that this case may be measured against; None where none was measured of its devices and type."""
        if case.device_count != 1:
            return None
        if case.device_kind is DeviceKind.CUDA:
            return self.gpu_peak_flops if case.dtype is DType.FLOAT32 else None
        return self.peak_flops if case.threads == 1 else None

    def copy_share_of(self, outcome: Outcome) -> float | None:
        """The least traffic of a GPU's case by its time, as a fraction of what its copies reach."""
        problem, limit = outcome.case.problem, self.gpu_copy_bytes_per_second
        if outcome.case.device_kind is not DeviceKind.CUDA or not (problem and limit and outcome.median_ns):
            return None
        return compulsory_bytes(problem, outcome.case.dtype) / (outcome.median_ns * 1e-9) / limit


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
    """Whether the case gave no usable result: wrong, of a worker that did not survive, or compiled while timed."""
    return outcome.verdict is Verdict.WRONG or outcome.reason in (Reason.WORKER_FAILED, Reason.RECOMPILED)
