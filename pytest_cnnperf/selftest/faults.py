"""Everything that is injected: each fault as a script of the scripted framework, and what the line must say of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..judging.verdict import Reason, Verdict
from ..report.outcome import Outcome

THROTTLED = 4 / 3
# What a sound case is scripted to do: it is also what the baseline of all others is recorded from.
SOUND: Mapping[str, Any] = {
    "workload_ns": 2_000_000,
    "control_ns": 1_000_000,
    "noise": 0.004,
    "first_call_ns": 5_000_000,
}
_HANG_SECONDS = 1.5
_DEADLINE_SECONDS = 60.0


@dataclass(frozen=True)
class Fault:
    """One row of the self-test.

    `script` is laid over `SOUND`. Any of the `verdicts` will do; `reason` (unless it is None) and the text `says` must
    be there too. Units: a worker may be silent for `deadline_seconds`.
    """

    name: str
    injected: str
    script: Mapping[str, Any]
    verdicts: tuple[Verdict, ...]
    reason: Reason | None = None
    says: str = ""
    deadline_seconds: float = _DEADLINE_SECONDS

    @property
    def expected(self) -> str:
        """In words: ``WRONG result_stale``."""
        verdicts = " or ".join(verdict.value for verdict in self.verdicts)
        words = f"{verdicts} {self.reason.value}" if self.reason else verdicts
        return f"{words} that names the {self.says}" if self.says else words

    def is_caught(self, outcome: Outcome) -> bool:
        """Whether the line said what it must say."""
        reason = self.reason is None or outcome.reason is self.reason
        return outcome.verdict in self.verdicts and reason and self.says in outcome.detail


FAULTS = (
    Fault("nothing", "the baseline's own script once more", {}, (Verdict.SAME,), Reason.WITHIN_THRESHOLD),
    Fault(
        "slower by a tenth",
        "every call takes a tenth longer, the control does not",
        {"workload_ns": 2_200_000},
        (Verdict.SLOWER,),
        Reason.RATIO_ABOVE_THRESHOLD,
    ),
    Fault(
        "NaN",
        "one value of the timed calls' output is no number",
        {"fault": "nan", "at": "time"},
        (Verdict.WRONG,),
        Reason.RESULT_NOT_FINITE,
    ),
    Fault(
        "stale output",
        "the first output is handed out again for other operands",
        {"fault": "stale", "at": "time"},
        (Verdict.WRONG,),
        Reason.RESULT_STALE,
    ),
    Fault(
        "wrong values", "all values are 1 % off", {"fault": "wrong_value"}, (Verdict.WRONG,), Reason.RESULT_NOT_EXACT
    ),
    Fault(
        "wrong algorithm",
        "claims GEMM, computes in half precision",
        {"fault": "low_precision"},
        (Verdict.WRONG,),
        Reason.RESULT_OUTSIDE_BOUND,
    ),
    Fault(
        "silent fallback",
        "asked for GEMM, runs something else, rightly",
        {"resolved": {"algorithm": "direct", "name": "another kernel"}},
        (Verdict.UNKNOWN,),
        Reason.ALGORITHM_FALLBACK,
        says="another kernel",
    ),
    Fault(
        "throttling",
        "workload and control at once take a third longer",
        # Each process is then in the middle of its first round: a sample is 2 + 5 ms, a round at least 6 of them.
        {"throttled_after_ns": 35_000_000, "throttled_factor": THROTTLED},
        (Verdict.SAME, Verdict.UNDECIDED),
        says="control",
    ),
    Fault(
        "slow control",
        "the control alone takes a third longer",
        {"control_ns": round(THROTTLED * 1_000_000)},
        (Verdict.UNDECIDED,),
        says="control",
    ),
    Fault(
        "fast control",
        "the control alone takes a quarter less",
        {"control_ns": round(1_000_000 / THROTTLED)},
        (Verdict.UNDECIDED,),
        says="control",
    ),
    Fault(
        "crash",
        "the process of the framework aborts while it is timed",
        {"fault": "crash", "at": "time"},
        (Verdict.UNKNOWN,),
        Reason.WORKER_FAILED,
        says="SIGABRT",
    ),
    Fault(
        "hang",
        "a call does not come back",
        {"fault": "hang", "at": "time"},
        (Verdict.UNKNOWN,),
        Reason.WORKER_FAILED,
        says="no answer within",
        deadline_seconds=_HANG_SECONDS,
    ),
)
