"""When a case is timed: in visits apart from each other, so that no minute and no process decides alone.

What moves a convolution without any change lasts for seconds (neighbours, clock rates) or for a process's life (where
its pages lie). So a visit is one round; between two visits all other cases are timed, and the processes are replaced
(between every other two, where a comparison is only too noisy).
Four rounds back to back agree with each other and not with those a minute later: beside busy neighbours their figure
varied by 4.0 % (standard deviation), that of four rounds apart by 2.8 %, that of eight apart by 1.9 %.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ..baseline.entry import Entry
from ..cases import Case, DeviceKind
from ..judging.statistics import flaw_of
from ..judging.verdict import Judgement, Reason, Verdict
from ..measuring.between_visits import figure_error
from ..measuring.samples import MOMENT_SECONDS, Samples, in_visits, joined, unprobed
from ..measuring.sensitivity import corrected_by_itself
from ..settings import Settings, will_store
from .believing import at_the_end, is_settled, judged_so_far, look_level
from .comparing import judged
from .rounds import Answer, Asked

# Makes the rounds of the visit of this number, built like these samples.
Rounds = Callable[["Samples | None", int], Iterator[Answer]]

# On a GPU the process that starts a kernel hardly matters, and starting one takes long.
CPU_LOOKS, GPU_LOOKS = (4, 8, 12), (3, 6)
# A recording is at its end when its figure is known so well (relative standard error), or after all visits.
RECORDED_ERROR = 0.01


@dataclass(frozen=True)
class Course:
    """How a case is visited: at least `least` times, until it is settled or recorded well enough, or at the last look.

    `looks` are the numbers of visits after which a change may be said, each with its share of the case's error level:
    who looks more often would cry more often. `whole` means that a baseline is made of it; `apart` that others are
    measured in between.
    Units: where visits are apart, a change must be there `lasting_seconds` behind the first, too.
    """

    looks: tuple[int, ...]
    least: int
    whole: bool
    apart: bool
    lasting_seconds: float = 0.0

    @classmethod
    def of(cls, looks: tuple[int, ...], settings: Settings, *, before: Entry | None, apart: bool) -> Course:
        """A baseline is compared with for months and gets most visits; many comparisons end with the first."""
        whole = will_store(settings, known=before is not None)
        least = max(looks[0], looks[-1] // 2) if whole else 1
        return cls(looks, least=least, whole=whole, apart=apart, lasting_seconds=settings.lasting_seconds)

    @property
    def most(self) -> int:
        """Visits of a case that nothing settles."""
        return self.looks[-1]

    def is_at_end(self, visited: Visited, judgement: Judgement) -> bool:
        """Whether no other visit is wanted."""
        count = len(visited.visits)
        if count >= self.most or count < self.least:
            return count >= self.most
        if self.whole:
            # A change that is there is said at the next look.
            return judgement.reason is not Reason.NOT_CONFIRMED and self._is_known(visited.samples)
        return is_settled(judgement, count, looks=self.looks)

    def _is_known(self, samples: Samples) -> bool:
        """Whether the figure that a baseline would give is known well enough."""
        return flaw_of(samples) is None and figure_error(corrected_by_itself(samples)) <= RECORDED_ERROR

    def ahead(self, count: int) -> int:
        """The visits that follow for certain behind so many, when it is not at its end."""
        return max(1, self.least - count)

    def later_from(self, began: Sequence[float]) -> int:
        """The number of the first visit that stands for itself, of visits that began at these times."""
        lasting_seconds = self.lasting_seconds if self.apart else 0.0
        later = (number for number, at in enumerate(began) if number and at - began[0] >= lasting_seconds)
        return next(later, len(began))

    def not_before(self, visited: Visited, judgement: Judgement, *, threshold: float) -> float:
        """When the next visit may begin: where a change is to be confirmed, or may hide in what lasts, not at once.

        Visits of a run that takes a minute or two would all meet the same state of the machine's memory. So from the
        first look on such a case is visited once a moment, for twice as long as a change must last.
        """
        first, last = visited.began[0], visited.began[-1]
        if len(visited.began) < self.looks[0] or judgement.verdict is not Verdict.UNDECIDED:
            return first
        if judgement.reason is Reason.NOT_CONFIRMED:
            return first + self.lasting_seconds
        ratio = judgement.baseline_ratio or 1.0
        in_sight = not 1 / (1 + threshold) < ratio < 1 + threshold
        if self.whole or last - first >= 2 * self.lasting_seconds or not (in_sight or judgement.is_restless):
            return first
        return min(visited.moment_began + MOMENT_SECONDS, last + self.lasting_seconds)


@dataclass(frozen=True)
class Visited:
    """What a case has shown so far: the exact answer, and the rounds of each visit, in all so many seconds.

    Units: `began` are the seconds at which the visits began, on a clock of this process.
    """

    exact: Answer
    visits: tuple[tuple[Answer, ...], ...] = ()
    seconds: float = 0.0
    began: tuple[float, ...] = ()

    @property
    def answers(self) -> tuple[Answer, ...]:
        """The rounds of all visits."""
        return tuple(answer for visit in self.visits for answer in visit)

    @cached_property
    def by_visit(self) -> tuple[Samples, ...]:
        """The samples of each visit, which know their number."""
        visits = [joined([each.samples for each in visit if each.samples is not None]) for visit in self.visits]
        return in_visits(visits, self.began)

    @property
    def moment_began(self) -> float:
        """When the moment of the last visit began."""
        numbers = self.samples.moments
        first = self.samples.visits[numbers.index(numbers[-1])][0].visit if numbers else 0
        return self.began[first]

    @property
    def worst(self) -> Answer:
        """The round with the largest error, which stands for all."""
        return max(self.answers, key=lambda answer: answer.check.error_fraction or 0.0)

    @cached_property
    def samples(self) -> Samples:
        """The samples of all rounds."""
        return joined(self.by_visit)


def looks_at(case: Case) -> tuple[int, ...]:
    """The looks at a case of the matrix."""
    return GPU_LOOKS if case.device_kind is DeviceKind.CUDA else CPU_LOOKS


class Later(Exception):
    """A case is not settled and will be visited again after the others.

    `ahead` is the number of visits that follow for certain; `fresh` asks for other processes for the next one. Units:
    `seconds` of this visit; `not_before` is a time of the monotonic clock.
    """

    def __init__(self, key: str, *, ahead: int, fresh: bool, seconds: float, not_before: float = 0.0) -> None:
        super().__init__(f"{key} will be visited again")
        self.key = key
        self.ahead = ahead
        self.fresh = fresh
        self.seconds = seconds
        self.not_before = not_before

    @property
    def waits(self) -> float:
        """For how many seconds the next visit must not be made yet; another host knows nothing of our clock."""
        return max(0.0, self.not_before - time.monotonic())


class Unsettled(Exception):
    """What a case has shown is not enough, and its run returns to it."""

    def __init__(self, visited: Visited, *, ahead: int, fresh: bool, not_before: float) -> None:
        super().__init__(f"{len(visited.visits)} visits, {ahead} ahead")
        self.visited = visited
        self.ahead = ahead
        self.fresh = fresh
        self.not_before = not_before


class Broken(Exception):
    """A round's answer is wrong, or comes from another algorithm than the one asked for."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.check.detail)
        self.answer = answer


def settle(
    asked: Asked, visited: Visited, before: Entry | None, *, course: Course, rounds: Rounds
) -> tuple[Visited, Judgement]:
    """Make visits until the course is at its end.

    Raises: Broken, which ends the case; Unsettled between visits that are apart.
    """
    before = _of_this_python(before, visited.exact)
    level, threshold = look_level(asked.run.level, course.looks), asked.timing.threshold
    for number in range(len(visited.visits), course.most):
        like = visited.samples if visited.visits else before.samples if before else None
        began = (*visited.began, time.monotonic())
        answers = tuple(_sound(answer, asked) for answer in rounds(like, number))
        visited = Visited(visited.exact, (*visited.visits, answers), visited.seconds, began)
        judgement = judged_so_far(
            visited.by_visit,
            lambda samples: judged(asked, samples, before, level=level),
            threshold=threshold,
            looks=course.looks,
            later_from=course.later_from(began),
        )
        if course.is_at_end(visited, judgement):
            break
        if course.apart:
            fresh = course.whole or judgement.reason in (Reason.NOT_CONFIRMED, Reason.CONTROL_MOVED)
            not_before = course.not_before(visited, judgement, threshold=threshold)
            raise Unsettled(visited, ahead=course.ahead(number + 1), fresh=fresh, not_before=not_before)
    return visited, at_the_end(judgement)


def _of_this_python(before: Entry | None, exact: Answer) -> Entry | None:
    """The entry, without its probes where they ran under another Python, whose loops take other times."""
    if before is None or _minor(before.versions) == _minor(exact.versions):
        return before
    return replace(before, rounds=unprobed(before.samples).rounds)


def _minor(versions: Mapping[str, str]) -> str:
    """3.11 of Python 3.11.7."""
    return ".".join(versions.get("python", "").split(".")[:2])


def _sound(answer: Answer, asked: Asked) -> Answer:
    if answer.fault is not None or answer.samples is None or not answer.resolved.fulfils(asked.case.algorithm):
        raise Broken(answer)
    return answer
