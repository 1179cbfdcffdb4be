"""The live workers: one for each framework, environment and device set, started at need, few at a time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from ..cases import Case, DeviceKind
from ..errors import FrameworkUnavailable, WorkerRefused, WorkerSilent
from ..frameworks.spec import FrameworkSpec, Offer
from .process import Worker

# A worker keeps the memory that it frees. Otherwise glibc hands large buffers back to the kernel and faults their
# pages in again, on some calls and not on others: a 3x3x384x384 forward pass took 3.2 or 5.4 ms, at random.
# And it asks for huge pages: what a TLB miss costs in a virtual machine depends on its neighbours. NNPACK's FFT
# took 29.6 to 33.9 units of control with small pages and 22.8 to 25.4 with huge ones, in processes taken by turns.
_STEADY_MEMORY = {
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(2**40),
    "MALLOC_TOP_PAD_": str(2**26),
}
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


@dataclass(frozen=True)
class Identity:
    """What makes two cases share a worker: everything that a framework reads once, at import."""

    framework: str
    environment: tuple[tuple[str, str], ...]
    cpus: tuple[int, ...]
    threads: int
    device_kind: DeviceKind
    device_count: int


class Pool:
    """Workers by identity, the least recently used closed first; a context manager that leaves no process behind."""

    def __init__(self, *, limit: int = 4, deadline_seconds: float = 120.0) -> None:
        self._limit = limit
        self._deadline_seconds = deadline_seconds
        self._workers: OrderedDict[Identity, Worker] = OrderedDict()
        self._silent: dict[str, WorkerSilent] = {}

    def worker(
        self,
        spec: FrameworkSpec,
        offer: Offer,
        case: Case,
        *,
        cpus: tuple[int, ...] = (),
        visible_devices: str | None = None,
    ) -> Worker:
        """The live worker for this case, started if there is none.

        `cpus` is what it is pinned to; `visible_devices` becomes CUDA_VISIBLE_DEVICES.
        Raises: FrameworkUnavailable when its framework cannot be imported, WorkerFailed when it does not start.
        """
        identity = identify(spec, offer, case, cpus=cpus, visible_devices=visible_devices)
        worker = self._workers.pop(identity, None)
        if worker is not None and not worker.alive:
            worker.kill()
            worker = None
        if worker is None:
            while len(self._workers) >= self._limit:
                self._workers.popitem(last=False)[1].close()
            worker = self._start(spec, identity)
        self._workers[identity] = worker
        return worker

    def fresh(
        self,
        spec: FrameworkSpec,
        offer: Offer,
        case: Case,
        *,
        cpus: tuple[int, ...] = (),
        visible_devices: str | None = None,
    ) -> Worker:
        """A new process for this case; the old one is closed."""
        old = self._workers.pop(identify(spec, offer, case, cpus=cpus, visible_devices=visible_devices), None)
        if old is not None:
            old.close()
        return self.worker(spec, offer, case, cpus=cpus, visible_devices=visible_devices)

    def hello_of(
        self,
        spec: FrameworkSpec,
        offer: Offer,
        case: Case,
        *,
        cpus: tuple[int, ...] = (),
        visible_devices: str | None = None,
    ) -> Mapping[str, Any]:
        """Versions and threads of the worker for this case, as it told them at its start."""
        return self.worker(spec, offer, case, cpus=cpus, visible_devices=visible_devices).hello

    def discard(self, worker: Worker) -> None:
        """End this worker; the next case of its kind gets a fresh one."""
        for identity, candidate in list(self._workers.items()):
            if candidate is worker:
                del self._workers[identity]
        worker.kill()

    def close(self) -> None:
        """End all workers, also when one of them makes trouble or the user interrupts."""
        try:
            while self._workers:
                self._workers.popitem()[1].close()
        finally:
            for worker in self._workers.values():
                worker.kill()
            self._workers.clear()

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self, spec: FrameworkSpec, identity: Identity) -> Worker:
        if spec.name in self._silent:
            # Each of its cases would wait as long as the first.
            raise WorkerSilent(f"not started again, since it hung before: {self._silent[spec.name]}")
        try:
            return Worker.start(
                spec.command,
                spec.adapter,
                environment=dict(identity.environment),
                cpus=identity.cpus,
                name=spec.name,
                deadline_seconds=self._deadline_seconds,
            )
        except WorkerSilent as error:
            self._silent[spec.name] = error
            raise
        except WorkerRefused as error:
            if "ImportError" in str(error) or "ModuleNotFoundError" in str(error):
                raise FrameworkUnavailable(
                    f"{spec.title} cannot be imported by its worker; next: {spec.install}\n{error}"
                ) from error
            raise


def identify(
    spec: FrameworkSpec, offer: Offer, case: Case, *, cpus: tuple[int, ...] = (), visible_devices: str | None = None
) -> Identity:
    """Which worker a case needs; the offer's variables win over the framework's, and those over the thread counts."""
    # A CPU case sees no GPU, so that its framework neither starts one nor measures on it.
    devices = "" if case.device_kind is DeviceKind.CPU else visible_devices
    environment = {
        **_STEADY_MEMORY,
        **dict.fromkeys(_THREAD_VARIABLES, str(case.threads)),
        **({} if devices is None else {"CUDA_VISIBLE_DEVICES": devices}),
        **spec.environment,
        **offer.environment,
    }
    return Identity(
        framework=spec.name,
        environment=tuple(sorted(environment.items())),
        cpus=cpus,
        threads=case.threads,
        device_kind=case.device_kind,
        device_count=case.device_count,
    )
