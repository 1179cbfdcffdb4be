"""Live progress: how far, with which verdicts, and how long still."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..judging.verdict import Verdict
from . import text


@dataclass(frozen=True)
class Progress:
    """Cases done of a total. Units: busy_seconds is the sum of the finished cases' own durations."""

    total: int
    done: int = 0
    busy_seconds: float = 0.0
    counts: Mapping[Verdict, int] = field(default_factory=dict)

    def finished(self, verdict: Verdict, seconds: float) -> Progress:
        """This progress with one more case done."""
        counts = Counter(self.counts)
        counts[verdict] += 1
        return replace(self, done=self.done + 1, busy_seconds=self.busy_seconds + seconds, counts=counts)

    def seconds_left(self, elapsed_seconds: float) -> float | None:
        """Time that the other cases will take if they are like the finished ones; None before the first.

        Cases that ran at the same time show as more busy seconds than elapsed ones, and will do so again.
        """
        if not self.done:
            return None
        at_once = max(1.0, self.busy_seconds / elapsed_seconds) if elapsed_seconds > 0 else 1.0
        return max(0, self.total - self.done) * self.busy_seconds / self.done / at_once

    def text(self, elapsed_seconds: float) -> str:
        """One line: ``43/140 · 40 SAME · 3 UNDECIDED · about 2 min left``."""
        verdicts = [f"{self.counts[verdict]} {verdict}" for verdict in Verdict if self.counts.get(verdict)]
        left = self.seconds_left(elapsed_seconds)
        ahead = [f"about {text.about(left)} left"] if left and self.done < self.total else []
        return " · ".join([f"{self.done}/{self.total}", *verdicts, *ahead])
