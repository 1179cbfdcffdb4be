"""PyTorch on a GPU: device time, device memory, names of kernels and compiled calls. Not yet run on a GPU."""

import sys
import traceback
from contextlib import contextmanager

import torch
from cnnperf_worker.adapters import kernel_names
from cnnperf_worker.adapters.device_control import DeviceControl
from wire import NotOffered


class Cuda:
    """What a GPU adds to the adapter; one for a process, used for the handle at hand."""

    def __init__(self, control=None):
        self.control = control or DeviceControl()
        self.events = []
        self.names = {}
        self.compiled = None

    def begin(self):
        """Before a case is prepared: its peak of memory counts from here.

        Raises: NotOffered without a GPU that this PyTorch can use.
        """
        if not torch.cuda.is_available():
            raise NotOffered(
                "torch %s (CUDA %s) finds no GPU that it can use; next: python -c 'import torch; torch.cuda.init()'"
                % (torch.__version__, torch.version.cuda)
            )
        torch.cuda.reset_peak_memory_stats()

    def memory(self, handle):
        """The peak since `begin`, and what one more call needs beside its operands and its result."""
        torch.cuda.synchronize()
        peak = torch.cuda.max_memory_allocated()
        handle.result = None
        torch.cuda.reset_peak_memory_stats()
        handle.result = handle.call(*handle.operands)
        torch.cuda.synchronize()
        workspace = torch.cuda.max_memory_allocated() - torch.cuda.memory_allocated()
        return {"peak_bytes": int(peak), "workspace_bytes": int(max(workspace, 0))}

    def release(self, handle):
        """Give all of its memory back to the device, which other workers share."""
        handle.operands, handle.absent, handle.result, handle.graphs = (), (), None, {}
        # A call may hold memory of its own; nobody makes it any more.
        handle.call = None
        torch.cuda.empty_cache()

    @contextmanager
    def refusing(self, handle):
        """Raise NotOffered, and give the memory of this case back, where the device has too little for it."""
        try:
            yield
        except torch.cuda.OutOfMemoryError as error:
            # What failed half-way is still in the frames of the error.
            traceback.clear_frames(error.__traceback__)
            self.release(handle)
            # What was asked and what is free; the allocator's advice on its settings is left out.
            told = str(error).partition(" Of the allocated memory")[0]
            raise NotOffered(
                "torch %s: %s; next: a smaller batch, or end what else uses the GPU (nvidia-smi)"
                % (handle.case.text, told)
            ) from error

    def sample(self, handle, repeats, clock):
        """Nanoseconds of all calls on the device's own clock.

        device_cold: the L2 cache is flushed before each call, outside of its pair of events. device_hot: one graph of
        all calls, replayed between one pair.
        """
        replays = clock == "device_hot"
        pairs = self._pairs(1 if replays else repeats)
        if replays:
            graph, result = self._graph(handle, repeats)
            graph.replay()  # uncounted: it leaves the cache as the next one finds it
            self._between(pairs[0], graph.replay)
            handle.result = result
        else:
            stream = torch.cuda.current_stream().cuda_stream
            for pair in pairs:
                self.control.flush(stream)
                self._between(pair, lambda: _run(handle))
        torch.cuda.synchronize()
        return round(sum(start.elapsed_time(end) for start, end in pairs) * 1e6)

    def kernels(self, handle):
        """The resolved algorithm by the kernels of one call, seen once for a case in this process; or None.

        None where CUPTI sees nothing: profiling may be forbidden, or another profiler may run.
        """
        case = handle.case
        name = (case.text, case.dtype, tuple(sorted(case.options.items())))
        if name not in self.names:
            activities = [torch.profiler.ProfilerActivity.CUDA]
            with torch.profiler.profile(activities=activities) as profile:
                _run(handle)
                torch.cuda.synchronize()
            on_device = torch.autograd.DeviceType.CUDA
            self.names[name] = [event.name for event in profile.events() if event.device_type == on_device]
        return kernel_names.resolved(self.names[name]) if self.names[name] else None

    def compile(self, case, call, operands):
        """The compiled call, which has run once: compilation is no part of the first call.

        One is kept, for the rounds of one case; those of earlier cases would be looked through at every call.
        """
        key = (case.text, case.dtype)
        if self.compiled is None or self.compiled[0] != key:
            torch._dynamo.reset()
            self.compiled = (key, torch.compile(call, fullgraph=True, dynamic=False))
        self.compiled[1](*operands)
        torch.cuda.synchronize()
        return self.compiled[1]

    def _pairs(self, count):
        while len(self.events) < count:
            self.events.append(tuple(torch.cuda.Event(enable_timing=True) for _ in range(2)))
        return self.events[:count]

    def _between(self, pair, call):
        start, end = pair
        start.record()
        call()
        end.record()

    def _graph(self, handle, repeats):
        """The graph of so many calls, and the result that it writes; the operands must keep their places."""
        if repeats not in handle.graphs:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                for _ in range(repeats):
                    _run(handle)
            handle.graphs[repeats] = (graph, handle.result)
        return handle.graphs[repeats]


def compilations():
    """How many graphs Dynamo has compiled in this process; it is not even loaded where nothing was."""
    utils = sys.modules.get("torch._dynamo.utils")
    return int(utils.counters["stats"]["unique_graphs"]) if utils else 0


def _run(handle):
    handle.result = handle.call(*handle.operands)
