"""Events: made-up moves whose common part is known."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cnnperf.cases import DeviceKind
from pytest_cnnperf.judging.events import Direction, Event, Move, Subject, events, median_interval

THRESHOLD = 0.05
FRAMEWORKS = ("numpy", "torch", "tensorflow", "jax", "theano", "cntk", "caffe")


def moves(framework: str, ratios: Iterable[float], *, pace: float | None = 1.0) -> list[Move]:
    return [Move(f"{framework}-{n}", framework, DeviceKind.CPU, ratio, pace) for n, ratio in enumerate(ratios)]


def noise(chance: random.Random, count: int, sigma: float, *, factor: float = 1.0) -> list[float]:
    return [factor * math.exp(chance.gauss(0, sigma)) for _ in range(count)]


def heavy(chance: random.Random, count: int, sigma: float) -> list[float]:
    """Student's t with 2 degrees of freedom: an outlier in every few."""
    return [
        math.exp(max(-2.0, min(2.0, sigma * chance.gauss(0, 1) / math.sqrt(chance.expovariate(1)))))
        for _ in range(count)
    ]


def found(*groups: list[Move]) -> tuple[Event, ...]:
    return events([move for group in groups for move in group], threshold=THRESHOLD)


@pytest.mark.parametrize("draw", [noise, heavy])
@pytest.mark.parametrize("count", [5, 8, 20])
def test_independent_noise_is_an_event_in_less_than_one_run_of_a_hundred(draw, count) -> None:
    chance = random.Random(20170424)
    runs = 400
    wrong = 0
    for _ in range(runs):
        groups = [moves(name, draw(chance, count, 0.06)) for name in FRAMEWORKS]
        wrong += bool(
            found(*([replace(move, control_pace=draw(chance, 1, 0.1)[0]) for move in group] for group in groups))
        )
    assert wrong < runs / 100


def test_the_noise_of_that_simulation_would_cry_without_the_test() -> None:
    # Of 5 values with a spread of 6 % the median has one of 3.2 %: beyond half the threshold in four cases of ten.
    chance = random.Random(1)
    crying = sum(abs(sorted(noise(chance, 5, 0.06))[2] - 1) > THRESHOLD / 2 for _ in range(200))
    assert crying > 60


def test_a_framework_whose_cases_all_move_is_one_event() -> None:
    chance = random.Random(3)
    (event,) = found(moves("torch", noise(chance, 24, 0.01, factor=1.08)), moves("numpy", noise(chance, 18, 0.01)))
    assert (event.title, event.subject, event.of, event.alone) == ("torch slower", Subject.FRAMEWORK, 24, False)
    # Of 24 cases with 8 % and a spread of 1 %, all lie beyond 2.5 %. Two frameworks and the machine share 1 %:
    # the 5th from each end (2 x P(B(24, 1/2) <= 4) = 0.15 %), which is 0.88 standard deviations from the middle.
    assert len(event.keys) == 24
    assert 1.06 < event.low < 1.08 < event.high < 1.10
    assert event.low < event.ratio < event.high


@pytest.mark.parametrize("count", [5, 6, 8, 11, 15])
def test_few_cases_are_enough_when_they_agree(count: int) -> None:
    chance = random.Random(4)
    titles = [event.title for event in found(moves("torch", noise(chance, count, 0.01, factor=1.15)))]
    assert titles == ["torch slower"]


def test_four_cases_are_no_event() -> None:
    assert found(moves("torch", [1.3, 1.3, 1.3, 1.3])) == ()


def test_a_few_slower_cases_of_many_are_not_their_framework() -> None:
    chance = random.Random(5)
    assert found(moves("torch", [*noise(chance, 6, 0.01, factor=1.4), *noise(chance, 18, 0.01)])) == ()


def test_less_than_half_the_threshold_is_no_event_however_certain() -> None:
    assert found(moves("torch", [1.024] * 40)) == ()
    assert [event.title for event in found(moves("torch", [1.026] * 40))] == ["torch slower"]


def test_a_case_that_went_much_farther_is_not_explained_by_the_event() -> None:
    chance = random.Random(6)
    (event,) = found(moves("torch", [*noise(chance, 20, 0.005, factor=1.08), 1.5, 0.99]))
    assert event.of == 22
    assert {"torch-20", "torch-21"}.isdisjoint(event.keys)
    assert len(event.keys) == 20


def test_all_frameworks_together_are_everything_and_not_each() -> None:
    chance = random.Random(7)
    (event,) = found(*(moves(name, noise(chance, 12, 0.01, factor=1.1)) for name in FRAMEWORKS))
    assert (event.title, event.framework, event.of) == ("everything slower", None, 12 * len(FRAMEWORKS))
    assert event.low < 1.1 < event.high


def test_frameworks_that_move_by_unlike_amounts_are_events_of_their_own() -> None:
    # log 1.04 is less than a third of log 1.5.
    titles = [event.title for event in found(moves("torch", [1.5] * 12), moves("numpy", [1.04] * 12))]
    assert titles == ["numpy slower", "torch slower"]


def test_frameworks_that_move_apart_are_events_of_their_own() -> None:
    titles = [event.title for event in found(moves("torch", [1.1] * 12), moves("numpy", [0.9] * 12))]
    assert titles == ["numpy faster", "torch slower"]


def test_a_framework_alone_may_be_the_machine() -> None:
    (event,) = found(moves("torch", [1.1] * 12), moves("numpy", [1.0] * 4))
    assert event.alone
    assert "it may be the machine as well" in event.advice


@pytest.mark.parametrize(("pace", "title"), [(1.2, "machine slower"), (0.8, "machine faster")])
def test_the_control_tells_of_the_machine_while_the_ratios_stay(pace: float, title: str) -> None:
    chance = random.Random(8)
    groups = [moves(name, noise(chance, 8, 0.01)) for name in FRAMEWORKS]
    paced = [[replace(move, control_pace=pace * chance.gauss(1, 0.03)) for move in group] for group in groups]
    (event,) = found(*paced)
    assert (event.title, event.of, len(event.keys)) == (title, 56, 56)
    assert event.ratio == pytest.approx(pace, rel=0.02)


def test_a_control_that_moved_for_a_few_cases_only_is_not_the_machine() -> None:
    assert found(moves("torch", [1.0] * 6, pace=1.4), moves("numpy", [1.0] * 12)) == ()


def test_a_control_that_is_not_known_is_no_event() -> None:
    assert found(moves("torch", [1.0] * 12, pace=None)) == ()


def test_devices_are_machines_of_their_own() -> None:
    on_gpu = [replace(move, key=f"{move.key}-gpu", device_kind=DeviceKind.CUDA) for move in moves("torch", [1.1] * 12)]
    titles = [event.title for event in found(moves("torch", [1.0] * 12), on_gpu)]
    assert titles == ["torch on cuda slower"]


def away_from(*edges: float) -> st.SearchStrategy[float]:
    """Ratios that rounding cannot carry over an edge, or over its mirror image."""
    return st.floats(0.5, 2.0).filter(
        lambda ratio: all(abs(abs(math.log(ratio)) - math.log(edge)) > 1e-9 for edge in edges)
    )


@given(st.lists(away_from(1.025), max_size=40), st.permutations(range(40)), away_from(1.1))
def test_the_mirrored_ratios_in_any_order_are_the_mirrored_event(ratios, order, pace) -> None:
    there = found(moves("torch", ratios, pace=pace))
    mirrored = moves("torch", [1 / ratio for ratio in ratios], pace=1 / pace)
    back = events([mirrored[index] for index in order if index < len(mirrored)], threshold=THRESHOLD)
    assert [event.direction for event in there] == [
        Direction.SLOWER if event.direction is Direction.FASTER else Direction.FASTER for event in back
    ]
    for one, other in zip(there, back, strict=True):
        assert (one.ratio, one.low, one.high) == pytest.approx((1 / other.ratio, 1 / other.high, 1 / other.low))
        assert one.low <= one.ratio <= one.high


@given(st.lists(st.floats(-0.01, 0.01), min_size=11, max_size=60), st.floats(0.05, 1.0))
def test_cases_that_all_move_by_more_than_they_differ_are_always_found(wiggles, log_factor) -> None:
    # 11 cases: 2 / 2 ** 11 is below 1 % divided by two, the framework and the machine.
    (event,) = found(moves("torch", [math.exp(log_factor + wiggle) for wiggle in wiggles]))
    assert event.direction is Direction.SLOWER
    assert len(event.keys) == len(wiggles)


def test_the_interval_of_a_median_misses_it_as_often_as_it_says() -> None:
    chance = random.Random(9)
    for count, level in ((6, 0.05), (15, 0.05), (40, 0.01)):
        missed = 0
        for _ in range(1000):
            low, high = median_interval([chance.gauss(0, 1) for _ in range(count)], level=level)
            missed += not low <= 0 <= high
        # Three standard deviations of a binomial above the level.
        assert missed <= 1000 * level + 3 * math.sqrt(1000 * level)


def test_the_sign_test_takes_the_values_of_its_table() -> None:
    # Of 20 values the 5th and the 16th hold the median with 98.8 %: 2 x P(B(20, 1/2) <= 4) = 0.0118; the 4th with
    # 99.74 %: 2 x P(<= 3) = 0.0026.
    assert median_interval(range(1, 21), level=0.012) == (5, 16)
    assert median_interval(range(1, 21), level=0.01) == (4, 17)
