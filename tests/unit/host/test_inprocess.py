"""A plain callable fulfils the same role as a worker."""

from __future__ import annotations

import gc
import weakref

import pytest

from pytest_cnnperf.cases import Clock
from pytest_cnnperf.errors import UsageError
from pytest_cnnperf.frameworks.resolved import Resolved
from pytest_cnnperf.host.inprocess import InProcess
from pytest_cnnperf.host.source import Source, Timed


class ScriptedClock:
    """Only the calls let time pass; elapsed time runs twice as fast as CPU time."""

    now = 0

    def cpu_ns(self):
        return self.now

    def wall_ns(self):
        return 2 * self.now

    def kernel(self):
        return 0, 0


class ScriptedControl:
    version = "scripted1"

    def __init__(self, clock):
        self.clock = clock

    def run(self):
        self.clock.now += 100


@pytest.fixture
def source():
    clock = ScriptedClock()
    results = iter(range(100))

    def call():
        clock.now += 1000
        return next(results)

    return InProcess(call, "test_it", clock=clock, control=ScriptedControl(clock))


def test_it_says_what_it_is_and_how_long_its_first_call_took(source: Source):
    assert source.resolved == Resolved(None, "test_it")
    assert (source.first_call_ns, source.control, source.flips) == (2000, "scripted1", False)


def test_it_is_timed_as_a_worker_times(source: Source):
    assert source.estimate(Clock.PROCESS_CPU) == (1000, 100)
    assert source.estimate(Clock.WALL) == (2000, 200)
    timed = source.time(samples=2, warmup=1, repeats=3, control_units=2, clock=Clock.PROCESS_CPU, flip=False)
    # On a scripted clock nothing is swept.
    assert timed == Timed((1000, 1000), (100, 100), (2000, 2000), sweep_ns=())


def test_its_output_is_what_the_last_call_returned(source: Source):
    assert source.last_output() == 0
    source.time(samples=2, warmup=1, repeats=3, control_units=1, clock=Clock.WALL, flip=False)
    assert source.last_output() == 1 + 2 * 3
    source.release()
    assert source.last_output() is None


def test_a_device_clock_is_a_usage_error(source: Source):
    with pytest.raises(UsageError, match="test_it: clock device_cold is a device's"):
        source.estimate(Clock.DEVICE_COLD)


def test_with_the_real_clock_and_control_numbers_come_out():
    timed = InProcess(lambda: None, "nothing").time(
        samples=2, warmup=0, repeats=10, control_units=1, clock=Clock.WALL, flip=False
    )
    assert min(timed.control_ns) > 0
    assert len(timed.sweep_ns) == 2
    assert min(timed.sweep_ns) > 0


def test_what_the_callable_raises_is_the_users_to_see():
    def broken():
        raise RuntimeError("the user's own")

    with pytest.raises(RuntimeError, match="the user's own"):
        InProcess(broken, "broken")


def test_what_the_last_call_returned_is_freed_with_the_source():
    class Result:
        pass

    made = []

    def call():
        result = Result()
        made.append(weakref.ref(result))
        return result

    clock = ScriptedClock()
    source = InProcess(call, "test_it", clock=clock, control=ScriptedControl(clock))
    source.estimate(Clock.PROCESS_CPU)
    gc.disable()
    try:
        del source
        assert [each() for each in made] == [None] * len(made)
    finally:
        gc.enable()
