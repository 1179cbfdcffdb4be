"""The pair sampler on scripted clocks."""

from __future__ import annotations

import gc

import pytest

from pytest_cnnperf.worker import sampler


class ScriptedClock:
    """Two clocks that only the calls advance: elapsed time runs three times as fast as CPU time."""

    def __init__(self):
        self.now = 0
        self.events = []

    def pass_by(self, name, ns):
        self.events.append(name)
        self.now += ns

    def cpu_ns(self):
        return self.now

    def wall_ns(self):
        return 3 * self.now


def pairs(clock, *, workload=1000, control=100, on="process_cpu"):
    return sampler.Pairs(
        lambda: clock.pass_by("w", workload),
        lambda: clock.pass_by("s", 10),
        lambda: clock.pass_by("c", control),
        clock,
        on,
    )


def test_a_sample_is_so_many_calls_and_one_synchronization_and_then_the_control():
    clock = ScriptedClock()
    pairs(clock).time(samples=2, warmup=0, repeats=3, control_units=2)
    assert "".join(clock.events) == "s" + "wwwscc" * 2  # the first s ends a warm-up without calls


def test_samples_are_nanoseconds_per_call_and_per_control_unit():
    workload, control, wall = pairs(ScriptedClock()).time(samples=2, warmup=1, repeats=5, control_units=4)
    assert workload == [(5 * 1000 + 10) // 5] * 2
    assert control == [100, 100]
    assert wall == [3 * (5 * 1000 + 10) // 5] * 2


def test_on_the_wall_clock_workload_and_control_are_elapsed_time():
    workload, control, wall = pairs(ScriptedClock(), on="wall").time(samples=1, warmup=0, repeats=1, control_units=1)
    assert (workload, control) == ([3 * 1010], [300])
    assert wall == workload


def test_the_warm_up_runs_workload_and_control_and_is_not_counted():
    clock = ScriptedClock()
    workload, _, _ = pairs(clock).time(samples=1, warmup=2, repeats=1, control_units=1)
    assert "".join(clock.events) == "wcwcs" + "wsc"
    assert len(workload) == 1


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
    assert timed.time(samples=2, warmup=1, repeats=3, control_units=4) == ([expected] * 2, [50] * 2, [0, 0])
