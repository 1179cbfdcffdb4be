"""The probe of the core, on scripted loops: what is quiet, how long it is waited for, and on which core."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pytest_cnnperf.worker.probe import BUSY, Blind, Probe, scalar_ns

QUIET, LOUD = 1000, 2000
PROBE_SECONDS = 1e-5


class Machine:
    """Cores that are loud until their time has come; a probe takes ten microseconds, and a pause as long as asked."""

    def __init__(self, quiet_from):
        self.quiet_from = quiet_from
        self.core = 0
        self.seconds = 0.0
        self.moves = []
        self.probe = Probe(take=self.take, move=self.move, now=lambda: self.seconds, pause=self.pause)

    def take(self):
        self.seconds += PROBE_SECONDS
        return QUIET if self.seconds >= self.quiet_from[self.core] else LOUD

    def move(self, core):
        self.core = core
        self.moves.append(core)

    def pause(self, seconds):
        self.seconds += seconds


def machine(*quiet_from):
    """One whose probes are known from an earlier process."""
    made = Machine(dict(enumerate(quiet_from)))
    made.probe.learn(QUIET)
    return made


def test_the_shortest_probe_is_what_a_quiet_core_takes():
    taken = iter([1500, 1000, 2500])
    probe = Probe(take=lambda: next(taken))
    assert probe.quiet_ns == 0
    assert [probe.take() for _ in range(3)] == [1500, 1000, 2500]
    assert probe.quiet_ns == 1000


@pytest.mark.parametrize(("told", "expected"), [(0, 1000), (900, 900), (1100, 1000)])
def test_what_an_earlier_process_knew_is_learned_unless_it_is_longer_or_nothing(told, expected):
    probe = Probe(take=lambda: 1000)
    probe.take()
    probe.learn(told)
    assert probe.quiet_ns == expected


def settled(made, seconds, cores=(0, 1)):
    """Seconds that it waited."""
    made.probe.allow(seconds, cores)
    made.probe.settle()
    return made.probe.lost_seconds


def test_on_a_quiet_core_nothing_is_waited_for():
    made = machine(0.0)
    assert settled(made, 1.0) < 0.001
    assert made.moves == []


def test_the_core_that_gets_quiet_first_is_taken():
    made = machine(5.0, 0.1)
    assert 0.1 <= settled(made, 1.0) < 0.12
    assert made.core == 1


def test_without_a_choice_it_waits_where_it_is():
    made = machine(0.3)
    assert 0.3 <= settled(made, 1.0, ()) < 0.32
    assert made.moves == []


def test_patience_has_an_end_also_where_no_core_ever_gets_quiet():
    made = machine(100.0, 100.0)
    assert 0.5 <= settled(made, 0.5, (1, 0)) < 0.52
    # Back on the first, which has the fewest interrupts.
    assert made.core == 1
    assert made.probe.patience_seconds == 0.0
    assert settled(made, 0.0) < 0.001


def test_what_is_waited_and_lost_comes_off_the_patience():
    made = machine(0.1)
    made.probe.allow(1.0, ())
    made.probe.settle()
    made.probe.lose(0.2)
    assert made.probe.lost_seconds == pytest.approx(0.3, abs=0.02)
    assert made.probe.patience_seconds == pytest.approx(0.7, abs=0.02)
    made.probe.lose(5.0)
    assert made.probe.patience_seconds == 0.0
    made.probe.allow(2.0, ())
    assert (made.probe.patience_seconds, made.probe.lost_seconds) == (2.0, 0.0)


def test_one_loud_probe_among_quiet_ones_is_no_quiet_core():
    loud_at = {0.0, 19.0}
    taken = iter(range(60))
    probe = Probe(take=lambda: LOUD if next(taken) in loud_at else QUIET, now=lambda: 0.0, pause=lambda _: None)
    probe.learn(QUIET)
    probe.allow(1.0, ())
    probe.settle()
    # Two that failed at the first and at the nineteenth probe behind it, and twenty quiet ones.
    assert next(taken) == 40


@pytest.mark.parametrize(("ns", "expected"), [(int(BUSY * QUIET), True), (int(BUSY * QUIET) + 1, False)])
def test_a_core_is_quiet_up_to_so_many_times_the_shortest_probe(ns, expected):
    probe = Probe()
    probe.learn(QUIET)
    assert probe.is_quiet(ns) is expected


def test_who_does_not_look_finds_all_quiet():
    assert Blind().is_quiet(Blind().take())
    assert not Blind().patience_seconds


def test_the_loop_takes_some_time():
    assert all(scalar_ns() > 0 for _ in range(5))


MOVE = """
import os, sys, threading
sys.path.insert(0, {root!r})
from pytest_cnnperf.worker.probe import move_to

stop = threading.Event()
other = threading.Thread(target=stop.wait)
other.start()
core = sorted(os.sched_getaffinity(0))[-1]
move_to(core)
print([sorted(os.sched_getaffinity(int(thread))) == [core] for thread in os.listdir("/proc/self/task")])
stop.set()
"""


def test_all_threads_of_a_process_move(pytestconfig):
    told = subprocess.run(
        [sys.executable, "-c", MOVE.format(root=str(pytestconfig.rootpath))],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": ""},
        timeout=60,
    )
    assert told.stdout.strip() == "[True, True]"
