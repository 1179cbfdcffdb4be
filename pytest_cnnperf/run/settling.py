"""Waiting for a quiet core: for so long, and not for ever."""

from __future__ import annotations

import time
from collections.abc import Callable

from ..host.remote import RemoteCase
from ..measuring.core import quiet_ns
from ..measuring.samples import Samples

# Half of the time in which a core's sibling is busy belongs to stretches shorter than 1.5 s.
MOST_SECONDS = 1.5
# All waiting of a run together takes at most this share of its time, and this much besides: where a core is never
# quiet that is what it costs to find out.
MOST_SHARE = 0.3
GRACE_SECONDS = 10.0


class Settling:
    """How long the cases of a run may wait for a quiet core, and what the probes of each framework take on one.

    `cores` are those among which a case of one thread may choose; the run holds all of them meanwhile.
    """

    def __init__(self, cores: tuple[int, ...], now: Callable[[], float] = time.monotonic) -> None:
        self.cores = cores
        self._now = now
        self._began = now()
        self._waited_seconds = 0.0
        self._quiet_ns: dict[str, int] = {}

    @property
    def seconds_left(self) -> float:
        """How long all cases together may wait now."""
        most = GRACE_SECONDS + MOST_SHARE * (self._now() - self._began)
        return max(0.0, most - self._waited_seconds)

    def lose(self, seconds: float) -> None:
        """A case has waited for so long."""
        self._waited_seconds += seconds

    def quiet_ns(self, framework: str, like: Samples | None) -> int:
        """What a probe takes on a quiet core as far as the run or these samples know; 0 if nobody does."""
        known = (self._quiet_ns.get(framework, 0), quiet_ns(like.rounds) if like else 0)
        return min(filter(None, known), default=0)

    def learn(self, framework: str, samples: Samples) -> None:
        """Remember what a probe takes on a quiet core under this framework's interpreter."""
        self._quiet_ns[framework] = self.quiet_ns(framework, samples)


class CasePatience:
    """The patience of one round of a case; fulfils `Patience`."""

    def __init__(self, settling: Settling, remote: RemoteCase, framework: str, like: Samples | None) -> None:
        self._settling = settling
        self._remote = remote
        self._framework = framework
        self._like = like
        self._seconds_left = MOST_SECONDS

    def allow(self) -> None:
        """Tell the worker how long the next batch may wait."""
        self._remote.be_patient(
            quiet_ns=self._settling.quiet_ns(self._framework, self._like),
            seconds=min(self._seconds_left, self._settling.seconds_left),
            cores=self._settling.cores,
        )

    def lose(self, seconds: float) -> None:
        """The batch has waited for so long."""
        self._seconds_left = max(0.0, self._seconds_left - seconds)
        self._settling.lose(seconds)
