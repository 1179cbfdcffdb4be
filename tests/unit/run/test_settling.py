"""Waiting for a quiet core: who is told what, and for how long in all."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_cnnperf.cases import Clock
from pytest_cnnperf.measuring.samples import Plan, Round, Samples
from pytest_cnnperf.run.resources import _share
from pytest_cnnperf.run.settling import GRACE_SECONDS, MOST_SECONDS, MOST_SHARE, CasePatience, Settling


class Remote:
    """A prepared case that is told how long it may wait."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def be_patient(self, **told: Any) -> None:
        self.told.append(told)


class Time:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def probed(quiet_ns: int) -> Samples:
    one = Round((5,), (1,), (5,), probe_ns=(quiet_ns,), quiet_ns=quiet_ns)
    return Samples(Clock.PROCESS_CPU, Plan(1, 1, "c"), (one,), 1)


def patience_of(settling: Settling, like: Samples | None = None) -> tuple[CasePatience, Remote]:
    remote = Remote()
    return CasePatience(settling, remote, "torch", like), remote  # type: ignore[arg-type]


def test_the_shortest_probe_that_is_known_of_a_framework_is_told() -> None:
    settling = Settling(())
    assert settling.quiet_ns("torch", None) == 0
    assert settling.quiet_ns("torch", probed(900)) == 900
    settling.learn("torch", probed(800))
    settling.learn("torch", probed(850))
    assert settling.quiet_ns("torch", probed(900)) == 800
    assert settling.quiet_ns("torch", probed(700)) == 700
    # Another framework may run under another Python, whose loops take another time.
    assert settling.quiet_ns("theano", None) == 0


def test_samples_that_were_not_probed_teach_nothing() -> None:
    settling = Settling(())
    settling.learn("torch", Samples(Clock.WALL, Plan(1, 1, "c"), (Round((5,), (1,), (5,)),), 1))
    assert settling.quiet_ns("torch", None) == 0


def test_the_batches_of_a_round_share_its_patience() -> None:
    patience, remote = patience_of(Settling((1, 0)), probed(900))
    for waited in (1.0, 0.7, 0.0):
        patience.allow()
        patience.lose(waited)
    assert [told["seconds"] for told in remote.told] == pytest.approx([MOST_SECONDS, MOST_SECONDS - 1.0, 0.0])
    assert remote.told[0] == {"quiet_ns": 900, "seconds": MOST_SECONDS, "cores": (1, 0)}


def test_a_machine_that_is_never_quiet_costs_a_share_of_the_run_and_a_grace() -> None:
    now = Time()
    settling = Settling((), now)

    def waits() -> float:
        patience, remote = patience_of(settling)
        patience.allow()
        seconds = float(remote.told[0]["seconds"])
        patience.lose(seconds)
        return seconds

    assert sum(waits() for _ in range(20)) == pytest.approx(GRACE_SECONDS)
    assert waits() == 0.0
    now.seconds += 2.0
    assert waits() == pytest.approx(2.0 * MOST_SHARE)
    now.seconds += 1000.0
    assert waits() == MOST_SECONDS


@pytest.mark.parametrize(
    ("cores", "number", "count", "expected"),
    [
        ((0,), 0, 1, ()),
        ((0, 1), 0, 1, (1, 0)),
        ((0, 1), 0, 2, ()),
        ((0, 1), 1, 2, ()),
        ((0, 1), 2, 3, ()),
        ((0, 1, 2), 0, 2, (2, 0)),
        ((0, 1, 2), 1, 2, ()),
        (tuple(range(64)), 0, 1, (63, 62)),
        (tuple(range(8)), 1, 4, (6, 2)),
    ],
)
def test_a_run_chooses_between_two_cores_that_no_other_worker_of_it_has(
    cores: tuple[int, ...], number: int, count: int, expected: tuple[int, ...]
) -> None:
    assert _share(cores, number, count) == expected
