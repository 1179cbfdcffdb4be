"""The run: settings, workers, leases, baselines and questions, opened when first needed and closed together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ..baseline.entry import Entry
from ..baseline.store import Baselines
from ..cases import Case, Clock, DeviceKind
from ..errors import FrameworkUnavailable
from ..frameworks.registry import Registry
from ..host.pool import Pool
from ..host.process import Worker
from ..host.remote import peak
from ..judging.statistics import session_level
from ..measuring.gpus import Gpu
from ..measuring.lease import OnWait, core_device, cores, lease
from ..measuring.machine import Machine, detect
from ..report.outcome import Outcome
from ..settings import Settings, will_store
from .learning import learned
from .question import Questions

if TYPE_CHECKING:
    from .visits import Visited

# A process has luck of its own for all its life: torch's and TensorFlow's 3x3 filter gradients differ by 4 to 5 %
# (standard deviation) between processes and by 1 to 2 % between the rounds of one, wherever their operands lie.
# Of four, the faster half agrees better than the faster of two, at the cost of two more starts a framework.
REPLICAS = 4
# Frameworks and environments follow each other; few need to live at once, each in `REPLICAS` processes.
_WORKERS_OF_A_REPLICA = 2


class Run:
    """Everything that one pytest process needs to run cases.

    `compared` is the number of cases of the session, among which the level of false alarms is divided;
    `worker_number` spreads xdist workers over the cores. Where it `returns` to cases that are not settled, those wait
    by node id and key. `on_wait` is told now and then which device another run holds.
    Units: `peak_flops` is the matrix-product rate of one core in FLOP/s, measured by the first worker that can.
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
    ) -> None:
        self.settings = settings
        self.registry = registry
        self.level = session_level(compared)
        self.returns = returns
        self._on_wait = on_wait
        self.waiting: dict[tuple[str, str], Visited] = {}
        self.questions = Questions()
        self._cores = _turned(cores(), worker_number)
        self._pools: list[Pool] = []
        self.peak_flops: float | None = None

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

    @cached_property
    def _replicas(self) -> tuple[Pool, ...]:
        pools = tuple(Pool(limit=_WORKERS_OF_A_REPLICA) for _ in range(REPLICAS))
        self._pools.extend(pools)
        return pools

    def worker(self, case: Case, *, replica: int, fresh: bool = False, gpus: tuple[Gpu, ...] = ()) -> Worker:
        """A live worker for this case; replicas are processes of their own, so that a process's luck averages out.

        Raises: FrameworkUnavailable with the command that brings the framework; WorkerFailed when it does not start.
        """
        spec = self.registry.get(case.framework)
        missing = self.registry.missing(spec)
        if missing:
            raise FrameworkUnavailable(f"{case.key}: {missing}")
        offer = spec.offer_for(case)
        if offer is None:
            raise FrameworkUnavailable(
                f"{case.key}: {spec.title} offers no {case.algorithm} {case.pass_} in {case.layout}"
            )
        pool = self._replicas[replica % REPLICAS]
        start = pool.fresh if fresh else pool.worker
        visible = ",".join(gpu.uuid for gpu in gpus) or None
        worker = start(spec, offer, case, cpus=self.cpus(case.threads), visible_devices=visible)
        if self.peak_flops is None and case.clock is Clock.PROCESS_CPU and not spec.command:
            with self.timing(case):
                self.peak_flops = peak(worker)
        return worker

    def renew(self) -> None:
        """Replace the processes of all workers: what comes now must not share their luck."""
        for pool in self._pools:
            pool.close()

    @contextmanager
    def timing(self, case: Case) -> Iterator[None]:
        """Hold the cores of a CPU case, so that no other run times on them; GPUs are held by the test."""
        if case.device_kind is DeviceKind.CUDA:
            yield
            return
        with lease([core_device(core) for core in self.cpus(case.threads)], on_wait=self._on_wait):
            yield

    def cpus(self, threads: int) -> tuple[int, ...]:
        """The cores on which workers of so many threads run."""
        return self._cores[:threads]

    @contextmanager
    def lease_gpus(self, gpus: tuple[Gpu, ...], count: int) -> Iterator[tuple[Gpu, ...]]:
        """Hold so many of these GPUs."""
        by_uuid = {gpu.uuid: gpu for gpu in gpus}
        with lease(tuple(by_uuid), count=count, on_wait=self._on_wait) as uuids:
            yield tuple(by_uuid[uuid] for uuid in uuids)

    def write_baselines(
        self, outcomes: Iterable[Outcome], measured_on: Mapping[str, Machine] | None = None
    ) -> tuple[str, ...]:
        """Store the entries of these outcomes; returns what was written, in words.

        `measured_on` names the machine of keys that another host may have timed; all others belong to this one.
        Raises: BaselineError when nothing could be stored.
        """
        entries: dict[Machine, list[Entry]] = {}
        for outcome in outcomes:
            if outcome.entry is not None:
                machine = (measured_on or {}).get(outcome.key, self.machine)
                entries.setdefault(machine, []).append(Entry.from_plain(outcome.key, outcome.entry))
        written = [replace(self.baselines, machine=machine).write(own) for machine, own in entries.items()]
        files = [file for one in written for file in one.files]
        if not files:
            return ()
        counts = f"{sum(one.added for one in written)} new and {sum(one.changed for one in written)} changed"
        return (f"{counts} baseline entries in {', '.join(map(_shown, files))}",)

    def learn(self, outcomes: Iterable[Outcome], measured_on: Mapping[str, Machine] | None = None) -> tuple[str, ...]:
        """Store what these comparisons show of the spread between runs; returns what was written, in words.

        Those that another machine timed (see `write_baselines`) say nothing of this one.
        Raises: BaselineError when it could not be stored.
        """
        written = []
        here = (each for each in outcomes if (measured_on or {}).get(each.key, self.machine) == self.machine)
        for kind, seen in learned(here).items():
            path = self.baselines.learn(kind, seen)
            spreads = ", ".join(f"{name} {one.spread:.1%}" for name, one in seen.items())
            written.append(f"spread between runs ({spreads}) in {_shown(path)}")
        return tuple(written)

    def unused(self, seen: set[str]) -> tuple[str, ...]:
        """Stored keys of the seen frameworks that this run did not meet."""
        return self.baselines.unused(seen, frameworks={Case.parse(key).framework for key in seen})

    def close(self) -> None:
        """End all workers."""
        self.renew()


def _turned(numbers: tuple[int, ...], by: int) -> tuple[int, ...]:
    """The last core first, since the first serves most interrupts; each xdist worker starts one further on."""
    backwards = numbers[::-1]
    start = by % len(backwards)
    return backwards[start:] + backwards[:start]


def _shown(path: Path) -> str:
    """A path as the user would type it from here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
