"""Device time of calls: a pair of events around each on a cold cache, or around one replayed graph of all of them."""

from typing import Any, Callable, Dict, List, Tuple

from .flush import Flush
from .runtime import Runtime

_GRAPHS_KEPT = 2  # that of a warm-up, which is one call, and that of the samples


class Timer:
    """One stream, the flush and the events that all samples of a process share; not yet run on a GPU."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.stream = runtime.stream()
        try:
            self.flush = Flush(runtime)
        except BaseException:
            runtime.drop_stream(self.stream)
            raise
        self.events: "List[Tuple[int, int]]" = []

    def pairs(self, count: int) -> "List[Tuple[int, int]]":
        """So many pairs of events; they are kept, since making one takes longer than recording it."""
        while len(self.events) < count:
            self.events.append((self.runtime.event(), self.runtime.event()))
        return self.events[:count]

    def total_ns(self, pairs: "List[Tuple[int, int]]") -> int:
        """Sum of the times between the events of each pair."""
        return sum(self.runtime.elapsed_ns(start, end) for start, end in pairs)

    def close(self) -> None:
        """Give back its events, the flush's memory and the stream."""
        events, self.events = self.events, []
        for pair in events:
            for event in pair:
                self.runtime.drop_event(event)
        self.flush.memory.free()
        self.runtime.drop_stream(self.stream)


class Timed:
    """A call that puts work on the timer's stream, and the graphs that it was captured into last."""

    def __init__(self, timer: Timer, enqueue: "Callable[[], Any]") -> None:
        self.timer = timer
        self.enqueue = enqueue
        self.graphs: "Dict[int, int]" = {}

    def nanoseconds(self, count: int, clock: str) -> int:
        """Device time of so many calls on "device_cold" or "device_hot"; nothing else runs on the device meanwhile."""
        self.timer.runtime.synchronize()
        return self._replayed(count) if clock == "device_hot" else self._cold(count)

    def _cold(self, count: int) -> int:
        """The cache is flushed before each call, outside of its pair of events."""
        timer, runtime = self.timer, self.timer.runtime
        pairs = timer.pairs(count)
        for start, end in pairs:
            timer.flush.run(timer.stream)
            runtime.record(start, timer.stream)
            self.enqueue()
            runtime.record(end, timer.stream)
        return timer.total_ns(pairs)

    def _replayed(self, count: int) -> int:
        """One graph of all calls between one pair; the replay before it, uncounted, leaves the cache as it finds it."""
        timer, runtime = self.timer, self.timer.runtime
        graph, pairs = self._graph(count), timer.pairs(1)
        runtime.replay(graph, timer.stream)
        for start, end in pairs:
            runtime.record(start, timer.stream)
            runtime.replay(graph, timer.stream)
            runtime.record(end, timer.stream)
        return timer.total_ns(pairs)

    def _graph(self, count: int) -> int:
        """The graph of so many calls; only those used last are kept."""
        runtime = self.timer.runtime
        if not self.graphs:
            # A kernel's first call loads it and may allocate, which a capture forbids.
            self.enqueue()
        graph = self.graphs.pop(count, None)
        if graph is None:
            graph = runtime.capture(self.timer.stream, lambda: self._enqueue_all(count))
        self.graphs[count] = graph
        while len(self.graphs) > _GRAPHS_KEPT:
            runtime.drop_graph(self.graphs.pop(next(iter(self.graphs))))
        return graph

    def _enqueue_all(self, count: int) -> None:
        for _ in range(count):
            self.enqueue()

    def close(self) -> None:
        """Give the graphs back."""
        graphs, self.graphs = self.graphs, {}
        for graph in graphs.values():
            self.timer.runtime.drop_graph(graph)
