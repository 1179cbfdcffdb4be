"""When a case is timed: in visits apart from each other, so that no minute and no process decides alone.

What moves a convolution without any change lasts for seconds (neighbours, clock rates) or for a process's life (where
its pages lie). So a visit is one round; between two visits all other cases are timed, and the processes are replaced
(between every other two, where a comparison is only too noisy).
Four rounds back to back agree with each other and not with those a minute later: beside busy neighbours their figure
varied by 4.0 % (standard deviation), that of four rounds apart by 2.8 %, that of eight apart by 1.9 %.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ..baseline.entry import Entry
from ..cases import Case, DeviceKind
from ..judging.statistics import flaw_of
from ..judging.verdict import Judgement, Reason, Verdict
from ..measuring.between_visits import figure_error
from ..measuring.samples import Samples, unprobed
from ..measuring.sensitivity import corrected_by_itself
from ..settings import Settings, will_store
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
    """

    looks: tuple[int, ...]
    least: int
    whole: bool
    apart: bool

    @classmethod
    def of(cls, looks: tuple[int, ...], settings: Settings, *, before: Entry | None, apart: bool) -> Course:
        """A baseline is compared with for months and gets most visits; many comparisons end with the first."""
        whole = will_store(settings, known=before is not None)
        least = max(looks[0], looks[-1] // 2) if whole else 1
        return cls(looks, least=least, whole=whole, apart=apart)

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

    @cached_property
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
    `seconds` of this visit.
    """

    def __init__(self, key: str, *, ahead: int, fresh: bool, seconds: float) -> None:
        super().__init__(f"{key} will be visited again")
        self.key = key
        self.ahead = ahead
        self.fresh = fresh
        self.seconds = seconds


class Unsettled(Exception):
    """What a case has shown is not enough, and its run returns to it."""

    def __init__(self, visited: Visited, *, ahead: int, fresh: bool) -> None:
        super().__init__(f"{len(visited.visits)} visits, {ahead} ahead")
        self.visited = visited
        self.ahead = ahead
        self.fresh = fresh


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
    level = look_level(asked.run.level, course.looks)
    for number in range(len(visited.visits), course.most):
        like = visited.samples if visited.visits else before.samples if before else None
        answers = tuple(_sound(answer, asked) for answer in rounds(like, number))
        visited = replace(visited, visits=(*visited.visits, answers))
        judgement = judged_so_far(
            visited.by_visit,
            lambda samples: judged(asked, samples, before, level=level),
            threshold=asked.timing.threshold,
            looks=course.looks,
        )
        if course.is_at_end(visited, judgement):
            break
        if course.apart:
            fresh = course.whole or judgement.reason in (Reason.NOT_CONFIRMED, Reason.CONTROL_MOVED)
            raise Unsettled(visited, ahead=course.ahead(number + 1), fresh=fresh)
    return visited, judgement


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


def look_level(of_case: float, looks: Sequence[int]) -> float:
    """The error level of one look, of that of the case.

    Source: Bonferroni's inequality; looks share visits, which it does not mind.
    """
    return of_case / len(looks)


def is_settled(judgement: Judgement, count: int, *, looks: Sequence[int]) -> bool:
    """Whether a comparison needs no other visit behind so many.

    SAME within the resolution only is looked at more closely, but not beyond the first look.
    """
    if judgement.reason is Reason.WITHIN_RESOLUTION:
        return count >= looks[0]
    return judgement.verdict is not Verdict.UNDECIDED


def judged_so_far(
    visits: Sequence[Samples], judged_alone: Callable[[Samples], Judgement], *, threshold: float, looks: Sequence[int]
) -> Judgement:
    """The judgement of all visits; a change is said at a look only, and must be there in the later ones alone, too.

    Where the recording was on quiet cores and these visits never were, it waits for them until the last look.
    """
    judgement, count = judged_alone(joined(visits)), len(visits)
    if judgement.verdict not in (Verdict.SLOWER, Verdict.FASTER):
        return judgement
    later = judged_alone(joined(visits[1:])) if count in looks else judgement
    only_busy = (judgement.lacks_quiet_core or later.lacks_quiet_core) and count < looks[-1]
    if count not in looks or only_busy:
        following = looks[-1] if only_busy else next((look for look in looks if look > count), looks[-1])
        where = " beside a busy sibling thread" if only_busy else ""
        detail = f"{judgement.detail}; seen in {count} visits{where}, and believed after {following}"
        return replace(judgement, verdict=Verdict.UNDECIDED, reason=Reason.NOT_CONFIRMED, detail=detail)
    return confirmed(judgement, later.baseline_ratio or 1.0, threshold=threshold)


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
