"""The run: settings, workers, leases, baselines and questions, opened when first needed and closed together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from typing import TYPE_CHECKING

from ..baseline.entry import Entry
from ..baseline.spread import framework_of
from ..baseline.store import Baselines
from ..cases import Case, Clock, DeviceKind
from ..errors import NotInstalled, NotOffered, WorkerFailed, WorkerRefused
from ..frameworks.registry import Registry
from ..host.pool import Pool
from ..host.process import Worker
from ..host.remote import Peak, peak
from ..judging.statistics import session_level
from ..measuring.gpu.holders import Holders, holders
from ..measuring.gpu.state import Probe
from ..measuring.gpu.watch import Watch
from ..measuring.gpus import Gpu
from ..measuring.lease import Leases, OnWait, core_device, cores
from ..measuring.machine import Machine, detect
from ..report.outcome import Outcome
from ..settings import Settings, will_store
from .learning import learned
from .question import Questions
from .storing import Storing, shown

if TYPE_CHECKING:
    from .visits import Visited

# Frameworks and environments follow each other; few need to live at once.
_WORKERS = 4
# A framework may take so long to be imported; beyond that its process is silent, for as long as a user allows.
_START_SECONDS, _MOST_START_SECONDS = 60.0, 120.0
# The best of so many looks by each framework at what a core can do, a fifth of a second each.
_MOST_PEAKS = 5


class Run:
    """Everything that one pytest process needs to run cases.

    `compared` is the number of cases of the session, among which the level of false alarms is divided; `worker_number`
    spreads xdist workers over the cores. Where it `returns` to cases that are not settled, those wait by node id and
    key. `on_wait` is told now and then which device another run holds. `session_pid` is the process that started this
    one and its siblings, if one did.
    Units: `peak_flops` is the best matrix-product rate of one core in FLOP/s, by any framework's products, and
    `gpu_peak` the rates of the best GPU, by the first worker that is about to time on it.
    """

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        *,
        compared: int = 1,
        worker_number: int = 0,
        returns: bool = False,
        on_wait: OnWait | None = None,
        session_pid: int | None = None,
    ) -> None:
        self.settings = settings
        self.registry = registry
        self.level = session_level(compared)
        self.returns = returns
        self._leases = Leases(on_wait=on_wait)
        self.waiting: dict[tuple[str, str], Visited] = {}
        self.questions = Questions()
        start_seconds = min(_START_SECONDS + settings.deadline_seconds, _MOST_START_SECONDS)
        self._pool = Pool(limit=_WORKERS, deadline_seconds=start_seconds)
        self._cores = _turned(cores(), worker_number)
        self._session_pid = session_pid
        self._inner_pids: set[int] = set()
        self._storing = Storing(settings.baselines, settings.update)
        self._watches: dict[tuple[str, ...], tuple[Probe, Watch]] = {}
        self._peaks: dict[str, list[float]] = {}
        self._peaked: set[str] = set()
        self._gpu_peaks: dict[tuple[str, ...], Peak] = {}

    @cached_property
    def machine(self) -> Machine:
        """What the baselines of this run belong to."""
        return detect()

    @cached_property
    def baselines(self) -> Baselines:
        """The stored speeds of this machine.

        Raises: BaselineError when this run will store what it measures, and could not.
        """
        baselines = Baselines.open(self.settings.baselines, self.machine)
        if will_store(self.settings, known=False):
            baselines.ensure_writable()
        return baselines

    def worker(self, case: Case, *, fresh: bool = False, gpus: tuple[Gpu, ...] = ()) -> Worker:
        """A live worker for this case, or a new process.

        Raises: NotInstalled or FrameworkUnavailable with the command that brings the framework; NotOffered when it has
        no such way; WorkerFailed when it does not start.
        """
        spec = self.registry.get(case.framework)
        missing = self.registry.missing(spec)
        if missing:
            raise NotInstalled(missing)
        offer = spec.offer_for(case)
        if offer is None:
            raise NotOffered(f"{spec.title} offers no {_way(case)}")
        start = self._pool.fresh if fresh else self._pool.worker
        visible = ",".join(gpu.uuid for gpu in gpus) or None
        worker = start(spec, offer, case, cpus=self.cpus(case.threads), visible_devices=visible)
        told_pid = worker.hello.get("pid")
        if spec.command and told_pid is not None and told_pid != worker.pid:
            self._inner_pids.add(told_pid)
        return worker

    def measure_peak(self, worker: Worker, case: Case, gpus: tuple[Gpu, ...]) -> None:
        """Find out what these GPUs can do at best, or a core; nobody else may use them now.

        Best behind the first call of a case, part of which is to wake the libraries that this uses.
        """
        if gpus:
            self._measure_gpu_peak(worker, gpus)
        elif case.clock is Clock.PROCESS_CPU and not self.registry.get(case.framework).command:
            self._measure_core_peak(worker, case)

    def _measure_core_peak(self, worker: Worker, case: Case) -> None:
        """By each framework, since a BLAS may not know it; by each set of processes, since a second may be busy."""
        seen = self._peaks.setdefault(case.framework, [])
        if case.framework not in self._peaked and len(seen) < _MOST_PEAKS:
            self._peaked.add(case.framework)
            with self.timing(case):
                seen.append(_peak_of(worker, DeviceKind.CPU).flops_per_second or 0.0)

    @property
    def peak_flops(self) -> float | None:
        """The best rate of a core so far; None before the first."""
        return max((rate for seen in self._peaks.values() for rate in seen), default=0.0) or None

    def _measure_gpu_peak(self, worker: Worker, gpus: tuple[Gpu, ...]) -> None:
        uuids = tuple(gpu.uuid for gpu in gpus)
        if uuids not in self._gpu_peaks:
            self._gpu_peaks[uuids] = _peak_of(worker, DeviceKind.CUDA)

    @property
    def gpu_peak(self) -> Peak | None:
        """The best rates of all GPUs that were measured; None before the first."""
        peaks = self._gpu_peaks.values()
        names = ("flops_per_second", "bytes_per_second")
        rates = {name: max((getattr(each, name) or 0.0 for each in peaks), default=0.0) or None for name in names}
        return Peak(**rates) if peaks else None

    def renew(self) -> None:
        """Replace the processes of all workers: what comes now must not share their luck.

        A process has luck of its own for all its life: torch's and TensorFlow's 3x3 filter gradients differ by 4 to 5 %
        (standard deviation) between processes and by 1 to 2 % between the rounds of one, wherever their operands lie.
        """
        self._pool.close()
        self._peaked.clear()

    def timing(self, case: Case) -> AbstractContextManager[object]:
        """Hold the cores of a CPU case, so that no other run times on them; GPUs are held by the test."""
        if case.device_kind is DeviceKind.CUDA:
            return nullcontext()
        return self._leases.hold([core_device(core) for core in self.cpus(case.threads)])

    def cpus(self, threads: int) -> tuple[int, ...]:
        """The cores on which workers of so many threads run."""
        return self._cores[:threads]

    @contextmanager
    def lease_gpus(self, gpus: tuple[Gpu, ...], count: int) -> Iterator[tuple[Gpu, ...]]:
        """Hold so many of these GPUs."""
        by_uuid = {gpu.uuid: gpu for gpu in gpus}
        with self._leases.hold(tuple(by_uuid), count=count) as uuids:
            yield tuple(by_uuid[uuid] for uuid in uuids)

    def watch(self, gpus: tuple[Gpu, ...]) -> Watch:
        """A watch over these GPUs; it stays open, since opening NVML takes longer than looking.

        Raises: GpuUnreadable.
        """
        uuids = tuple(gpu.uuid for gpu in gpus)
        if uuids not in self._watches:
            probe = Probe(uuids)
            self._watches[uuids] = (probe, Watch(probe.states, self._holders))
        return self._watches[uuids][1]

    def _holders(self) -> Holders:
        return holders(session=self._session_pid, inner_pids=frozenset(self._inner_pids))

    def write_baselines(
        self, outcomes: Iterable[Outcome], measured_on: Mapping[str, Machine] | None = None
    ) -> tuple[str, ...]:
        """Store the entries of these outcomes; returns what this run has written so far, in words.

        What it compares with stays as it was read: a run in which one case is stored judges the next no differently.
        `measured_on` names the machine of keys that another host may have timed; all others belong to this one.
        Raises: BaselineError when nothing could be stored.
        """
        entries: dict[Machine, list[Entry]] = {}
        for outcome in outcomes:
            if outcome.entry is not None:
                machine = (measured_on or {}).get(outcome.key, self.machine)
                entries.setdefault(machine, []).append(Entry.from_plain(outcome.key, outcome.entry))
        self._storing.write(entries)
        return self._storing.words

    def learn(self, outcomes: Iterable[Outcome], measured_on: Mapping[str, Machine] | None = None) -> tuple[str, ...]:
        """Store what these comparisons show of the spread between runs; returns what was written, in words.

        Those that another machine timed (see `write_baselines`), or that were recorded otherwise, say nothing.
        Raises: BaselineError when it could not be stored.
        """
        written = []
        other = {key for key, machine in (measured_on or {}).items() if machine != self.machine}
        unlike = self._storing.unlike
        for kind, seen in learned(each for each in outcomes if each.key not in other | unlike.keys()).items():
            path = self.baselines.learn(kind, seen)
            spreads = ", ".join(f"{name} {one.spread:.1%}" for name, one in seen.items() if name == framework_of(name))
            written.append(f"spread between runs ({spreads}) in {shown(path)}")
        return tuple(written)

    def unused(self, seen: set[str]) -> tuple[str, ...]:
        """Stored keys of the seen frameworks that this run did not meet."""
        return self.baselines.unused(seen, frameworks={Case.parse(key).framework for key in seen})

    def close(self) -> None:
        """End all workers, leave the queue for devices, and give NVML back."""
        try:
            self.renew()
        finally:
            self._leases.close()
            for probe, _ in self._watches.values():
                probe.close()
            self._watches.clear()


def _peak_of(worker: Worker, kind: DeviceKind) -> Peak:
    """Nothing is known where the adapter cannot tell; what ails it is told by its first case."""
    try:
        return peak(worker, kind)
    except (WorkerFailed, WorkerRefused):
        return Peak()


def _turned(numbers: tuple[int, ...], by: int) -> tuple[int, ...]:
    """The last core first, since the first serves most interrupts; each xdist worker starts one further on."""
    backwards = numbers[::-1]
    start = by % len(backwards)
    return backwards[start:] + backwards[:start]


def _way(case: Case) -> str:
    """What an offer is looked for by, in words."""
    options = "".join(f" {name}={value}" for name, value in case.options)
    where = f"of {case.dtype} in {case.layout} on {case.device_kind}"
    return f"{case.algorithm}{options} {case.pass_} {where}"
