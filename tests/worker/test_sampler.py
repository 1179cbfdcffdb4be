"""The pair sampler on scripted clocks."""

from __future__ import annotations

import gc
import mmap

import pytest

from pytest_cnnperf.worker import sampler
from pytest_cnnperf.worker.probe import Probe


class ScriptedClock:
    """Two clocks that only the calls advance: elapsed time runs three times as fast as CPU time."""

    def __init__(self):
        self.now = 0
        self.events = []
        self.faults, self.kernel_ns = 0, 0

    def kernel(self):
        return self.faults, self.kernel_ns

    def pass_by(self, name, ns):
        self.events.append(name)
        self.now += ns

    def cpu_ns(self):
        return self.now

    def wall_ns(self):
        return 3 * self.now


def pairs(clock, *, call=None, on="process_cpu", evict=sampler.nothing, probe=None):
    return sampler.Pairs(
        call or (lambda: clock.pass_by("w", 1000)),
        lambda: clock.pass_by("s", 10),
        lambda: clock.pass_by("c", 100),
        clock,
        on,
        evict=evict,
        probe=probe,
    )


def test_a_sample_is_so_many_calls_and_one_synchronization_and_then_the_control():
    clock = ScriptedClock()
    pairs(clock).time(samples=2, warmup=0, repeats=3, control_units=2)
    assert "".join(clock.events) == "s" + "wwwscc" * 2  # the first s ends a warm-up without calls


def test_samples_are_nanoseconds_per_call_and_per_control_unit():
    told = pairs(ScriptedClock()).time(samples=2, warmup=1, repeats=5, control_units=4)
    assert told == {
        "workload_ns": [(5 * 1000 + 10) // 5] * 2,
        "control_ns": [100, 100],
        "wall_ns": [3 * (5 * 1000 + 10) // 5] * 2,
    }


def test_on_the_wall_clock_workload_and_control_are_elapsed_time():
    told = pairs(ScriptedClock(), on="wall").time(samples=1, warmup=0, repeats=1, control_units=1)
    assert told == {"workload_ns": [3 * 1010], "control_ns": [300], "wall_ns": [3 * 1010]}


@pytest.mark.parametrize(("on", "factor"), [("process_cpu", 1), ("wall", 3)])
def test_the_sweep_before_each_sample_is_timed_on_the_same_clock_and_is_no_part_of_it(on, factor):
    clock = ScriptedClock()
    told = pairs(clock, on=on, evict=lambda: clock.pass_by("e", 70)).time(
        samples=2, warmup=1, repeats=1, control_units=1
    )
    assert "".join(clock.events) == "wcs" + "ewsc" * 2
    assert told["sweep_ns"] == [factor * 70] * 2
    assert told["workload_ns"] == [factor * 1010] * 2
    assert told["control_ns"] == [factor * 100] * 2


def test_the_sweep_of_a_sample_that_met_fresh_memory_is_not_told():
    clock = ScriptedClock()
    sweeps = iter([50, 60, 70])
    fresh = iter([True, False, False])

    def call():
        clock.pass_by("w", 1000)
        if next(fresh):
            clock.faults += 1
            clock.kernel_ns += 100

    timed = pairs(clock, call=call, evict=lambda: clock.pass_by("e", next(sweeps)))
    assert timed.time(samples=2, warmup=0, repeats=1, control_units=1)["sweep_ns"] == [60, 70]


def probed(clock, *looks):
    """A probe of these looks, which stand among the events."""
    taken = iter(looks)

    def take():
        clock.pass_by("p", 0)
        return next(taken)

    return Probe(take=take)


def test_the_longest_of_the_looks_at_the_core_around_a_sample_is_told():
    clock = ScriptedClock()
    looks = probed(clock, 9, 6, 7, 6, 7, 8, 6, 7, 6)
    timed = pairs(clock, evict=lambda: clock.pass_by("e", 70), probe=looks)
    told = timed.time(samples=3, warmup=0, repeats=1, control_units=1)
    # None of them lies between the sweep and the workload, which must find the caches as they are.
    assert "".join(clock.events) == "s" + "pewspcp" * 3
    assert told["probe_ns"] == [9, 8, 7]
    assert told["workload_ns"] == [1010] * 3
    assert looks.quiet_ns == 6


def test_the_warm_up_runs_workload_and_control_and_is_not_counted():
    clock = ScriptedClock()
    told = pairs(clock).time(samples=1, warmup=2, repeats=1, control_units=1)
    assert "".join(clock.events) == "wcwcs" + "wsc"
    assert [len(values) for values in told.values()] == [1, 1, 1]


@pytest.mark.parametrize(
    ("faults", "kernel_ns", "fresh_calls", "counted"),
    [
        (1, 100, 3, [1010, 1010]),
        (1, 100, 8, [1010, 1010]),
        # After eight it is how this framework works.
        (1, 100, 9, [1110, 1010]),
        (1, 20, 3, [1030, 1030]),
        (0, 100, 3, [1110, 1110]),
    ],
)
def test_a_call_that_meets_fresh_memory_is_warm_up_still(faults, kernel_ns, fresh_calls, counted):
    clock = ScriptedClock()
    left = [fresh_calls]

    def call():
        clock.pass_by("w", 1000)
        if left[0]:
            left[0] -= 1
            clock.now += kernel_ns
            clock.faults += faults
            clock.kernel_ns += kernel_ns

    evictions = []
    timed = pairs(clock, call=call, evict=lambda: evictions.append(len(clock.events)))
    told = timed.time(samples=2, warmup=0, repeats=1, control_units=1)
    assert told["workload_ns"] == counted
    assert told["control_ns"] == [100, 100]
    assert len(evictions) == clock.events.count("w")
    assert clock.events.count("c") == 2


def test_the_system_clock_sees_pages_that_are_touched_for_the_first_time():
    before = sampler.SystemClock.kernel()
    with mmap.mmap(-1, 64 << 20) as pages:
        pages.write(b"1" * (64 << 20))
        after = sampler.SystemClock.kernel()
    assert after[0] - before[0] >= 32  # huge pages at most
    assert after[1] > before[1]
    assert all(isinstance(value, int) for value in after)


def test_an_estimate_is_one_call_and_one_unit_after_one_of_each():
    clock = ScriptedClock()
    assert pairs(clock).estimate() == (1010, 100)
    assert "".join(clock.events) == "wcs" + "wsc"


@pytest.mark.parametrize("enabled", [True, False])
def test_no_garbage_is_collected_during_timing_and_the_switch_is_put_back(enabled):
    seen = []
    was = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        timed = sampler.Pairs(
            lambda: seen.append(gc.isenabled()), sampler.nothing, sampler.nothing, ScriptedClock(), "wall"
        )
        timed.time(samples=1, warmup=1, repeats=1, control_units=1)
        assert seen == [False, False]
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if was else gc.disable)()


def test_the_garbage_switch_is_put_back_when_the_workload_raises():
    def fail():
        raise MemoryError

    with pytest.raises(MemoryError):
        sampler.Pairs(fail, sampler.nothing, sampler.nothing, ScriptedClock(), "wall").estimate()
    assert gc.isenabled()


def test_the_system_clock_counts_whole_nanoseconds_forward():
    clock = sampler.SystemClock()
    for read in (clock.cpu_ns, clock.wall_ns):
        first, second = read(), read()
        assert isinstance(first, int)
        assert second >= first


class DeviceAdapter:
    """Times itself, as an adapter with device events does."""

    def device_sample(self, handle, repeats, on):
        return repeats * {"device_cold": 700, "device_hot": 500}[on]

    def device_control(self, units, on):
        return units * 50


@pytest.mark.parametrize(("on", "expected"), [("device_cold", 700), ("device_hot", 500)])
def test_on_a_device_clock_the_adapter_times_both(on, expected):
    timed = sampler.DevicePairs(DeviceAdapter(), object(), ScriptedClock(), on)
    assert timed.estimate() == (expected, 50)
    # It clears its caches itself, within its own clock: there is no sweep to tell of.
    assert timed.time(samples=2, warmup=1, repeats=3, control_units=4) == {
        "workload_ns": [expected] * 2,
        "control_ns": [50] * 2,
        "wall_ns": [0, 0],
    }
