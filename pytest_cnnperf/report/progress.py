"""Live progress: how far, with which verdicts, and how long still."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..judging.verdict import Verdict
from . import text


@dataclass(frozen=True)
class Progress:
    """Cases done of a total, and those that will be visited again.

    `ahead` holds the visits that follow for certain, by the node id of the waiting test, and `due` when the next may be
    made, where that is not at once; `touched` counts the cases visited at all.
    Units: busy_seconds is the sum of the visits' own durations, `due` in seconds since the run began.
    """

    total: int
    done: int = 0
    touched: int = 0
    visits: int = 0
    busy_seconds: float = 0.0
    counts: Mapping[Verdict, int] = field(default_factory=dict)
    ahead: Mapping[str, int] = field(default_factory=dict)
    due: Mapping[str, float] = field(default_factory=dict)

    def finished(self, nodeid: str, verdict: Verdict, seconds: float) -> Progress:
        """This progress with one more case done, whose last visit took so long."""
        counts = {**self.counts, verdict: self.counts.get(verdict, 0) + 1}
        return replace(self.visited(nodeid, 0, seconds), done=self.done + 1, counts=counts)

    def visited(self, nodeid: str, ahead: int, seconds: float, *, due: float | None = None) -> Progress:
        """This progress after a visit that will be followed by so many others, the next of them `due` then."""
        others = {name: count for name, count in self.ahead.items() if name != nodeid}
        all_due = {name: at for name, at in self.due.items() if name != nodeid}
        return replace(
            self,
            touched=self.touched + (nodeid not in self.ahead),
            visits=self.visits + 1,
            busy_seconds=self.busy_seconds + seconds,
            ahead={**others, nodeid: ahead} if ahead else others,
            due=all_due if due is None else {**all_due, nodeid: due},
        )

    def seconds_left(self, elapsed_seconds: float) -> float | None:
        """Time that the other visits will take if they are like the made ones; None before the first.

        Untouched cases are taken to need as many visits as the touched ones. Cases that ran at the same time show as
        more busy seconds than elapsed ones, and will do so again. It is no less than what the last of them waits for.
        """
        if not self.touched:
            return None
        at_once = max(1.0, self.busy_seconds / elapsed_seconds) if elapsed_seconds > 0 else 1.0
        certain = sum(self.ahead.values())
        untouched = max(0, self.total - self.touched) * (self.visits + certain) / self.touched
        busy = (certain + untouched) * self.busy_seconds / self.visits / at_once
        return max(busy, max(self.due.values(), default=0.0) - elapsed_seconds)

    def text(self, elapsed_seconds: float) -> str:
        """One line: ``43/140 · 40 SAME · 3 UNDECIDED · 7 to visit again · about 2 min left``."""
        verdicts = [f"{self.counts[verdict]} {verdict}" for verdict in Verdict if self.counts.get(verdict)]
        again = [f"{len(self.ahead)} to visit again"] if self.ahead else []
        left = self.seconds_left(elapsed_seconds)
        remaining = [f"about {text.about(left)} left"] if left and self.done < self.total else []
        return " · ".join([f"{self.done}/{self.total}", *verdicts, *again, *remaining])
