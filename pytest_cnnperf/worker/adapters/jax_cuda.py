"""JAX on a GPU: elapsed time, device memory and kernel names of a compiled program. Not yet run on a GPU.

JAX has no events on the device's own clock, so that a sample is what all its calls take together, put on the device one
after the other, until the last is done.
"""

import glob
import os
import re
import tempfile

import jax
from cnnperf_worker.adapters import kernel_names
from cnnperf_worker.adapters.device_control import DeviceControl
from cnnperf_worker.sampler import SystemClock, timed
from jax import lax, numpy
from wire import NotOffered

TYPES = {"float32": numpy.float32, "tf32": numpy.float32, "bfloat16": numpy.bfloat16}
# By default XLA lets cuDNN round float32 operands to TF32.
PRECISIONS = {"float32": lax.Precision.HIGHEST, "tf32": lax.Precision.DEFAULT, "bfloat16": lax.Precision.DEFAULT}
_COMPILED = "/jax/core/compile/backend_compile_duration"
_LIBRARY_CALL = re.compile(r'custom_call_target="([^"]+)"')


class Cuda:
    """What a GPU adds to the adapter."""

    def __init__(self, control=None):
        self.control = control or DeviceControl()

    def begin(self):
        """Raises: NotOffered without a GPU that this JAX can use."""
        try:
            jax.devices("cuda")
        except RuntimeError as error:
            raise NotOffered(
                "jax %s finds no GPU that it can use (%s); next: python -m pip install 'jax[cuda13]' and name that "
                "interpreter in CNNPERF_COMMAND_JAX" % (jax.__version__, error)
            ) from error

    def sample(self, adapter, handle, repeats, clock):
        """Nanoseconds of all calls, on elapsed time; the L2 cache is flushed before the first."""
        if clock != "wall":
            raise NotOffered("jax has no events on a device's clock: clock wall, not %s" % clock)
        self.control.flush_and_wait()
        return repeats * timed(lambda: adapter.run(handle), repeats, adapter.synchronize, SystemClock)[1]

    def resolved(self, adapter, handle):
        """The resolved algorithm by the kernels of one call, or the library that the program calls."""
        names = _profiled(lambda: (adapter.run(handle), adapter.synchronize()))
        if names:
            return kernel_names.resolved(names)
        calls = list(dict.fromkeys(_LIBRARY_CALL.findall(handle.program.call.as_text())))
        return {"algorithm": None, "name": " + ".join(calls) or "unknown", "tile": None, "workspace_bytes": None}


def is_out_of_memory(error):
    """Whether XLA says that a device has too little memory; its text tells what was asked, and what is free."""
    return "RESOURCE_EXHAUSTED" in str(error)


def memory(compiled):
    """What the program itself says of its arguments, result and temporaries, cuDNN's workspace among them."""
    analysis = compiled.memory_analysis()
    if analysis is None:
        return None
    workspace = int(analysis.temp_size_in_bytes)
    arrays = int(analysis.argument_size_in_bytes) + int(analysis.output_size_in_bytes)
    return {"peak_bytes": arrays + workspace, "workspace_bytes": workspace}


class CompilationCount:
    """How many programs XLA has compiled in this process, by JAX's own events."""

    def __init__(self):
        self.count = 0
        jax.monitoring.register_event_duration_secs_listener(self._heard)

    def _heard(self, event, _seconds, **_more):
        if event == _COMPILED:
            self.count += 1


def device_kernels(planes):
    """Names of the kernels in a profile's planes, in their order; those of the host are left out."""
    on_device = (plane for plane in planes if plane.name.startswith("/device:GPU"))
    # A device's plane has lines of XLA's modules and operations too, beside those of its streams.
    lines = (line for plane in on_device for line in plane.lines if line.name.startswith("Stream"))
    return [event.name for line in lines for event in line.events]


def _profiled(call):
    """Names of the kernels that ran in this call; none where this JAX cannot read its own profiles."""
    read = getattr(jax.profiler, "ProfileData", None)
    if read is None:
        return []
    with tempfile.TemporaryDirectory(prefix="cnnperf-profile-") as folder:
        with jax.profiler.trace(folder):
            call()
        found = glob.glob(os.path.join(folder, "**", "*.xplane.pb"), recursive=True)
        return [name for path in found for name in device_kernels(read.from_file(path).planes)]
