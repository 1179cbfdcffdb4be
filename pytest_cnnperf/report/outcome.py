"""Everything that a report writer receives; it travels as a plain dict from xdist workers to the controller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from ..cases import Case
from ..judging.cause import Cause
from ..judging.verdict import Reason, Verdict
from ..measuring.gpu.conditions import Conditions


@dataclass(frozen=True)
class Outcome:
    """One row of the matrix after it ran; None where a number does not exist.

    Units: times in nanoseconds per workload call on `clock`; `ratio` is workload ÷ control with its interval;
    `baseline_ratio` is now ÷ baseline, `control_pace` the control's own time now ÷ baseline; `error_fraction` is the
    error as a fraction of its bound. `cause` says why a SLOWER case is slower. `prepare_ns` is the part of
    `first_call_ns` before the call itself: operands moved, compiled, searched. `peak_bytes` is the most device memory
    that the case needed; `conditions` are those of its GPUs, None on a CPU. So many of the `samples` are
    `quiet_samples`, taken on a core whose sibling did not work; None where nobody looked. `recorded_runs` is the number
    of runs that the baseline of the case comes from.
    `entry` is what a baseline would store (a plain mapping), or None when nothing may be stored.
    """

    key: str
    nodeid: str
    verdict: Verdict
    reason: Reason
    detail: str = ""
    correct: bool | None = None
    error_fraction: float | None = None
    resolved: str = "unknown"
    samples: int = 0
    quiet_samples: int | None = None
    median_ns: int | None = None
    control_median_ns: int | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    first_call_ns: int | None = None
    prepare_ns: int | None = None
    flops: int | None = None
    workspace_bytes: int | None = None
    peak_bytes: int | None = None
    baseline_ratio: float | None = None
    baseline_low: float | None = None
    baseline_high: float | None = None
    resolution: float | None = None
    control_pace: float | None = None
    within_run: float | None = None
    recorded_runs: int = 1
    cause: Cause | None = None
    cause_detail: str = ""
    threshold: float | None = None
    duration_seconds: float = 0.0
    conditions: Conditions | None = None
    entry: Mapping[str, Any] | None = field(default=None)

    @property
    def is_told(self) -> bool:
        """Whether all of its fields are known; others are reckoned when somebody asks (untold.py)."""
        return True

    @property
    def shows_in_timed_calls_only(self) -> bool:
        """Whether a check without timing cannot see what is wrong: a stale output is that of an earlier call."""
        return self.reason is Reason.RESULT_STALE

    def but(self, **fields: Any) -> Outcome:
        """This outcome with other values of these fields.

        Copied as a mapping: `dataclasses.replace` sets so many fields one by one, which takes five times as long.
        Raises: TypeError for a name that is no field.
        """
        if not fields.keys() <= vars(self).keys():
            raise TypeError(f"an outcome has no {', '.join(sorted(fields.keys() - vars(self).keys()))}")
        made = object.__new__(Outcome)
        vars(made).update(vars(self), **fields)
        return made

    @property
    def case(self) -> Case:
        """The case behind the key."""
        return _case_of(self.key)

    def to_plain(self) -> dict[str, Any]:
        """Only dicts, lists, text, numbers and None: what xdist can carry."""
        # Every other field is plain already; `asdict` would copy all samples of the entry one by one.
        words = {"verdict": self.verdict.value, "reason": self.reason.value, "cause": self.cause and self.cause.value}
        return {**vars(self), **words, "conditions": self.conditions and self.conditions.to_plain()}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Outcome:
        """The outcome whose `to_plain` this is."""
        return cls(**{**plain, **values_of(plain)})


def values_of(plain: Mapping[str, Any]) -> dict[str, Verdict | Reason | Cause | Conditions | None]:
    """The fields of an outcome that are more than plain: the members of closed sets, and the conditions.

    Raises: ValueError for what cannot be one, KeyError without a verdict or reason.
    """
    cause, conditions = plain.get("cause"), plain.get("conditions")
    return {
        "verdict": Verdict(plain["verdict"]),
        "reason": Reason(plain["reason"]),
        "cause": None if cause is None else Cause(cause),
        "conditions": None if conditions is None else Conditions.from_plain(conditions),
    }


# A page asks for the case of each of its rows again and again.
_case_of = lru_cache(maxsize=16_384)(Case.parse)


@dataclass(frozen=True)
class Hole:
    """Combinations that were not collected, because they cannot exist or their framework is not installed."""

    framework: str
    algorithm: str
    reason: str
    count: int = 1
    pass_: str = ""
