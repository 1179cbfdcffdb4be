"""Collecting recordings: the unchanged and the slowed workload by turns, in processes that are replaced in between."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..cases import CONVOLUTION, Algorithm, Case, DeviceKind, Pass
from ..cases.networks import ALEXNET
from ..errors import CnnperfError
from ..frameworks.registry import Registry
from ..frameworks.spec import FrameworkSpec, adapter_file
from ..measuring.samples import Samples, in_visits
from ..run import Run
from ..run.rounds import Asked, timed
from ..run.visits import CPU_LOOKS
from ..settings import DEFAULT_THRESHOLD, QUICK, Timing
from .recordings import Recording, Recordings

SLOWDOWNS = (0.0, 0.02, 0.05, 0.1, 0.2)
SLOWED_VARIABLE = "CNNPERF_SLOWED"
LEAST_TURNS = 2
TIMING = Timing(QUICK.max_seconds, QUICK.min_samples, QUICK.max_samples, threshold=DEFAULT_THRESHOLD)
# One layer stands for all: at batch 4 it computes for about as long as a sample of the quick preset takes.
_LAYER, _BATCH = ALEXNET["conv3"], 4
# A recording stands for a comparison that comes to its second look; most are settled before.
VISITS = CPU_LOOKS[1]
# The framework's own choice, and what is most common where it has none.
_PREFERRED = (Algorithm.AUTO, Algorithm.GEMM)

Enough = Callable[[int, float], bool]
Tell = Callable[[str], None]


class CannotMeasure(CnnperfError):
    """A framework whose convolution cannot serve for a self-test here."""


@dataclass(frozen=True)
class Subject:
    """The convolution of one framework that is measured."""

    spec: FrameworkSpec
    case: Case

    def slowed(self, slowdown: float) -> Case:
        """The same convolution, slowed by so much."""
        return replace(self.case, options=_options(slowdown)) if slowdown else self.case


def subject_of(spec: FrameworkSpec) -> Subject:
    """A representative convolution: the forward pass of a layer of AlexNet on one core.

    Raises: CannotMeasure where the framework offers none.
    """
    offers = [offer for offer in spec.offers if offer.device_kind is DeviceKind.CPU and Pass.FORWARD in offer.passes]
    problem = _LAYER.problem.with_batch(_BATCH)
    offers.sort(key=lambda offer: _PREFERRED.index(offer.algorithm) if offer.algorithm in _PREFERRED else 2)
    for offer in offers:
        case = Case(
            spec.name,
            CONVOLUTION,
            ALEXNET.name,
            _LAYER.name,
            problem,
            Pass.FORWARD,
            offer.algorithm,
            layout=offer.layouts[0],
        )
        if offer.limit(case) is None:
            return Subject(spec, case)
    raise CannotMeasure(
        f"{spec.title} offers no forward pass of {ALEXNET.name} {_LAYER.name} on a CPU core, expected auto, gemm or "
        f"another; next: cnnperf doctor {spec.name}, and choose others by --frameworks NAMES"
    )


def slowable(subjects: Sequence[Subject]) -> Registry:
    """The frameworks of these subjects with the slowed adapter before their own."""
    return Registry(
        replace(
            subject.spec,
            adapter=adapter_file("slowed"),
            environment={**subject.spec.environment, SLOWED_VARIABLE: str(subject.spec.adapter)},
            offers=tuple(
                replace(offer, options=_options(slowdown) if slowdown else ())
                for offer in subject.spec.offers
                if not offer.options
                for slowdown in SLOWDOWNS
            ),
        )
        for subject in subjects
    )


def _options(slowdown: float) -> tuple[tuple[str, str], ...]:
    """How a case says to the slowed adapter by how much."""
    return (("slowed", f"{slowdown:g}"),)


def collected(
    run: Run, subjects: Sequence[Subject], *, enough: Enough, tell: Tell, now: Callable[[], float] = time.monotonic
) -> tuple[Recordings, ...]:
    """Recordings of all subjects; `enough(turns, seconds)` is asked after each turn, `tell` hears where it is.

    The run must know the frameworks as `slowable` makes them; it is not closed here.
    Raises: CannotMeasure for a wrong result or another algorithm, and what the line raises of a broken worker.
    """
    began, turns = now(), 0
    found: dict[str, list[Recording]] = {subject.spec.name: [] for subject in subjects}
    # A ratio depends on how a sample is built: all of a framework's are built as the first.
    likes: dict[str, Samples] = {}
    while turns < LEAST_TURNS or not enough(turns, now() - began):
        for name, recording in _turn(run, subjects, turns, likes=likes, tell=tell, now=now):
            found[name].append(recording)
        turns += 1
    run.renew()
    return tuple(
        Recordings(subject.spec.name, subject.spec.title, subject.case.key, tuple(found[subject.spec.name]))
        for subject in subjects
    )


def _turn(
    run: Run,
    subjects: Sequence[Subject],
    turn: int,
    *,
    likes: dict[str, Samples],
    tell: Tell,
    now: Callable[[], float],
) -> Iterator[tuple[str, Recording]]:
    """One recording of every subject and slowdown: their visits by turns, each visit in fresh processes."""
    visits: dict[tuple[str, float], list[Samples]] = defaultdict(list)
    began: dict[tuple[str, float], list[float]] = defaultdict(list)
    for number in range(VISITS):
        run.renew()
        for subject in subjects:
            tell(f"recording {turn + 1}, visit {number + 1} of {VISITS}: {subject.spec.title}")
            # None is always the first of a process, nor always the last; at the very first it is the unchanged.
            first = (turn * VISITS + number) % len(SLOWDOWNS)
            for slowdown in SLOWDOWNS[first:] + SLOWDOWNS[:first]:
                whose = (subject.spec.name, slowdown)
                began[whose].append(now())
                samples = _visit(run, subject, slowdown, like=likes.get(subject.spec.name))
                likes.setdefault(subject.spec.name, samples)
                visits[whose].append(samples)
    for (name, slowdown), parts in visits.items():
        yield name, Recording(slowdown, turn, in_visits(parts, began[name, slowdown]))


def _visit(run: Run, subject: Subject, slowdown: float, *, like: Samples | None) -> Samples:
    asked = Asked(run, subject.slowed(slowdown), TIMING)
    answer = timed(asked, like)
    if answer.fault is not None or answer.samples is None:
        raise _unusable(asked, f"{answer.fault} ({answer.check.detail})")
    if not answer.resolved.fulfils(asked.case.algorithm):
        raise _unusable(asked, f"{answer.resolved.algorithm} ({answer.resolved.name})")
    return answer.samples


def _unusable(asked: Asked, got: str) -> CannotMeasure:
    return CannotMeasure(
        f"{asked.case.key}: got {got}, expected a right result by {asked.case.algorithm}; "
        f"next: pytest perftests --cnnperf-check-only --cnnperf-frameworks {asked.case.framework}"
    )
