"""A finished self-test: everything that its writers receive, and what in it must not be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..judging.verdict import Verdict
from ..measuring.between_visits import Floor, seen_floor
from ..measuring.machine import Machine
from ..report import text
from .injecting import Shown
from .rates import Rate, rates
from .recordings import Recordings
from .standards import OF_RESOLUTION, allowed_alarms, is_promised, least_found

_LONGER_SECONDS = 900


@dataclass(frozen=True)
class Series:
    """The rates of one framework, from so many recordings of each slowdown."""

    title: str
    key: str
    recordings: int
    floor: Floor
    rates: tuple[Rate, ...]

    @classmethod
    def of(cls, measured: Recordings, *, level: float, run_floor: float) -> Series:
        """Everything compared with everything, with the floor that a baseline of the unchanged ones would give.

        Units: `run_floor` is what earlier runs have shown of the spread between runs; this one cannot.
        """
        unchanged = measured.of(0.0)
        floor = seen_floor((each.as_baseline for each in unchanged), runs=run_floor)
        found = rates(measured, level=level, floor=floor)
        return cls(measured.title, measured.key, len(unchanged), floor, found)

    @property
    def promised(self) -> Rate | None:
        """The smallest slowdown that the judge promises to find; all larger ones are promised too."""
        return next((rate for rate in self.rates if is_promised(rate)), None)

    def must_find(self, rate: Rate) -> bool:
        """Whether this slowdown is promised, or a smaller one is."""
        return self.promised is not None and rate.slowdown >= self.promised.slowdown


@dataclass(frozen=True)
class Failure:
    """Something that does not hold, and what to type next."""

    words: str
    command: str


@dataclass(frozen=True)
class SelfTest:
    """What was injected and what came of it; an empty half was not asked for.

    `level` is the error level of each of so many `cases` of a session.
    """

    machine: Machine
    cases: int
    level: float
    shown: tuple[Shown, ...]
    series: tuple[Series, ...]
    seconds: float

    @property
    def checks(self) -> int:
        """How many rates are held against what chance explains."""
        return sum(2 * len(series.rates) for series in self.series)

    def allowed(self, rate: Rate) -> int:
        """False alarms of a rate that chance explains."""
        return allowed_alarms(rate, level=self.level, checks=self.checks)

    def least(self, rate: Rate) -> int:
        """Detections of a promised slowdown below which chance does not explain the misses."""
        return least_found(rate, checks=self.checks)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """All that does not hold; none means that the self-test has passed."""
        return tuple(_uncaught(self)) + tuple(
            failure for series in self.series for failure in (*_alarms(self, series), *_missed(self, series))
        )


def _uncaught(test: SelfTest) -> Iterator[Failure]:
    for shown in test.shown:
        if not shown.is_caught:
            outcome = shown.outcome
            words = f"{shown.fault.name} came as {outcome.verdict} {outcome.reason}, expected {shown.fault.expected}"
            yield Failure(
                f"{words}: that is a fault of pytest-cnnperf, or of how it is installed; report it with the file of",
                "cnnperf selftest --only faults --json selftest.json",
            )


def _alarms(test: SelfTest, series: Series) -> Iterator[Failure]:
    for rate in series.rates:
        if rate.unchanged.changes > test.allowed(rate):
            words = (
                f"{series.title}: {text.counted(rate.unchanged.changes, 'false alarm')} in "
                f"{rate.unchanged.comparisons} comparisons at a threshold of {text.exactly(rate.threshold)}, chance "
                f"explains {test.allowed(rate)}: the machine changed while it was measured, so a verdict at this "
                "threshold cannot be believed here; see what disturbs it, and take a larger --cnnperf-threshold"
            )
            yield Failure(words, "cnnperf doctor")


def _missed(test: SelfTest, series: Series) -> Iterator[Failure]:
    if series.promised is None:
        largest = max(series.rates, key=lambda rate: rate.slowdown)
        resolution = text.percent(largest.slowed.resolution) or "nothing"
        yield Failure(
            f"{series.title}: even {text.change(1 + largest.slowdown)} is not promised (the judge can show "
            f"{resolution} here, and promises {OF_RESOLUTION:g} times that); see what disturbs this machine",
            "cnnperf doctor",
        )
    for rate in series.rates:
        found = rate.slowed[Verdict.SLOWER]
        if series.must_find(rate) and found < test.least(rate):
            words = (
                f"{series.title}: {text.change(1 + rate.slowdown)} is promised and was found in {found} of "
                f"{rate.slowed.comparisons} comparisons, expected {test.least(rate)}; measure longer, and if it stays, "
                "do not trust thresholds as small as this one's here"
            )
            yield Failure(words, f"cnnperf selftest --only rates --seconds {_LONGER_SECONDS}")
