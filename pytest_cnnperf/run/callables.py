"""A user's own callable on the same line: checked against a reference, timed beside the control in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np

from ..algorithms.checking import Check, Fault
from ..cases import Case, Clock
from ..host.inprocess import InProcess
from ..judging.statistics import flaw_of
from ..judging.verdict import Reason, Verdict
from ..measuring.gpu.state import GpuUnreadable
from ..measuring.gpu.watch import GpuBusy
from ..measuring.gpus import Gpu
from ..measuring.samples import Samples
from ..report.outcome import Outcome
from ..report.untold import Untold
from ..settings import Timing
from .cause import with_cause
from .comparing import NOT_COMPARED, stored
from .resources import Run
from .rounds import Answer, Asked
from .telling import finished, not_judged, with_answer
from .visits import Broken, Course, Visited, settle

IN_PROCESS = "inprocess"
# All visits are of this process, and a test is not run again: few of them, one after the other.
LOOKS = (4, 6)
_NOT_CHECKED = Check(correct=True, fault=None, error_fraction=None, detail="no reference was given")
# To make an outcome field by field takes three times as long as to copy one.
_BLANK = Outcome(key="", nodeid="", verdict=Verdict.UNKNOWN, reason=Reason.NOT_COMPARED)


@dataclass(frozen=True)
class Expected:
    """The right answer of a callable, or None where there is nothing to compare.

    Units: tolerance is the largest error as a fraction of the largest magnitude in the reference.
    """

    value: np.ndarray[Any, Any] | None
    tolerance: float

    @classmethod
    def of(cls, reference: Any, tolerance: float) -> Expected:
        """From an array, anything that NumPy turns into one, a callable that makes it, or None."""
        made = reference() if callable(reference) else reference
        return cls(None if made is None else np.asarray(made, dtype=np.float64), tolerance)

    def check(self, output: Any) -> Check:
        """Whether this output is right: finite, of the same shape, and within the tolerance everywhere."""
        if self.value is None:
            return _NOT_CHECKED
        got = np.asarray(output, dtype=np.float64)
        if got.shape != self.value.shape:
            return _wrong(
                Fault.WRONG_SHAPE, None, f"the callable returned shape {got.shape}, expected {self.value.shape}"
            )
        if not np.isfinite(got).all():
            return _wrong(
                Fault.NOT_FINITE, None, f"{int((~np.isfinite(got)).sum())} of {got.size} values are not finite"
            )
        bound = self.tolerance * float(np.abs(self.value).max(initial=0.0))
        error = float(np.abs(got - self.value).max(initial=0.0))
        fraction = error / bound if bound else float(error > 0)
        if error <= bound:
            return Check(correct=True, fault=None, error_fraction=fraction, detail="")
        return _wrong(
            Fault.OUTSIDE_BOUND,
            fraction,
            f"largest error {error:.3g}, bound {bound:.3g} (tolerance {self.tolerance:g})",
        )


def _wrong(fault: Fault, fraction: float | None, detail: str) -> Check:
    return Check(correct=False, fault=fault, error_fraction=fraction, detail=detail)


def run_callable(
    run: Run,
    function: Callable[[], Any],
    timing: Timing,
    *,
    nodeid: str,
    reference: Any,
    tolerance: float,
    gpus: tuple[Gpu, ...] = (),
) -> Outcome:
    """Judge what a callable returns, then its speed; its baseline belongs to the test that calls it.

    Raises: BaselineError for a stored baseline that cannot be read, before anything is called.
    Its clock is the CPU time of this process, all threads together; the GPUs that its test holds are watched.
    """
    started = time.monotonic()
    expected = Expected.of(reference, tolerance)
    if not (run.settings.judges or run.settings.check_only or gpus):
        return _only_timed(Asked(run, _ANY, timing, ()), nodeid, function, expected, started=started)
    asked = Asked(run, callable_case(nodeid), timing, gpus)
    outcome = _along(asked, _blank(nodeid, timing), function, expected)
    return outcome.but(duration_seconds=time.monotonic() - started)


@lru_cache(maxsize=1)
def callable_case(nodeid: str) -> Case:
    """The case of a callable: its test's node id stands where a layer would."""
    return Case(
        framework=IN_PROCESS,
        workload="callable",
        network="pytest",
        layer=nodeid,
        problem=None,
        pass_=None,
        algorithm=None,
        clock=Clock.PROCESS_CPU,
    )


# All callables are timed alike.
_ANY = callable_case("any")


def _blank(nodeid: str, timing: Timing) -> Outcome:
    return _BLANK.but(key=callable_case(nodeid).key, nodeid=nodeid, threshold=timing.threshold)


def _only_timed(
    asked: Asked, nodeid: str, function: Callable[[], Any], expected: Expected, *, started: float
) -> Outcome:
    """One visit, of which only a wrong result or unusable times are said at once, the rest when somebody asks."""
    with asked.run.timing(asked.case):
        source = InProcess(function, name=_name_of(function))
        first = last = _answer(source, expected)
        if first.fault is None:
            last = _answer(source, expected, asked.measured(source, None))
    tell = partial(_told, nodeid, asked.timing, first, last)
    seconds = time.monotonic() - started
    if last.samples is None or last.fault is not None or flaw_of(last.samples) is not None:
        return tell().but(duration_seconds=seconds)
    return Untold(tell, nodeid=nodeid, samples=last.samples.count, duration_seconds=seconds)


def _told(nodeid: str, timing: Timing, first: Answer, last: Answer) -> Outcome:
    blank = _blank(nodeid, timing)
    if last.fault is not None:
        return with_answer(blank, last)
    visited = Visited(first, ((last,),), began=(0.0,))
    return finished(blank, callable_case(nodeid), visited, NOT_COMPARED, stores=False)


def _name_of(function: Callable[[], Any]) -> str:
    return getattr(function, "__qualname__", "callable")


def _along(asked: Asked, blank: Outcome, function: Callable[[], Any], expected: Expected) -> Outcome:
    name = _name_of(function)
    if asked.run.settings.check_only:
        only = _answer(InProcess(function, name=name), expected)
        outcome = with_answer(blank, only)
        return outcome if only.fault else outcome.but(reason=Reason.CHECK_ONLY)
    before = stored(asked.run, asked.case)
    course = Course.of(LOOKS, asked.run.settings, before=before, apart=False)
    # The first call is timed, too.
    with asked.run.timing(asked.case):
        source = InProcess(function, name=name)
        first = _answer(source, expected)
        if first.fault is not None:
            return with_answer(blank, first)

        def rounds(like: Samples | None, _visit: int) -> Iterator[Answer]:
            asked.check_free()
            samples = asked.measured(source, like)
            yield _answer(source, expected, samples)
            asked.check_free(is_behind=True)

        try:
            visited, judgement = settle(asked, Visited(first), before, course=course, rounds=rounds)
        except Broken as broken:
            return with_answer(blank, broken.answer)
        except (GpuBusy, GpuUnreadable) as error:
            return not_judged(blank, Visited(first), error)
    outcome = finished(blank, asked.case, visited, judgement, stores=course.whole)
    return with_cause(asked, outcome, visited.worst, before)


def _answer(source: InProcess, expected: Expected, samples: Samples | None = None) -> Answer:
    check = expected.check(source.last_output())
    return Answer(
        check=check,
        resolved=source.resolved,
        first_call_ns=source.first_call_ns,
        versions={"numpy": np.__version__},
        fault=None if check.fault is None else Reason(check.fault),
        samples=samples,
    )
