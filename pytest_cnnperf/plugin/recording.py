"""Baselines are written while a run goes on: one that is cut off keeps what it has measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from ..errors import CnnperfError
from ..judging.verdict import Reason
from ..report.outcome import Outcome
from ..settings import Settings, Update, will_store
from .session import Session

_UNRECORDED = {Reason.NO_BASELINE, Reason.FOREIGN_BASELINE}


def wanted_entries(outcomes: Iterable[Outcome], settings: Settings) -> list[Outcome]:
    """The outcomes whose entries the settings ask to store; a wrong or unmeasured one has no entry.

    What a run has just called a change is not added to what is stored as if it were noise.
    """
    return [
        outcome
        for outcome in outcomes
        if will_store(settings, known=outcome.reason not in _UNRECORDED)
        and outcome.entry is not None
        and not is_change_not_added(outcome, settings)
    ]


def is_change_not_added(outcome: Outcome, settings: Settings) -> bool:
    """Whether a run that adds leaves this one out, since it is SLOWER or FASTER."""
    return settings.update is Update.ADD and outcome.verdict.is_change


class Recorder:
    """Writes the entries of finished cases, where the user looks: now and then, and the rest at the end.

    What goes wrong in between is tried again at the end, and told then.
    """

    every_seconds = 45.0

    def __init__(self, session: Session, *, now: Callable[[], float] = time.monotonic) -> None:
        self._session = session
        self._now = now
        self._written_seconds = now()
        self._done = 0
        self._words: tuple[str, ...] = ()

    def now_and_then(self) -> None:
        """Write what has finished since the last time, unless that was just now."""
        if self._now() - self._written_seconds < self.every_seconds:
            return
        self._written_seconds = self._now()
        try:
            self.write()
        except CnnperfError:
            return  # the outcomes are still waiting: the end of the run meets it again

    def write(self) -> tuple[str, ...]:
        """Write what is not written yet; returns all that this run has written, in words.

        Raises: BaselineError when nothing could be stored.
        """
        session = self._session
        end = len(session.outcomes)
        wanted = wanted_entries(session.outcomes[self._done : end], session.settings)
        if wanted:
            self._words = session.run.write_baselines(wanted, session.measured_on)
        self._done = end
        return self._words
