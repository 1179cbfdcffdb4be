"""When a round has enough samples: the interval is narrow, or there are enough of them, or the time is up."""

from __future__ import annotations

import math

from ..settings import Timing
from .robust import Z_95
from .samples import Round

# Two rounds whose figures are known to a fifth of the threshold can be told apart at the threshold with room for
# the spread between rounds, which no number of samples in one round lowers.
TARGET_OF_THRESHOLD = 0.2
LEAST_SAMPLES = 3
PATIENCE = 10
# So much time may go by with samples that are discarded, and with waiting until a throttled GPU recovers: so many times
# the time of a round, and never more than this.
MOST_LOST_ROUNDS = 5
MOST_LOST_SECONDS = 10.0
_NO_SAMPLES = Round((), (), ())


class Stopping:
    """Three verbs: initialize, add, is_finished.

    It stops when the 95 % interval of the ratio is narrower than ± threshold / 5 and `min_samples` are there,
    at `max_samples`, or after `max_seconds`; the first three samples may take ten times as long. Time in which samples
    could not be kept does not count, up to a limit of its own.
    """

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self.initialize()

    def initialize(self) -> None:
        """Forget all samples."""
        self.round = _NO_SAMPLES
        self.elapsed_seconds = 0.0
        self.lost_seconds = 0.0

    def add(self, batch: Round, *, elapsed_seconds: float) -> None:
        """Take in a batch; `elapsed_seconds` is the time since the round began, `lost_seconds` of it included."""
        self.round = self.round.followed_by(batch) if self.count else batch
        self.elapsed_seconds = elapsed_seconds - self.lost_seconds

    def lose(self, seconds: float) -> None:
        """Time went by of which no sample is kept."""
        self.lost_seconds += seconds

    @property
    def seconds_to_lose(self) -> float:
        """What is left of the time that may go by so."""
        timing = self.timing
        return max(0.0, min(MOST_LOST_ROUNDS * timing.max_seconds, MOST_LOST_SECONDS) - self.lost_seconds)

    @property
    def count(self) -> int:
        """Samples so far."""
        return len(self.round.workload_ns)

    @property
    def half_width(self) -> float:
        """Relative half width of the 95 % interval of the ratio; infinite when it cannot be computed."""
        return Z_95 * self.round.centre_error if self.round.is_usable else math.inf

    def is_finished(self) -> bool:
        """Whether no more samples are wanted."""
        timing = self.timing
        if self.count >= timing.max_samples or not self.seconds_to_lose:
            return True
        if self.elapsed_seconds >= PATIENCE * timing.max_seconds:
            return self.count >= 1
        if self.elapsed_seconds >= timing.max_seconds:
            return self.count >= LEAST_SAMPLES
        return self.count >= timing.min_samples and self.half_width <= TARGET_OF_THRESHOLD * timing.threshold
