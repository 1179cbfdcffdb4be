"""When a case is timed: in visits apart from each other, so that no minute and no process decides alone.

What moves a convolution without any change lasts for seconds (neighbours, clock rates) or for a process's life (where
its pages lie). A visit is a few rounds back to back; between two visits the other cases are timed, and the processes
are replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from ..baseline.entry import Entry
from ..cases import Case
from ..judging.verdict import Judgement, Reason, Verdict
from ..measuring.samples import Samples
from ..settings import Settings, will_store
from .comparing import judged
from .resources import replicas_of
from .rounds import Answer, Asked

# Makes so many rounds of the visit of this number, built like these samples.
Rounds = Callable[["Samples | None", int, int], Iterator[Answer]]

MOST_VISITS = 3


def rounds_of(case: Case) -> tuple[int, ...]:
    """The rounds of each visit of this case: one in each of its processes, four on a CPU and two on a GPU.

    A comparison makes as many as a recording: the faster half of more rounds lies lower.
    """
    return (replicas_of(case),) * MOST_VISITS


@dataclass(frozen=True)
class Course:
    """The rounds of each visit.

    `whole` means that all visits are made, however clear the first one is; `apart` that others are measured in between.
    """

    rounds: tuple[int, ...]
    whole: bool
    apart: bool

    @classmethod
    def of(cls, case: Case, settings: Settings, *, before: Entry | None, apart: bool) -> Course:
        """A baseline is compared with for months and gets all its visits; most comparisons end with the first."""
        return cls(rounds_of(case), whole=will_store(settings, known=before is not None), apart=apart)


@dataclass(frozen=True)
class Visited:
    """What a case has shown so far: the exact answer, and the rounds of each visit, in all so many seconds."""

    exact: Answer
    visits: tuple[tuple[Answer, ...], ...] = ()
    seconds: float = 0.0

    @property
    def answers(self) -> tuple[Answer, ...]:
        """The rounds of all visits."""
        return tuple(answer for visit in self.visits for answer in visit)

    @property
    def by_visit(self) -> tuple[Samples, ...]:
        """The samples of each visit, which know their number."""
        return tuple(
            joined([answer.samples for answer in visit if answer.samples is not None]).of_visit(number)
            for number, visit in enumerate(self.visits)
        )

    @property
    def worst(self) -> Answer:
        """The round with the largest error, which stands for all."""
        return max(self.answers, key=lambda answer: answer.check.error_fraction or 0.0)

    @property
    def samples(self) -> Samples:
        """The samples of all rounds."""
        return joined(self.by_visit)


class Later(Exception):
    """A case is not settled and will be visited again after the others.

    `ahead` is the number of visits that follow for certain. Units: `seconds` of this visit.
    """

    def __init__(self, key: str, *, ahead: int, seconds: float) -> None:
        super().__init__(f"{key} will be visited again")
        self.key = key
        self.ahead = ahead
        self.seconds = seconds


class Unsettled(Exception):
    """What a case has shown is not enough, and its run returns to it."""

    def __init__(self, visited: Visited, *, ahead: int) -> None:
        super().__init__(f"{len(visited.visits)} visits, {ahead} ahead")
        self.visited = visited
        self.ahead = ahead


class Broken(Exception):
    """A round's answer is wrong, or comes from another algorithm than the one asked for."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.check.detail)
        self.answer = answer


def settle(
    asked: Asked, visited: Visited, before: Entry | None, *, course: Course, rounds: Rounds
) -> tuple[Visited, Judgement]:
    """Make visits until the judgement is settled or the course is at its end.

    Raises: Broken, which ends the case; Unsettled between visits that are apart.
    """
    for number in range(len(visited.visits), len(course.rounds)):
        like = visited.samples if visited.visits else before.samples if before else None
        answers = tuple(_sound(answer, asked) for answer in rounds(like, number, course.rounds[number]))
        visited = replace(visited, visits=(*visited.visits, answers))
        judgement = judged_so_far(
            visited.by_visit, lambda samples: judged(asked, samples, before), threshold=asked.timing.threshold
        )
        ahead = len(course.rounds) - number - 1
        if not ahead or (is_settled(judgement) and not course.whole):
            break
        if course.apart:
            raise Unsettled(visited, ahead=ahead if course.whole else 1)
    return visited, judgement


def _sound(answer: Answer, asked: Asked) -> Answer:
    if answer.fault is not None or answer.samples is None or not answer.resolved.fulfils(asked.case.algorithm):
        raise Broken(answer)
    return answer


def is_settled(judgement: Judgement) -> bool:
    """Whether another visit is not needed, where a course need not be made whole."""
    return judgement.verdict is not Verdict.UNDECIDED and judgement.reason is not Reason.WITHIN_RESOLUTION


def judged_so_far(
    visits: Sequence[Samples], judged_alone: Callable[[Samples], Judgement], *, threshold: float
) -> Judgement:
    """The judgement of all visits; a change must be there in the later ones, judged alone, too."""
    judgement = judged_alone(joined(visits))
    if judgement.verdict not in (Verdict.SLOWER, Verdict.FASTER):
        return judgement
    if len(visits) == 1:
        detail = f"{judgement.detail}; seen in one visit only"
        return replace(judgement, verdict=Verdict.UNDECIDED, reason=Reason.NOT_CONFIRMED, detail=detail)
    ratio = judged_alone(joined(visits[1:])).baseline_ratio or 1.0
    return confirmed(judgement, ratio, threshold=threshold)


def joined(parts: Sequence[Samples]) -> Samples:
    """All rounds of these samples, of which there is at least one."""
    first, *others = parts
    for samples in others:
        first = first.joined(samples)
    return first


def confirmed(judgement: Judgement, later_ratio: float, *, threshold: float) -> Judgement:
    """A change that the later visits show too; otherwise it was the luck of the first: UNDECIDED."""
    slower = judgement.verdict is Verdict.SLOWER
    if later_ratio >= 1 + threshold if slower else later_ratio <= 1 / (1 + threshold):
        return judgement
    detail = f"{judgement.detail}; but later visits alone show {later_ratio - 1:+.1%}"
    return replace(judgement, verdict=Verdict.UNDECIDED, reason=Reason.NOT_CONFIRMED, detail=detail)
