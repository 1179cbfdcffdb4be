"""What the visits of a side count for, and what its figure may be off by."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from pytest_cnnperf.judging.change import Change, change_between
from pytest_cnnperf.judging.sides import Apart, Noise, Side
from pytest_cnnperf.measuring.samples import Samples

from .conftest import Draw

NO_NOISE = (1e-12, 99.0)


def compared(now: Side, before: Side, *, visits: float, others: tuple[Apart, ...] = ()) -> Change:
    """The change between the two, where visits of most cases differ by so much."""
    noise = Noise.of((now.apart, before.apart, *others), floor=visits)
    return change_between(now.counted(noise), before.counted(noise), noise=noise)


def side(*logs: float, moments: tuple[int, ...]) -> Side:
    """A side with these figures of its visits, at these moments, known next to exactly."""
    excess = statistics.variance(logs) if len(logs) > 1 else 0.0
    return Side(logs, (12,) * len(logs), moments, NO_NOISE, Apart(len(logs), len(set(moments)), excess))


def seen(*, visits: int, moments: int, excess: float) -> Side:
    """A side of which only this is known: its visits, dealt to moments, lie so far apart (a standard deviation)."""
    at = tuple(visit * moments // visits for visit in range(visits))
    return Side((0.0,) * visits, (12,) * visits, at, NO_NOISE, Apart(visits, moments, excess**2))


def test_a_side_tells_its_figure_and_what_its_visits_differ_by(draw: Draw) -> None:
    side = Side.of(draw(noise=0.02, count=30, visits=2))
    counted = side.counted(Noise.of([side.apart], floor=0.01))
    assert counted.log == pytest.approx(math.log(5.0), abs=0.01)
    variance, freedom = counted.within
    assert math.sqrt(variance) == pytest.approx(0.02 / math.sqrt(60), rel=0.3)
    assert (freedom, side.apart.visits) == (58.0, 2)
    apart = Side.of(draw(noise=0.0001, visits=8, between=0.05))
    assert math.sqrt(apart.apart.excess) == pytest.approx(0.05, rel=0.5)


def test_noise_that_is_known_from_elsewhere_takes_the_place_of_its_own(draw: Draw) -> None:
    samples = draw(noise=0.02, count=4, visits=2)
    side = Side.of(samples, of_pair=(0.1**2, 99.0))
    variance, freedom = side.counted(Noise.of([side.apart], floor=0.01)).within
    assert math.sqrt(variance) == pytest.approx(0.1 / math.sqrt(8), rel=0.05)
    assert freedom == 99.0


def test_a_floor_between_visits_is_lowered_by_visits_of_either_side(draw: Draw) -> None:
    def error(visits: int) -> float:
        sides: list[Samples] = [draw(noise=0.0001, visits=visits) for _ in range(2)]
        return compared(Side.of(sides[0]), Side.of(sides[1]), visits=0.03).standard_error

    assert error(1) == pytest.approx(0.03 * math.sqrt(2), rel=0.01)
    assert error(12) < error(4) < error(1)


def test_what_calm_visits_differ_by_is_lowered_by_visits_of_one_moment() -> None:
    before = seen(visits=12, moments=12, excess=0.005)
    errors = [
        compared(seen(visits=12, moments=moments, excess=0.005), before, visits=0.005).standard_error
        for moments in (1, 2, 12)
    ]
    assert errors == pytest.approx([0.005 * math.sqrt(2 * 1.12 / 12)] * 3, rel=0.1)


def test_what_restless_visits_differ_by_beyond_the_floor_is_lowered_by_other_moments_only() -> None:
    before = seen(visits=12, moments=12, excess=0.04)
    errors = [
        compared(seen(visits=12, moments=moments, excess=0.04), before, visits=0.005).standard_error
        for moments in (1, 2, 12)
    ]
    # Of 0.04² the floor, which weighs as much as seven visits, leaves 11 / 17 at one moment of now and twelve before;
    # 13 / 18 at two, between which half of the visits make it 0.042²; and 22 / 28 at twelve of either.
    assert errors[0] == pytest.approx(0.04 * math.sqrt(11 / 17), rel=0.1)
    assert errors[1] == pytest.approx(0.04 * math.sqrt(13 / 18 / 2), rel=0.15)
    assert errors[2] == pytest.approx(0.04 * math.sqrt(22 / 28 * 2 * 1.12 / 12), rel=0.05)


def test_what_is_known_of_few_moments_is_known_badly() -> None:
    before = seen(visits=4, moments=1, excess=0.04)
    at_one, at_four = (
        compared(seen(visits=4, moments=moments, excess=0.04), before, visits=0.005) for moments in (1, 4)
    )
    assert at_one.freedom < at_four.freedom


def test_a_case_that_was_restless_in_another_run_is_none_the_calmer_for_this_one() -> None:
    calm = seen(visits=6, moments=6, excess=0.0)
    alone = compared(calm, calm, visits=0.005).standard_error
    known = compared(calm, calm, visits=0.005, others=(Apart(12, 12, 0.04**2),)).standard_error
    # 11 of 27 degrees of freedom are of the other's visits.
    assert known == pytest.approx(0.04 * math.sqrt(11 / 27 * 2 * 1.12 / 6), rel=0.05)
    assert alone < known / 3


@pytest.mark.parametrize(("moments", "recorded"), [(1, 12), (2, 12), (4, 12), (12, 12), (2, 6), (4, 4), (12, 2)])
def test_the_error_of_visits_at_some_moments_is_what_they_scatter_by(moments: int, recorded: int) -> None:
    """Twelve visits of now at so many moments, twelve of a recording at others: 3 % a moment, 0.5 % a visit."""
    chance = random.Random(11)

    def logs(at: int) -> list[float]:
        states = [chance.gauss(0, 0.03) for _ in range(at)]
        return [states[visit * at // 12] + chance.gauss(0, 0.005) for visit in range(12)]

    def one(at: int) -> Side:
        return side(*logs(at), moments=tuple(visit * at // 12 for visit in range(12)))

    found = [compared(one(moments), one(recorded), visits=0.005) for _ in range(2000)]
    scatter = statistics.pstdev(each.log_ratio for each in found)
    error = math.sqrt(statistics.fmean(each.standard_error**2 for each in found))
    # Drawn to the floor, which is what most cases show and weighs as much as seven moments: it is too small by the root
    # of the share that this leaves to the case. What visits of one moment differ by makes it a little too large.
    of_case = (moments + recorded - 2) / (6 + moments + recorded - 2)
    assert 0.9 < error / (scatter * math.sqrt(of_case)) < 1.15


# Eight visits at one moment, and one at each of four others.
UNEVEN = (0,) * 8 + (1, 2, 3, 4)
EVEN = tuple(range(12))


def test_visits_of_a_calm_case_count_alike_whatever_their_moments() -> None:
    calm = Noise.of([Apart(12, 5, 0.0)], floor=0.005)
    assert side(*[0.0] * 12, moments=UNEVEN).counted(calm).weights == (1 / 12,) * 12


def test_moments_of_a_restless_case_count_alike_whatever_their_visits() -> None:
    logs = (*[0.12 + 0.001 * number for number in range(8)], 0.01, -0.01, 0.0, 0.005)
    shown = side(*logs, moments=UNEVEN)
    counted = shown.counted(Noise.of([shown.apart], floor=0.005))
    assert math.fsum(counted.weights[:8]) == pytest.approx(0.2, abs=0.01)
    assert counted.weights[8] == pytest.approx(0.2, abs=0.01)
    # One of five moments went astray: the centre is that of the four others, moved by no more than they scatter.
    assert counted.log == pytest.approx(0.001, abs=0.008)
    # What else the visits have shown is weighed likewise.
    assert counted.centre_of(logs) == counted.log


def test_the_error_of_moments_with_unlike_numbers_of_visits_is_what_they_scatter_by() -> None:
    """3 % a moment, 0.5 % a visit; a recording of twelve moments that is known exactly."""
    chance = random.Random(13)
    before = side(*[0.0] * 12, moments=EVEN)
    known = (Apart(200, 200, 0.03**2),)

    def once() -> tuple[Change, float]:
        states = [chance.gauss(0, 0.03) for _ in range(5)]
        logs = [states[at] + chance.gauss(0, 0.005) for at in UNEVEN]
        return compared(side(*logs, moments=UNEVEN), before, visits=0.005, others=known), statistics.fmean(logs)

    found = [once() for _ in range(2000)]
    scatter = statistics.pstdev(change.log_ratio for change, _ in found)
    assert scatter == pytest.approx(0.03 * math.sqrt(1.12 / 5), rel=0.1)
    # Its square has a part of the recording, of which the same is believed.
    error = math.sqrt(statistics.fmean(change.standard_error**2 for change, _ in found))
    assert error == pytest.approx(math.hypot(scatter, 0.03 * math.sqrt(1.12 / 12)), rel=0.1)
    # If each visit counted, two thirds of the figure would be of one moment: 0.47 of a moment's variance for 0.22.
    assert scatter < 0.75 * statistics.pstdev(mean for _, mean in found)
