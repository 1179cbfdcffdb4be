"""A round of samples on a GPU that is throttled: discarded, counted, waited for, and given up; on scripted clocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, repeat

from pytest_cnnperf.cases import Clock
from pytest_cnnperf.host.source import Timed
from pytest_cnnperf.judging.statistics import flaw_of
from pytest_cnnperf.judging.verdict import Reason
from pytest_cnnperf.measuring.gpu.holders import Holders
from pytest_cnnperf.measuring.gpu.state import GpuState
from pytest_cnnperf.measuring.gpu.watch import Watch
from pytest_cnnperf.measuring.sampler import measure
from pytest_cnnperf.measuring.samples import Plan, Samples
from pytest_cnnperf.settings import Timing

PLAN = Plan(1, 5, "cublas1")
TIMING = Timing(max_seconds=1.0, min_samples=10, max_samples=40, threshold=0.05)
HOT = 64


@dataclass
class Card:
    """A source of steady samples of 10 ms and a card beside it, on one clock; `reasons` is what each look sees."""

    reasons: Iterator[int]
    now_seconds: float = 0.0
    flipped: int = 0
    looks: int = 0

    flips = True
    is_new_process = False

    def time(self, *, samples: int, warmup: int, repeats: int, control_units: int, clock: Clock, flip: bool) -> Timed:
        self.flipped += flip
        self.now_seconds += samples * 0.015
        # The number of the batch tells the samples apart.
        return Timed((10_000_000 + self.flipped,) * samples, (1_000_000,) * samples, (10_000_000,) * samples)

    def look(self) -> tuple[GpuState, ...]:
        self.looks += 1
        return (GpuState("GPU-a", sm_mhz=1980 - self.looks, reasons=next(self.reasons)),)

    def sleep(self, seconds: float) -> None:
        self.now_seconds += seconds


def measured(card: Card) -> Samples:
    watch = Watch(card.look, lambda: Holders(frozenset()), now=lambda: card.now_seconds, sleep=card.sleep)
    return measure(
        card,  # type: ignore[arg-type]
        TIMING,
        clock=Clock.DEVICE_COLD,
        plan=PLAN,
        first_call_ns=1,
        control=PLAN.control,
        watch=watch,
        now=lambda: card.now_seconds,
    )


def test_a_quiet_card_keeps_all_and_tells_its_conditions() -> None:
    samples = measured(Card(repeat(0)))
    assert (samples.count, samples.throttled) == (11, 0)
    assert samples.conditions is not None
    # One sample to learn the time, nine, and one for an odd number of flips: three batches.
    assert samples.conditions.batches == 3


def test_a_batch_that_was_throttled_is_discarded_and_counted() -> None:
    # Looks: before the first batch, behind the first, behind the second (hot), then waiting until it is cool.
    samples = measured(Card(chain([0, 0, HOT, HOT, 0], repeat(0))))
    assert samples.throttled == 9
    assert 10_000_002 not in samples.workload_ns  # nothing of the second batch
    assert samples.count >= TIMING.min_samples
    assert samples.conditions is not None
    assert samples.conditions.throttled_by == ("hw_thermal",)


def test_a_power_cap_is_marked_and_discards_nothing() -> None:
    samples = measured(Card(repeat(4)))
    assert (samples.count, samples.throttled) == (11, 0)
    assert samples.conditions is not None
    assert samples.conditions.reasons == {"power_cap": 3}


def test_a_card_that_stays_hot_is_given_up_after_five_times_the_rounds_time() -> None:
    card = Card(repeat(HOT))
    samples = measured(card)
    assert samples.count == 0
    assert samples.throttled >= 1
    assert 5.0 <= card.now_seconds <= 5.1
    assert card.flipped % 2 == 1
    flaw = flaw_of(samples)
    assert flaw is not None
    assert flaw[0] is Reason.THROTTLED
    assert "hw_thermal" in flaw[1]


def test_waiting_for_the_card_takes_no_time_from_the_round() -> None:
    # Hot for 2 s, twice as long as a round may last, before the first batch.
    samples = measured(Card(chain(repeat(HOT, 41), repeat(0))))
    assert samples.count >= TIMING.min_samples


def test_rounds_that_are_joined_add_up_what_was_seen() -> None:
    both = measured(Card(repeat(4))).joined(measured(Card(chain([0, 0, HOT, 0], repeat(0)))))
    assert both.throttled == 9
    assert both.throttled_by == HOT
    assert both.conditions is not None
    assert both.conditions.reasons == {"power_cap": 3}


def test_a_visit_without_any_sample_is_none() -> None:
    lost, sound = measured(Card(repeat(HOT))).of_visit(0), measured(Card(repeat(0))).of_visit(1)
    assert len(lost.joined(sound).visits) == 1
