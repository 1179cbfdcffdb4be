"""One round of a case: prepare it in a worker, check the answer, time it, and check the last timed answer again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from ..algorithms.checking import Check
from ..cases import Case
from ..errors import CnnperfError
from ..frameworks.resolved import Resolved
from ..host.process import Worker
from ..host.remote import RemoteCase, prepare
from ..host.source import Source
from ..judging.verdict import Reason
from ..measuring.gpu.state import GpuUnreadable
from ..measuring.gpu.watch import GpuBusy, Watch
from ..measuring.gpus import Gpu
from ..measuring.sampler import measure
from ..measuring.samples import Samples
from ..settings import Timing
from .question import Question
from .resources import Run


@dataclass(frozen=True)
class Asked:
    """A case on its way: the run it belongs to, how it is timed, and the GPUs that it holds."""

    run: Run
    case: Case
    timing: Timing
    gpus: tuple[Gpu, ...] = ()

    def worker(self, *, fresh: bool = False) -> Worker:
        """A live worker for this case."""
        return self.run.worker(self.case, fresh=fresh, gpus=self.gpus)

    @property
    def watch(self) -> Watch | None:
        """Over the GPUs that it holds, if it holds any.

        Raises: GpuUnreadable where NVML tells nothing of them.
        """
        return self.run.watch(self.gpus) if self.gpus else None

    def check_free(self, *, is_behind: bool = False) -> None:
        """Make sure that nobody else uses its GPUs, if it holds any; `is_behind`: it has just computed there.

        Raises: GpuBusy, GpuUnreadable.
        """
        watch = self.watch
        if watch is not None:
            watch.check_free(is_behind=is_behind)

    def disturbed(self) -> GpuBusy | GpuUnreadable | None:
        """Why nothing can be timed on its GPUs now, if so; best asked before a worker of ours has memory on them."""
        try:
            self.check_free()
        except (GpuBusy, GpuUnreadable) as error:
            return error
        return None

    def measured(self, source: Source, like: Samples | None) -> Samples:
        """One round of this source, built like earlier samples; the caller holds the case's devices."""
        return measure(
            source,
            self.timing,
            clock=self.case.clock,
            plan=like.plan if like else None,
            first_call_ns=source.first_call_ns,
            control=source.control,
            seconds_per_sample=like.seconds_per_sample if like else None,
            watch=self.watch,
        )


@dataclass(frozen=True)
class Answer:
    """What came back: whether it is right, what ran, and (after timing) the samples.

    `fault` is None for a right answer. Units: first_call_ns is the wall time of the first call in this process, with
    the preparation before it; prepare_ns that of the preparation alone.
    """

    check: Check
    resolved: Resolved
    first_call_ns: int
    versions: Mapping[str, str]
    fault: Reason | None = None
    samples: Samples | None = None
    prepare_ns: int | None = None


def checked(asked: Asked, *, exact: bool) -> Answer:
    """Ask once and judge the result; nothing is timed."""
    question = asked.run.questions.ask(asked.case, exact=exact)
    with _prepared(asked, asked.worker(), question) as remote:
        return _first_answer(asked, remote, question)


def timed(asked: Asked, like: Samples | None, *, fresh: bool = False) -> Answer:
    """Ask, judge, time one round, and judge the output of the last timed call, which belongs to other operands."""
    question = asked.run.questions.ask(asked.case, exact=False)
    worker = asked.worker(fresh=fresh)
    asked.run.measure_peak(worker, asked.case, asked.gpus)
    if not worker.alive:  # it did not survive that; the case is asked all the same
        worker = asked.worker()
    with _prepared(asked, worker, question) as remote:
        answer = _first_answer(asked, remote, question)
        if answer.fault is not None:
            return answer
        with asked.run.timing(asked.case):
            samples = asked.measured(remote, like)
        output = remote.last_output()
    last = question.check(output, asked.case, resolved=answer.resolved, negated=True)
    if last.fault is None:
        return replace(answer, check=last, samples=samples)
    earlier = question.check(output, asked.case, resolved=answer.resolved)
    if not earlier.correct:
        return replace(answer, check=last, fault=Reason(last.fault))
    stale = replace(last, detail="the output of the last timed call belongs to earlier operands")
    return replace(answer, check=stale, fault=Reason.RESULT_STALE)


def back_to_back(asked: Asked, like: Samples | None, *, count: int, fresh: bool = False) -> Iterator[Answer]:
    """So many rounds, each built like the one before; `fresh` means a new process for each.

    A round without any sample (a throttled GPU) is the last of its visit. Behind them nobody else uses its GPUs.
    Raises: GpuBusy, GpuUnreadable.
    """
    for _ in range(count):
        answer = timed(asked, like, fresh=fresh)
        like = answer.samples or like
        yield answer
        if answer.samples is not None and not answer.samples.count:
            break
    asked.check_free(is_behind=True)


@contextmanager
def _prepared(asked: Asked, worker: Worker, question: Question) -> Iterator[RemoteCase]:
    """The case in this worker, which gives back what it holds for it at the end, whatever happens."""
    operands = question.named(asked.case)
    remote = prepare(worker, asked.case, operands, deadline_seconds=asked.run.settings.deadline_seconds)
    try:
        yield remote
    except CnnperfError:
        _let_go(remote)
        raise
    remote.release()


def _let_go(remote: RemoteCase) -> None:
    """Release a case of which something worse is known already than that this fails."""
    with suppress(CnnperfError):
        remote.release()


def _first_answer(asked: Asked, remote: RemoteCase, question: Question) -> Answer:
    check = question.check(remote.output, asked.case, resolved=remote.resolved)
    if check.fault is not None:
        _let_go(remote)
    return Answer(
        check=check,
        resolved=remote.resolved,
        first_call_ns=remote.first_call_ns,
        prepare_ns=remote.prepare_ns,
        versions=versions_of(remote.worker),
        fault=None if check.fault is None else Reason(check.fault),
    )


def versions_of(worker: Worker) -> dict[str, str]:
    """What a number depends on beside the machine: framework, libraries, interpreter, NumPy (of the control)."""
    hello = worker.hello
    own = {name: str(hello[name]) for name in ("framework", "version", "python", "numpy") if name in hello}
    libraries = hello.get("libraries") or {}
    return {**own, **{f"library {name}": str(version) for name, version in libraries.items()}}
