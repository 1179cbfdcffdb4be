"""What a baseline stores of one case, as values and as plain fields."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..cases import Algorithm, Clock
from ..measuring.figure import LEAST_PAIRS, figure_of
from ..measuring.gpu.conditions import Conditions
from ..measuring.robust import are_positive
from ..measuring.samples import Plan, Round, Samples

# Of a case of one run, and of several together: a file of sixty cases is then two thirds of a megabyte.
MOST_SAMPLES, MOST_SAMPLES_OF_RUNS = 96, 192
# Runs that an entry keeps, the newest: enough to know how far they lie apart.
MOST_RUNS = 3


@dataclass(frozen=True)
class Entry:
    """One case of a baseline.

    `resolved` names what ran and `resolved_algorithm` is its algorithm where that is known; `error_fraction` is the
    error as a fraction of its bound, `recorded` an ISO date. `conditions` are those of the GPUs, None on a CPU.
    Units: nanoseconds as in `Samples`; bytes of device memory, None where unknown; `ratio` is workload ÷ control, six
    significant digits.
    """

    key: str
    clock: Clock
    plan: Plan
    rounds: tuple[Round, ...]
    first_call_ns: int
    resolved: str
    error_fraction: float | None
    versions: Mapping[str, str]
    recorded: str
    median_ns: int
    control_median_ns: int
    ratio: float
    resolved_algorithm: Algorithm | None = None
    peak_memory_bytes: int | None = None
    conditions: Conditions | None = None

    @classmethod
    def of(
        cls,
        key: str,
        samples: Samples,
        *,
        resolved: str,
        error_fraction: float | None,
        versions: Mapping[str, str],
        recorded: str,
        resolved_algorithm: Algorithm | None = None,
        peak_memory_bytes: int | None = None,
    ) -> Entry:
        """The entry of these samples, at most 96 of them, evenly from all rounds.

        Raises: ValueError for samples without a figure (none, or not above 0); such are never stored.
        """
        if not samples.count or not are_positive(samples.workload_ns + samples.control_ns):
            raise ValueError(f"{key}: samples without a figure cannot become a baseline")
        kept = Samples(samples.clock, samples.plan, thinned(samples.rounds), samples.first_call_ns)
        return cls(
            key=key,
            clock=kept.clock,
            plan=kept.plan,
            rounds=kept.rounds,
            first_call_ns=kept.first_call_ns,
            resolved=resolved,
            resolved_algorithm=resolved_algorithm,
            error_fraction=error_fraction,
            versions=dict(sorted(versions.items())),
            recorded=recorded,
            peak_memory_bytes=peak_memory_bytes,
            conditions=samples.conditions,
            **derived(kept),
        )

    @property
    def samples(self) -> Samples:
        """The stored samples, ready to be compared with."""
        return Samples(self.clock, self.plan, self.rounds, self.first_call_ns)

    @property
    def flaw_of_runs(self) -> str:
        """Why these cannot be the runs of an entry: several are compared with one by one, so each needs a figure."""
        runs = self.samples.runs
        if len(runs) > MOST_RUNS:
            return f"has rounds of {len(runs)} runs, expected at most {MOST_RUNS}"
        short = [run for run in runs if run.count < LEAST_PAIRS]
        if len(runs) < 2 or not short:
            return ""
        return (
            f"run {short[0].rounds[0].run} has {short[0].count} samples, expected at least {LEAST_PAIRS} beside others"
        )

    def unlike(self, other: Entry) -> str:
        """In what the other was recorded otherwise, so that the two cannot be runs of one entry; else empty.

        Where algorithms are known it is they that count: a search may take another kernel of the same at any time.
        """
        ran = "resolved_algorithm" if self.resolved_algorithm and other.resolved_algorithm else "resolved"
        names = ("clock", "plan", ran, "versions")
        return ", ".join(name for name in names if getattr(self, name) != getattr(other, name))

    def with_run(self, newer: Entry) -> Entry:
        """Both as runs of one entry, of which the newest three are kept; dates and facts are the newer's.

        The same run a second time, as after a write that failed halfway, changes nothing.
        Raises: ValueError for an entry that is `unlike` this one.
        """
        differing = self.unlike(newer)
        if differing:
            raise ValueError(f"{self.key}: recorded with other {differing}, which is no other run of the same")
        runs = [run.rounds for run in self.samples.runs]
        if _of_run(0, thinned(newer.rounds, _most_samples(len(runs)))) == _of_run(0, runs[-1]):
            return self
        runs = [*runs, newer.rounds][-MOST_RUNS:]
        most = _most_samples(len(runs))
        rounds = tuple(each for number, run in enumerate(runs) for each in _of_run(number, thinned(run, most)))
        return replace(
            newer,
            rounds=rounds,
            error_fraction=max(filter(None, (self.error_fraction, newer.error_fraction)), default=newer.error_fraction),
            **derived(replace(self.samples, rounds=rounds)),
        )

    def to_plain(self) -> dict[str, Any]:
        """Fields for JSON and for xdist: only dicts, lists, text, numbers and None; the key is not among them."""
        return {
            "clock": self.clock.value,
            **({"conditions": self.conditions.to_plain()} if self.conditions else {}),
            "control_median_ns": self.control_median_ns,
            "error_fraction": self.error_fraction,
            "first_call_ns": self.first_call_ns,
            "median_ns": self.median_ns,
            **({} if self.peak_memory_bytes is None else {"peak_memory_bytes": self.peak_memory_bytes}),
            "plan": {
                "control": self.plan.control,
                "control_units": self.plan.control_units,
                "repeats": self.plan.repeats,
            },
            "ratio": self.ratio,
            "recorded": self.recorded,
            "resolved": self.resolved,
            **({"resolved_algorithm": self.resolved_algorithm.value} if self.resolved_algorithm else {}),
            "rounds": [
                {
                    "control_ns": list(round_.control_ns),
                    **({"probe_ns": list(round_.probe_ns), "quiet_ns": round_.quiet_ns} if round_.probe_ns else {}),
                    **({"sweep_ns": list(round_.sweep_ns)} if round_.sweep_ns else {}),
                    **({"run": round_.run} if round_.run else {}),
                    **({} if round_.at_seconds is None else {"at_seconds": round_.at_seconds}),
                    "visit": round_.visit,
                    "wall_ns": list(round_.wall_ns),
                    "workload_ns": list(round_.workload_ns),
                }
                for round_ in self.rounds
            ],
            "versions": dict(self.versions),
        }

    @classmethod
    def from_plain(cls, key: str, plain: Mapping[str, Any]) -> Entry:
        """The entry whose `to_plain` this is; fields that came from a file go through `schema` first."""
        rounds = tuple(map(_round, plain["rounds"]))
        made = {"key": key, "clock": Clock(plain["clock"]), "plan": Plan(**plain["plan"]), "rounds": rounds}
        if "resolved_algorithm" in plain:
            made["resolved_algorithm"] = Algorithm(plain["resolved_algorithm"])
        if "conditions" in plain:
            made["conditions"] = Conditions.from_plain(plain["conditions"])
        return cls(**{**plain, **made})


def _round(plain: Mapping[str, Any]) -> Round:
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()}
    return Round(**fields)


def _most_samples(runs: int) -> int:
    """How many samples each of so many runs may have."""
    return min(MOST_SAMPLES, MOST_SAMPLES_OF_RUNS // runs)


def _of_run(number: int, rounds: Sequence[Round]) -> tuple[Round, ...]:
    return tuple(replace(each, run=number) for each in rounds)


def derived(samples: Samples) -> dict[str, Any]:
    """What a reader of the file wants to see at once, and what must agree with the samples beside it."""
    return {
        "median_ns": round(statistics.median(samples.workload_ns)),
        "control_median_ns": round(statistics.median(samples.control_ns)),
        "ratio": float(f"{figure_of(samples):.6g}"),
    }


def thinned(rounds: Sequence[Round], most: int = MOST_SAMPLES) -> tuple[Round, ...]:
    """At most so many pairs, evenly over the rounds and evenly within each."""
    filled = [round_ for round_ in rounds if round_.workload_ns]
    chosen = [filled[index] for index in _evenly(len(filled), most)]
    quota = most // max(1, len(chosen))
    return tuple(round_.picked(_evenly(len(round_.workload_ns), quota)) for round_ in chosen)


def _evenly(count: int, most: int) -> list[int]:
    """Indices of at most `most` of so many things, equally far apart."""
    return list(range(count)) if count <= most else [index * count // most for index in range(most)]
