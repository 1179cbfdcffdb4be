"""The pair sampler: workload and control back to back, on two clocks, with nothing else going on."""

import gc
import resource
import time
from typing import Any, Callable, Dict, List, Tuple

Call = Callable[[], Any]
# What is told of each sample, by its name on the wire.
Told = Dict[str, List[int]]

# A call that spends more of its time than this in the kernel, and meets pages that nobody touched before, is warm-up
# still: on a virtual machine a new huge page took 4 to 5 ms, and a heap that grew by four of them doubled a call of
# 18 ms. One batch in ten had such a call. A framework that gets fresh pages in every call is timed with them after so
# many.
FRESH_SHARE = 0.02
MOST_FRESH = 8


class SystemClock:
    """CPU time of the whole process, and elapsed time, in integer nanoseconds."""

    if hasattr(time, "process_time_ns"):
        cpu_ns = staticmethod(time.process_time_ns)
        wall_ns = staticmethod(time.perf_counter_ns)
    else:  # Python 3.6

        @staticmethod
        def cpu_ns() -> int:
            return int(time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID) * 1e9)

        @staticmethod
        def wall_ns() -> int:
            return int(time.perf_counter() * 1e9)

    @staticmethod
    def kernel() -> "Tuple[int, int]":
        """Page faults of the process so far, and the nanoseconds of CPU time that the kernel spent for it."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        return used.ru_minflt, int(used.ru_stime * 1e9)


def nothing() -> None:
    """The `synchronize` of what is done when it returns."""


def timed(call: Call, count: int, synchronize: Call, clock: Any) -> "Tuple[int, int]":
    """CPU and wall nanoseconds per call of `count` calls and one synchronization."""
    calls = range(count)
    wall = clock.wall_ns()
    cpu = clock.cpu_ns()
    for _ in calls:
        call()
    synchronize()
    cpu = clock.cpu_ns() - cpu
    wall = clock.wall_ns() - wall
    return cpu // count, wall // count


def met_fresh_memory(before: "Tuple[int, int]", after: "Tuple[int, int]", cpu_ns: int) -> bool:
    """Whether page faults took a part of this CPU time; both are readings of the clock's `kernel`."""
    return after[0] > before[0] and after[1] - before[1] > FRESH_SHARE * cpu_ns


class Pairs:
    """Times a workload beside a control; both are calls without arguments.

    `evict`, another one, goes before every sample, and is timed: it tells of the memory what the control tells of the
    core. `on` is "process_cpu" or "wall". `warmed` is called between the
    warm-up and the first sample; a call that meets fresh memory is warm-up too, also later. `probe`, where there is
    one, looks at the core around every sample, and between its workload and its control.
    Units: nanoseconds per workload call and per control unit.
    """

    def __init__(
        self,
        call: Call,
        synchronize: Call,
        control: Call,
        clock: Any,
        on: str,
        *,
        evict: Call = nothing,
        probe: Any = None,
    ) -> None:
        self.call = call
        self.synchronize = synchronize
        self.control = control
        self.evict = evict
        self.probe = probe
        self.clock = clock
        self.which = {"process_cpu": 0, "wall": 1}[on]
        self.warmed: Call = nothing

    def estimate(self) -> "Tuple[int, int]":
        """One workload call and one control unit, each after one that is not counted."""
        with Quiet():
            self.warm_up(1)
            workload = timed(self.call, 1, self.synchronize, self.clock)
            control = timed(self.control, 1, nothing, self.clock)
        return workload[self.which], control[self.which]

    def warm_up(self, calls: int) -> None:
        """Workload calls and as many control units that are not counted."""
        for _ in range(calls):
            self.call()
            self.control()
        self.synchronize()

    def time(self, samples: int, warmup: int, repeats: int, control_units: int) -> Told:
        """Workload, control, workload's wall time of `samples` pairs.

        And the sweep before each, where anything is evicted, and the longest of the probes around it.
        """
        workload_ns, control_ns, wall_ns, sweep_ns, probe_ns = [], [], [], [], []
        with Quiet():
            self.warm_up(warmup)
            self.warmed()
            may_be_fresh = MOST_FRESH
            look = self.probe.take if self.probe else int
            while len(workload_ns) < samples:
                looks = [look()]
                sweep = timed(self.evict, 1, nothing, self.clock)
                before = self.clock.kernel()
                workload = timed(self.call, repeats, self.synchronize, self.clock)
                if may_be_fresh and met_fresh_memory(before, self.clock.kernel(), repeats * workload[0]):
                    may_be_fresh -= 1
                    continue
                looks.append(look())
                control = timed(self.control, control_units, nothing, self.clock)
                looks.append(look())
                workload_ns.append(workload[self.which])
                control_ns.append(control[self.which])
                wall_ns.append(workload[1])
                sweep_ns.append(sweep[self.which])
                probe_ns.append(max(looks))
        told = {"workload_ns": workload_ns, "control_ns": control_ns, "wall_ns": wall_ns}
        if self.evict is not nothing:
            told["sweep_ns"] = sweep_ns
        if self.probe:
            told["probe_ns"] = probe_ns
        return told


class DevicePairs:
    """Like `Pairs`, for an adapter that times on its device's own clock: events, or a replayed graph.

    The adapter offers `device_sample(handle, repeats, clock)` and `device_control(units, clock)`, both of which return
    nanoseconds in all.
    """

    def __init__(self, adapter: Any, handle: Any, clock: Any, on: str) -> None:
        self.adapter = adapter
        self.handle = handle
        self.clock = clock
        self.on = on
        self.warmed: Call = nothing

    def estimate(self) -> "Tuple[int, int]":
        """One workload call and one control unit, each after one that is not counted."""
        self.pair(1, 1)
        workload, control, _ = self.pair(1, 1)
        return workload, control

    def time(self, samples: int, warmup: int, repeats: int, control_units: int) -> Told:
        """Workload, control and workload's wall time of `samples` pairs."""
        with Quiet():
            for _ in range(warmup):
                self.pair(1, 1)
            self.warmed()
            pairs = [self.pair(repeats, control_units) for _ in range(samples)]
        return dict(zip(("workload_ns", "control_ns", "wall_ns"), map(list, zip(*pairs))))

    def pair(self, repeats: int, control_units: int) -> "Tuple[int, int, int]":
        """One sample: workload, control, and the workload's wall time."""
        wall = self.clock.wall_ns()
        workload = self.adapter.device_sample(self.handle, repeats, self.on)
        wall = self.clock.wall_ns() - wall
        control = self.adapter.device_control(control_units, self.on)
        return workload // repeats, control // control_units, wall // repeats


class Quiet:
    """No garbage collection inside.

    Nothing is collected before either: that costs tenths of a second in a process that holds a whole framework, once
    for every batch of samples.
    """

    def __enter__(self) -> None:
        self.was_enabled = gc.isenabled()
        gc.disable()

    def __exit__(self, *error: Any) -> None:
        if self.was_enabled:
            gc.enable()
