"""The fake framework: right results, scripted nanoseconds, and every way to go wrong; for tests without a clock.

The script is the JSON file named by CNNPERF_FAKE_SCRIPT: {"default": {…}, "rules": [{"match": TEXT, …}]}. The rules
whose text occurs in the case's ("forward/gemm/nchw/n1c3h9w9k4r3s3") are laid over the default in their order. Keys:

    workload_ns, control_ns   a number, or a list that is cycled call by call
    noise, seed               relative spread of both, from a seeded generator
    first_call_ns             of the first call (default: workload_ns)
    wall_factor               elapsed time by CPU time (default 1)
    sweep_ns                  of the eviction before every sample (of the default only); without it nothing is evicted
    probe_ns                  a number or a list: looks at the core (of the default only); without it nobody looks
    throttled_after_ns,
    throttled_factor          when so much scripted time has passed in this process, all takes so many times as long
    resolved                  laid over what it would say by itself
    flops_per_second          the machine's peak, and that of its made-up GPU (of the default only)
    bytes_per_second          what that GPU copies (of the default only)
    memory                    of that GPU: {"peak_bytes": …, "workspace_bytes": …}
    compiles_at               numbers of the calls that compile, the first being 0
    fault, at                 one of FAULTS, at "hello", "prepare" (default) or "time"

{"generation_file": PATH, "generations": [SCRIPT, …]} gives the n-th worker that is started the n-th script, and all
later ones the last.
"""

import fcntl
import json
import os
import random
import resource
import signal
import sys
import time

import numpy as np
from cnnperf_worker.adapters.scripted import ScriptedClock, ScriptedControl
from cnnperf_worker.kernels.direct import Direct
from cnnperf_worker.probe import Probe
from wire import NotOffered

FAULTS = (
    "crash",
    "killed",
    "exit",
    "hang",
    "garbage_on_stdout",
    "garbage_on_wire",
    "nan",
    "wrong_shape",
    "wrong_value",
    "low_precision",
    "stale",
    "not_offered",
    "raise",
    "out_of_memory",
)


class Handle:
    """A prepared case under its script."""

    def __init__(self, case, script, kernel):
        self.case = case
        self.script = script
        self.kernel = kernel
        self.calls = 0
        self.first_output = None


class Adapter:
    """See the module's text for what can be scripted."""

    device_control_version = "fake device1"

    def __init__(self):
        self.script = _read_script()
        self.current = dict(self.script.get("default", {}))
        self.positions = {}
        self.random = random.Random(self.current.get("seed", 1))
        self._clock = ScriptedClock()
        self.compiled = 0
        if "sweep_ns" in self.current:
            self.evict = lambda: self.advance("sweep_ns")
        if "probe_ns" in self.current:
            self.probe = Probe(take=lambda: self.next("probe_ns"))

    def clock(self):
        return self._clock

    def control(self):
        return ScriptedControl(self)

    def info(self):
        self.misbehave("hello")
        return {"framework": "fake", "version": str(self.current.get("version", "1")), "libraries": {}}

    def prepare(self, case, arrays):
        self.current = dict(self.script.get("default", {}))
        for rule in self.script.get("rules", ()):
            if rule["match"] in case.text:
                self.current.update(rule)
        self.positions = {}
        self.random = random.Random(self.current.get("seed", 1))
        self.misbehave("prepare")
        kernel = Direct(case, np.float64)
        kernel.fill(arrays)
        return Handle(case, dict(self.current), kernel)

    def fill(self, handle, arrays):
        handle.kernel.fill(arrays)

    def run(self, handle):
        if handle.calls:
            self.misbehave("time")
        self.advance("workload_ns" if handle.calls or "first_call_ns" not in self.current else "first_call_ns")
        self.compiled += handle.calls in self.current.get("compiles_at", ())
        handle.calls += 1

    def synchronize(self):
        pass

    def output(self, handle):
        fault = handle.script.get("fault") if handle.calls > 1 or handle.script.get("at") != "time" else None
        # The result is computed here and not in run(): a scripted call takes scripted time.
        handle.kernel.run()
        output = handle.kernel.output().astype(handle.case.dtype if handle.case.dtype == "float64" else np.float32)
        if handle.first_output is None:
            handle.first_output = output
        return self.spoilt(output, handle.first_output, fault)

    def spoilt(self, output, first_output, fault):
        """The output as the fault leaves it."""
        if fault == "nan":
            output.flat[output.size // 2] = np.nan
        elif fault == "wrong_shape":
            output = output[..., :-1]
        elif fault == "wrong_value":
            output = output * output.dtype.type(1.01)
        elif fault == "low_precision":
            # Right for small integers, and too coarse for anything else.
            output = output.astype(np.float16).astype(output.dtype)
        elif fault == "stale":
            output = first_output
        return output

    def resolved(self, handle):
        said = {"algorithm": handle.case.algorithm, "name": "fake " + handle.case.algorithm, "tile": None}
        if handle.case.algorithm == "auto":
            said["algorithm"] = "direct"
        said["workspace_bytes"] = 0
        said.update(handle.script.get("resolved", {}))
        return said

    def flops_per_second(self):
        return self.script.get("default", {}).get("flops_per_second", 1e11)

    def device_peaks(self):
        return self.flops_per_second(), self.script.get("default", {}).get("bytes_per_second", 1e10)

    def memory(self, handle):
        return handle.script.get("memory")

    def compilations(self):
        return self.compiled

    def device_sample(self, handle, repeats, _clock):
        return self.passed(lambda: self.run(handle), repeats)

    def device_control(self, units, _clock):
        return self.passed(lambda: self.advance("control_ns"), units)

    def passed(self, call, count):
        """Scripted nanoseconds of so many calls: a made-up GPU has the clock of everything else."""
        began = self._clock.cpu_ns()
        for _ in range(count):
            call()
        return self._clock.cpu_ns() - began

    def close(self):
        pass

    def next(self, name):
        """The next scripted number of this name."""
        scripted = self.current.get(name, 1000000)
        values = scripted if isinstance(scripted, list) else [scripted]
        position = self.positions.get(name, 0)
        self.positions[name] = position + 1
        return values[position % len(values)]

    def advance(self, name):
        """Let the next scripted nanoseconds of this name pass."""
        ns = self.next(name)
        factor = 1.0 + self.current.get("noise", 0.0) * self.random.uniform(-1.0, 1.0)
        if self._clock.cpu >= self.current.get("throttled_after_ns", float("inf")):
            factor *= self.current.get("throttled_factor", 1.0)
        self._clock.advance(ns * factor, self.current.get("wall_factor", 1.0))

    def misbehave(self, at):
        """Do what the script says goes wrong at this point."""
        fault = self.current.get("fault")
        if fault is None or self.current.get("at", "prepare") != at:
            return
        if fault not in FAULTS:
            raise ValueError("fault %r; known: %s" % (fault, ", ".join(FAULTS)))
        action = _ACTIONS.get(fault)
        if action:
            action()


def _read_script():
    path = os.environ.get("CNNPERF_FAKE_SCRIPT")
    if not path:
        return {}
    with open(path) as stream:
        script = json.load(stream)
    if "generations" not in script:
        return script
    with open(script["generation_file"], "a+") as stream:
        # Two workers may start at once.
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.seek(0)
        generation = int(stream.read() or 0)
        stream.truncate(0)
        stream.write(str(generation + 1))
    return script["generations"][min(generation, len(script["generations"]) - 1)]


def _crash():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stderr.write("fake: about to abort\n")
    sys.stderr.flush()
    os.abort()


def _hang():
    sys.stderr.write("fake: hanging\n")
    sys.stderr.flush()
    while True:
        time.sleep(60)


def _print_garbage():
    print("garbage \x00\xff that a framework prints")
    os.write(1, b"\x00\xffgarbage of a C library\n")


def _write_garbage_on_the_wire():
    for descriptor in range(3, 16):
        try:
            os.write(descriptor, b"this is no frame of the wire, nor its length\n")
        except OSError:
            pass  # closed, or the reading end: only the wire takes it


def _not_offered():
    raise NotOffered("scripted: this case is not offered")


def _raise():
    raise RuntimeError("scripted: the framework raised")


def _out_of_memory():
    raise MemoryError("scripted: 1 TiB was not to be had")


_ACTIONS = {
    "crash": _crash,
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "exit": lambda: sys.exit(3),
    "hang": _hang,
    "garbage_on_stdout": _print_garbage,
    "garbage_on_wire": _write_garbage_on_the_wire,
    "not_offered": _not_offered,
    "raise": _raise,
    "out_of_memory": _out_of_memory,
}
