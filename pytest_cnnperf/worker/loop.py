"""The request loop: one handler a request; a failure of the adapter is an answer, not the end."""

import functools
import os
import platform
import sys
import traceback

import numpy as np

from . import control, eviction, peak, probe, sampler, wire


class Recompiled(Exception):
    """The framework compiled, or searched for an algorithm, in a timed call."""


class Prepared:
    """The case at hand: the adapter's handle and the operands that are in it; None where it negates them itself."""

    def __init__(self, case, handle, arrays):
        self.case = case
        self.handle = handle
        self.arrays = arrays


class Loop:
    """Answers requests for one adapter."""

    def __init__(self, load_adapter):
        self.load_adapter = load_adapter
        self.adapter = None
        self.clock = self.control = self.evict = self.probe = self.prepared = None
        self.handlers = {
            "hello": self.hello,
            "prepare": self.prepare,
            "estimate": self.estimate,
            "time": self.time,
            "output": self.output,
            "release": self.release,
            "peak": self.peak,
            "exit": self.release,
        }

    def answer(self, head, arrays):
        """Fields and arrays of the answer to one request."""
        handler = self.handlers.get(head.get("request"))
        if handler is None:
            raise wire.ProtocolError("request %r; known: %s" % (head.get("request"), ", ".join(sorted(self.handlers))))
        if self.adapter is None and handler not in (self.hello, self.release):
            raise wire.ProtocolError("request %r before hello" % head["request"])
        return handler(head, arrays)

    def hello(self, head, _arrays):
        if head.get("wire") != wire.WIRE_VERSION:
            raise wire.ProtocolError(
                "wire version %r asked, this worker speaks %d" % (head.get("wire"), wire.WIRE_VERSION)
            )
        if self.adapter is None:
            adapter = self.load_adapter()
            self.clock = getattr(adapter, "clock", sampler.SystemClock)()
            self.control = getattr(adapter, "control", control.Unfolded)()
            # A scripted clock does not feel the caches, unless its script says so.
            scripted = getattr(adapter, "evict", sampler.nothing)
            self.evict = scripted if hasattr(adapter, "clock") else eviction.Sweep().run
            self.probe = getattr(adapter, "probe", None) if hasattr(adapter, "clock") else probe.Probe()
            self.adapter = adapter
        fields = dict(self.adapter.info())
        fields.update(
            wire=wire.WIRE_VERSION,
            python=platform.python_version(),
            numpy=np.__version__,
            threads=_threads(),
            pid=os.getpid(),
            control=self.control.version,
            device_control=getattr(self.adapter, "device_control_version", None),
        )
        return fields, {}

    def prepare(self, head, arrays):
        self.release(head, arrays)
        case = wire.Case(head.get("case") or {})
        _check_operands(case, arrays)
        clock = self.clock
        wall, cpu = clock.wall_ns(), clock.cpu_ns()
        handle = self.adapter.prepare(case, arrays)
        prepared = clock.wall_ns() - wall
        try:
            self.adapter.run(handle)
            self.adapter.synchronize()
            cpu, wall = clock.cpu_ns() - cpu, clock.wall_ns() - wall
            output = self.adapter.output(handle)
            memory = self.adapter.memory(handle) if hasattr(self.adapter, "memory") else None
            resolved = self.adapter.resolved(handle)
        except BaseException:
            self.drop(handle)
            raise
        # Where the operands are negated on the device, the worker keeps no copy of them.
        negates = case.device_kind != "cpu" and hasattr(self.adapter, "negate")
        self.prepared = Prepared(case, handle, None if negates else arrays)
        fields = {"resolved": resolved, "first_call_ns": wall, "first_call_cpu_ns": cpu, "prepare_ns": prepared}
        return dict(fields, memory=memory), {"output": output}

    def estimate(self, head, _arrays):
        workload, control_unit = self.pairs(head).estimate()
        return {"workload_ns": workload, "control_ns": control_unit}, {}

    def time(self, head, _arrays):
        samples, warmup, repeats, units = (head.get(name) for name in ("samples", "warmup", "repeats", "control_units"))
        _check_whole(samples=(samples, 1), warmup=(warmup, 0), repeats=(repeats, 1), control_units=(units, 1))
        pairs = self.pairs(head)
        if head.get("flip"):
            self.flip()
        compilations = Compilations(self.adapter)
        pairs.warmed = compilations.begin
        told = pairs.time(samples, warmup, repeats, units)
        compilations.end()
        fields = {"quiet_ns": self.probe.quiet_ns} if "probe_ns" in told else {}
        return fields, {name: np.array(values, dtype=np.int64) for name, values in told.items()}

    def flip(self):
        """Negate the first operand inside the handle: the next output is exactly the negative, unless it is stale."""
        if self.prepared.arrays is None:
            self.adapter.negate(self.prepared.handle)
            return
        name = self.prepared.case.operand_shapes[0][0]
        self.prepared.arrays = dict(self.prepared.arrays, **{name: -self.prepared.arrays[name]})
        self.adapter.fill(self.prepared.handle, self.prepared.arrays)

    def output(self, _head, _arrays):
        return {}, {"output": self.adapter.output(self.current().handle)}

    def release(self, _head, _arrays):
        if self.prepared is not None:
            handle, self.prepared = self.prepared.handle, None
            self.drop(handle)
        return {}, {}

    def drop(self, handle):
        """Let an adapter that holds more than memory for a handle give it back."""
        release = getattr(self.adapter, "release", None)
        if release is not None:
            release(handle)

    def peak(self, head, _arrays):
        if head.get("device_kind") == "cuda":
            flops, copied = peak.of_device(self.adapter)
            return {"flops_per_second": flops, "bytes_per_second": copied}, {}
        measure = getattr(self.adapter, "flops_per_second", peak.flops_per_second)
        return {"flops_per_second": float(measure())}, {}

    def current(self):
        """The prepared case.

        Raises: ProtocolError when there is none.
        """
        if self.prepared is None:
            raise wire.ProtocolError("no case is prepared")
        return self.prepared

    def pairs(self, head):
        """The sampler of the prepared case on the clock that was asked for."""
        handle, on = self.current().handle, head.get("clock")
        # Elapsed time of a GPU's calls is the adapter's to take too, beside the control on that GPU.
        on_device = on == "wall" and self.current().case.device_kind == "cuda"
        if on in ("process_cpu", "wall") and not on_device:
            call = functools.partial(self.adapter.run, handle)
            # Elapsed time is asked for where several cores work, and the probe sees one.
            look = self.probe if on == "process_cpu" else None
            return sampler.Pairs(
                call, self.adapter.synchronize, self.control.run, self.clock, on, evict=self.evict, probe=look
            )
        if on_device or on in ("device_cold", "device_hot"):
            if not hasattr(self.adapter, "device_sample"):
                raise wire.NotOffered("clock %s: this adapter has no device clock" % on)
            return sampler.DevicePairs(self.adapter, handle, self.clock, on)
        raise wire.ProtocolError("clock %r; known: process_cpu, wall, device_cold, device_hot" % on)


class Compilations:
    """Compares how often the framework has compiled, or searched, when the samples begin and when they end.

    A warm-up call may; a timed one may not. An adapter without `compilations()` does neither.
    """

    def __init__(self, adapter):
        self.count = getattr(adapter, "compilations", int)
        self.before = self.count()

    def begin(self):
        self.before = self.count()

    def end(self):
        """Raises: Recompiled."""
        more = self.count() - self.before
        if more:
            raise Recompiled("the framework compiled or searched for an algorithm %d times in timed calls" % more)


def _check_whole(**fields):
    """Each field is a value and the least that it may be."""
    for name, (value, least) in fields.items():
        if type(value) is not int or value < least:
            raise wire.ProtocolError("%s=%r must be an integer of at least %d" % (name, value, least))


def _check_operands(case, arrays):
    expected = dict(case.operand_shapes)
    got = {name: array.shape for name, array in arrays.items()}
    if got != expected:
        raise wire.ProtocolError("operands %r; expected %r for %s" % (got, expected, case.text))


def _threads():
    return int(os.environ.get("OMP_NUM_THREADS") or 0) or len(os.sched_getaffinity(0))


def _refusal(error):
    """The `ok: false` answer for what went wrong."""
    if isinstance(error, wire.NotOffered):
        kind = "not_offered"
    elif isinstance(error, wire.ProtocolError):
        kind = "protocol"
    elif isinstance(error, Recompiled):
        kind = "recompiled"
    else:
        kind = "adapter_error"
    message = (
        "out of memory: %s" % error if isinstance(error, MemoryError) else "%s: %s" % (type(error).__name__, error)
    )
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return {
        "ok": False,
        "error": kind,
        "message": str(error) if kind != "adapter_error" else message,
        "traceback": text,
    }


def _read_exactly(stream, count):
    """So many bytes of a buffered stream; EOFError when the host is gone."""
    data = bytearray(count)
    view, filled = memoryview(data), 0
    while filled < count:
        got = stream.readinto(view[filled:])
        if not got:
            raise EOFError("the host closed the pipe")
        filled += got
    return data


def _write(stream, pieces):
    for piece in pieces:
        view = memoryview(piece)
        while view:
            view = view[stream.write(view) :]


def serve(requests, answers, load_adapter):
    """Answer until `exit`, or until the host closes the pipe (then nobody is left to be told)."""
    loop = Loop(load_adapter)
    read = functools.partial(_read_exactly, requests)
    while True:
        try:
            head, arrays = wire.decode(read)
        except EOFError:
            return
        reply = {"request": head.get("request"), "id": head.get("id")}
        try:
            fields, blocks = loop.answer(head, arrays)
            pieces = wire.encode(dict(fields, ok=True, **reply), blocks)
        except Exception as error:  # the process boundary: whatever a framework raises becomes an answer
            pieces = wire.encode(dict(_refusal(error), **reply), {})
        sys.stdout.flush()
        try:
            _write(answers, pieces)
        except BrokenPipeError:
            return
        arrays = blocks = pieces = None  # hundreds of megabytes that nobody needs until the next request
        if head.get("request") == "exit":
            if loop.adapter is not None:
                loop.adapter.close()
            return
