"""One round: choose how a sample is built, take samples in batches, stop when they are enough."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from ..cases import Clock
from ..errors import WorkerFailed
from ..host.source import Source, Timed
from ..settings import Timing
from .gpu.state import GpuState
from .gpu.watch import Batch, Watch
from .robust import are_positive
from .samples import Plan, Round, Samples
from .stopping import Stopping

# A sample lasts so long that clock granularity and call overhead do not matter.
SAMPLE_NS = 1_000_000
MAX_REPEATS = 100_000
# The control takes half as long as the workload: a shorter one is noisier, a longer one costs without telling more.
# Between these limits: several units for short workloads, no seconds of control beside seconds of workload.
LEAST_CONTROL_NS = 5_000_000
MOST_CONTROL_NS = 100_000_000
BATCH = 12
# An estimate that took so many times what it tells, and so long besides, is of something that waits.
WAITING_SHARE, WAITING_SECONDS = 4, 0.05
# The first case of a process meets pages that were never touched: a convolution of 18 ms took 23 or 28 ms in every
# second of its first calls, and none later.
FIRST_WARMUP = 8
# An operand that has just been rewritten is in the cache: short calls feel it, long ones do not and would pay double.
SHORT_SECONDS = 0.1
_UNSEEN = Batch(())


def choose_plan(workload_ns: int, control_ns: int, *, control: str) -> Plan:
    """Repeat calls shorter than a millisecond, and give the control half of the workload's time within limits."""
    # An estimate of 0 comes from a clock too coarse for one call; a microsecond is then a safe guess.
    call_ns, unit_ns = max(workload_ns, 1_000), max(control_ns, 1_000)
    repeats = min(MAX_REPEATS, math.ceil(SAMPLE_NS / call_ns))
    wanted_ns = min(max(repeats * call_ns // 2, LEAST_CONTROL_NS), MOST_CONTROL_NS)
    return Plan(repeats=repeats, control_units=max(1, wanted_ns // unit_ns), control=control)


def measure(
    source: Source,
    timing: Timing,
    *,
    clock: Clock,
    plan: Plan | None,
    first_call_ns: int,
    control: str,
    seconds_per_sample: float | None = None,
    watch: Watch | None = None,
    now: Callable[[], float] = time.monotonic,
) -> Samples:
    """One round of samples; a baseline's `plan` for this control is used again, since a ratio depends on it.

    Every batch negates the operand, an odd number of times in all (one more sample where needed): the last output must
    be the negative of the prepared call's and of the batch's before, so that neither can be handed out again unseen.
    A `watch` on GPUs discards throttled batches and counts them.
    Units: `seconds_per_sample` as earlier rounds took, if there were any; otherwise it is estimated.
    Raises: WorkerFailed when the source answers without samples, or with unequally many; GpuBusy, GpuUnreadable.
    """
    began, call_seconds, at_once = now(), seconds_per_sample, BATCH
    # A plan for another control says nothing of this one, and will be seen as another method.
    if plan is None or plan.control != control:
        plan, call_seconds, estimated_seconds = _estimated(source, clock, control, now)
        if seconds_per_sample is None and estimated_seconds is not None:
            seconds_per_sample = estimated_seconds
            # What has no operand to negate, and no GPU to look at, needs no more requests than one.
            at_once = BATCH if source.flips or watch is not None else max(BATCH, timing.min_samples)
    stopping, flips = Stopping(timing), 0
    sieve = _Sieve(stopping, watch, seconds_per_sample)
    # A round ends with the negative operand; what has none needs no odd number of batches.
    while not (is_enough := stopping.is_finished()) or (source.flips and flips % 2 == 0):
        batch_began, seconds = now(), sieve.seconds_per_sample
        timed = source.time(
            samples=1 if is_enough else _batch(stopping, seconds, at_once=at_once),
            warmup=_warmup(source, timing, is_first=not flips, seconds=seconds if flips else call_seconds),
            repeats=plan.repeats,
            control_units=plan.control_units,
            clock=clock,
            flip=True,
        )
        flips += 1
        sieve.add(_checked(timed), now() - batch_began, elapsed_seconds=now() - began)
    return Samples(clock, plan, (stopping.round,), first_call_ns, tuple(sieve.states), *sieve.discarded)


def _estimated(
    source: Source, clock: Clock, control: str, now: Callable[[], float]
) -> tuple[Plan, float, float | None]:
    """A plan, and the seconds of a call and of a sample; None where the latter cannot be told from the clock."""
    began = now()
    workload_ns, control_ns = source.estimate(clock)
    plan = choose_plan(workload_ns, control_ns, control=control)
    # Each was called twice. What waits, and does not compute, shows little on its clock.
    waits = now() - began > WAITING_SECONDS + 2 * WAITING_SHARE * (workload_ns + control_ns) / 1e9
    sample_ns = plan.repeats * workload_ns + plan.control_units * control_ns
    return plan, workload_ns / 1e9, None if waits else sample_ns / 1e9


class _Sieve:
    """Keeps the batches of a round during which no GPU was throttled, and waits after one that was; counts both.

    `seconds_per_sample` is what samples took so far, or what is known before the first; `states` are those of the GPUs
    around what was kept.
    """

    def __init__(self, stopping: Stopping, watch: Watch | None, seconds_per_sample: float | None) -> None:
        self.seconds_per_sample = seconds_per_sample
        self._stopping = stopping
        self._watch = watch
        self._taken, self._seconds = 0, 0.0
        self.states: list[GpuState] = []
        self._throttled = self._throttled_by = 0
        self._wait()

    def _wait(self) -> None:
        if self._watch is not None:
            self._stopping.lose(self._watch.recover(self._stopping.seconds_to_lose))

    def add(self, batch: Round, seconds: float, *, elapsed_seconds: float) -> None:
        """Take in a batch that took so many seconds, if it may be kept."""
        self._taken, self._seconds = self._taken + len(batch.workload_ns), self._seconds + seconds
        self.seconds_per_sample = self._seconds / self._taken
        seen = self._watch.batch() if self._watch is not None else _UNSEEN
        if not seen.throttled_by:
            self.states.extend(seen.states)
            self._stopping.add(batch, elapsed_seconds=elapsed_seconds)
            return
        self._throttled += len(batch.workload_ns)
        self._throttled_by |= seen.throttled_by
        self._stopping.lose(seconds)
        self._wait()

    @property
    def discarded(self) -> tuple[int, int]:
        """How many samples were not kept, and the bits of the reasons."""
        return self._throttled, self._throttled_by


def _warmup(source: Source, timing: Timing, *, is_first: bool, seconds: float | None) -> int:
    """Calls that are not counted before a batch; those of a new process take about a round's time at most."""
    if is_first and source.is_new_process:
        return max(1, min(FIRST_WARMUP, int(timing.max_seconds / seconds))) if seconds else FIRST_WARMUP
    return 1 if is_first or (seconds or 0.0) < SHORT_SECONDS else 0


def _batch(stopping: Stopping, seconds_per_sample: float | None, *, at_once: int) -> int:
    """Samples of the next request: so many within the time that is left; one where nobody knows how long it takes.

    As many as possible: each request begins with a warm-up.
    """
    if seconds_per_sample is None:
        return 1
    timing = stopping.timing
    # First to the minimum exactly, since most cases stop there; where one request may hold all, it is one.
    may_stop_there = stopping.count < timing.min_samples and timing.max_samples > at_once
    left = (timing.min_samples if may_stop_there else timing.max_samples) - stopping.count
    if seconds_per_sample <= 0:
        return min(at_once, left)
    seconds = timing.max_seconds - stopping.elapsed_seconds
    return max(1, min(at_once, left, int(seconds / seconds_per_sample)))


def _checked(timed: Timed) -> Round:
    # A clock too coarse for the sweep tells nothing of the memory; one too coarse for the probe nothing of the core.
    sweep_ns = timed.sweep_ns if are_positive(timed.sweep_ns) else ()
    is_probed = bool(timed.probe_ns) and are_positive((*timed.probe_ns, timed.quiet_ns))
    round_ = Round(
        timed.workload_ns,
        timed.control_ns,
        timed.wall_ns,
        sweep_ns=sweep_ns,
        probe_ns=timed.probe_ns if is_probed else (),
        quiet_ns=timed.quiet_ns if is_probed else 0,
    )
    if not 0 < len(round_.workload_ns) == len(round_.control_ns) == len(round_.wall_ns):
        raise WorkerFailed(
            f"timing answered {len(round_.workload_ns)} workload, {len(round_.control_ns)} control and "
            f"{len(round_.wall_ns)} wall samples; expected equally many and at least one"
        )
    return round_
