"""How often a case is visited, and what is told of rounds that did not run the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest

from pytest_cnnperf.baseline import Entry
from pytest_cnnperf.cases import Algorithm, Case, Clock, DeviceKind, Pass, Problem
from pytest_cnnperf.judging.verdict import Judgement, Reason, Verdict
from pytest_cnnperf.measuring.figure import figure_of
from pytest_cnnperf.measuring.samples import Plan, Round, Samples
from pytest_cnnperf.report.outcome import Outcome
from pytest_cnnperf.run import visits
from pytest_cnnperf.run.callables import LOOKS
from pytest_cnnperf.run.rounds import Answer, Asked
from pytest_cnnperf.run.telling import finished
from pytest_cnnperf.run.visits import (
    Course,
    Unsettled,
    Visited,
    looks_at,
    settle,
)
from pytest_cnnperf.settings import QUICK, Settings, Timing, Update

from .conftest import answer, judgement, visited

CASE = Case("made_up", "convolution", "n", "a", Problem(1, 2, 6, 6, 3, 3, 3), Pass.FORWARD, Algorithm.AUTO)
SAME = Judgement(Verdict.SAME, Reason.WITHIN_THRESHOLD, "as ever")
STORED = Entry.of(
    CASE.key,
    Samples(Clock.PROCESS_CPU, Plan(1, 1, "c"), (Round((9, 9, 9), (3, 3, 3), (9, 9, 9)),), 1),
    resolved="k",
    error_fraction=None,
    versions={},
    recorded="2026-11-26",
)
COMPARE, RECORD = Settings(compare=True), Settings(compare=True, update=Update.ALL)


def course_of(
    kind: DeviceKind = DeviceKind.CPU, settings: Settings = COMPARE, *, before: Entry | None = STORED
) -> Course:
    return Course.of(looks_at(replace(CASE, device_kind=kind)), settings, before=before, apart=True)


def test_visits_know_when_they_began() -> None:
    shown = replace(visited(1.0, 1.0, 1.0), began=(5000.0, 5012.4, 5130.0))
    assert [each.rounds[0].at_seconds for each in shown.by_visit] == [None, 12, 130]
    assert (shown.samples.moment_count, len(shown.samples.visits)) == (2, 3)


@pytest.mark.parametrize(
    ("kind", "settings", "looks", "least"),
    [
        # A comparison is settled by one visit at best; a recording makes half of all.
        (DeviceKind.CPU, COMPARE, (4, 8, 12), 1),
        (DeviceKind.CUDA, COMPARE, (3, 6), 1),
        (DeviceKind.CPU, RECORD, (4, 8, 12), 6),
        (DeviceKind.CUDA, RECORD, (3, 6), 3),
    ],
)
def test_a_recording_makes_more_visits_than_a_comparison_must(
    kind: DeviceKind, settings: Settings, looks: tuple[int, ...], least: int
) -> None:
    course = course_of(kind, settings)
    assert (course.looks, course.least, course.most) == (looks, least, looks[-1])
    assert course.whole is (settings is RECORD)


@pytest.mark.parametrize(
    ("settings", "before"), [(Settings(), STORED), (Settings(), None), (COMPARE, None)], ids=["off", "plain", "missing"]
)
def test_where_nothing_is_compared_one_visit_tells_all_that_is_asked(settings: Settings, before: Entry | None) -> None:
    course = course_of(settings=settings, before=before)
    unknown = judgement(Verdict.UNKNOWN, Reason.NOT_COMPARED)
    assert (course.least, course.whole) == (1, False)
    assert course.is_at_end(visited(1.0), unknown)


@pytest.mark.parametrize(
    ("before", "update", "whole"),
    [
        (None, Update.NEW, True),
        (STORED, Update.NEW, False),
        (STORED, Update.ALL, True),
        (STORED, Update.NOTHING, False),
    ],
)
def test_a_course_is_whole_where_a_baseline_is_made_of_it(before: Entry | None, update: Update, whole: bool) -> None:
    assert course_of(settings=Settings(compare=True, update=update), before=before).whole is whole


@pytest.mark.parametrize("count", [1, 2, 3, 12])
def test_a_comparison_that_is_settled_ends_with_its_first_visit(count: int) -> None:
    assert course_of().is_at_end(visited(*[1.0] * count), SAME)


def test_a_comparison_that_nothing_settles_ends_with_the_last_look() -> None:
    unsure = judgement(Verdict.UNDECIDED, Reason.INTERVAL_TOO_WIDE)
    ends = [count for count in range(1, 13) if course_of().is_at_end(visited(*[1.0] * count), unsure)]
    assert ends == [12]
    ends = [count for count in range(1, 7) if course_of(DeviceKind.CUDA).is_at_end(visited(*[1.0] * count), unsure)]
    assert ends == [6]


def test_a_recording_goes_on_until_its_figure_is_known_well_enough_whatever_the_judgement() -> None:
    course = course_of(settings=RECORD)
    calm, restless = [1.0, 1.01] * 6, [1.0, 1.1] * 6
    # Of six visits each lies half of log(1.01) = 1 % (or of log(1.1) = 9.5 %) from the centre: their deviation is
    # 0.55 % (or 5.2 %), and the standard error of the centre sqrt(1.12 / 6) of it, 0.24 % (or 2.3 %).
    calm_ends = [course.is_at_end(visited(*calm[:count]), SAME) for count in (2, 5, 6)]
    restless_ends = [course.is_at_end(visited(*restless[:count]), SAME) for count in (7, 8, 11, 12)]
    assert (calm_ends, restless_ends) == ([False, False, True], [False, False, False, True])
    unsure = judgement(Verdict.UNDECIDED, Reason.INTERVAL_TOO_WIDE)
    assert course.is_at_end(visited(*calm[:6]), unsure)


def test_a_recording_without_a_figure_goes_on_to_its_last_visit() -> None:
    broken = replace(answer("k"), samples=Samples(Clock.PROCESS_CPU, Plan(1, 1, "c"), (Round((0,), (1,), (0,)),), 1))
    course = course_of(settings=RECORD)
    shown = [Visited(answer("k"), ((broken,),) * count, began=tuple(map(float, range(count)))) for count in (6, 11, 12)]
    ends = [course.is_at_end(each, SAME) for each in shown]
    assert ends == [False, False, True]


def test_what_a_busy_sibling_makes_of_some_visits_does_not_keep_a_recording_from_its_end() -> None:
    paces = [1.0, 1.1] * 3
    made = Visited(
        answer("k"),
        tuple((answer("k", pace, probe_ns=1000 if pace == 1.0 else 1900),) for pace in paces),
        began=tuple(map(float, range(len(paces)))),
    )
    course = course_of(settings=RECORD)
    assert course.is_at_end(made, SAME)
    assert not course.is_at_end(visited(*paces), SAME)


def test_the_visits_ahead_are_those_that_follow_for_certain() -> None:
    assert [course_of().ahead(count) for count in (1, 2, 5)] == [1, 1, 1]
    assert [course_of(settings=RECORD).ahead(count) for count in (1, 4, 6, 11)] == [5, 2, 1, 1]


@pytest.mark.parametrize(
    ("began", "lasting", "later_from"),
    [((5.0, 6.0, 7.0), 0.0, 1), ((5.0, 60.0, 124.0, 125.0, 126.0), 120.0, 3), ((5.0, 6.0), 120.0, 2)],
)
def test_later_visits_are_those_that_began_long_after_the_first(
    began: tuple[float, ...], lasting: float, later_from: int
) -> None:
    assert replace(course_of(), lasting_seconds=lasting).later_from(began) == later_from


@pytest.mark.parametrize(
    ("began", "ratio", "reason", "settings", "not_before"),
    [
        ((0, 20, 40), 1.2, Reason.NOT_CONFIRMED, COMPARE, 0),
        # A change that is shown must last.
        ((0, 20, 40, 70), 1.2, Reason.NOT_CONFIRMED, COMPARE, 120),
        ((0, 20, 40, 70, 75), 0.8, Reason.NOT_CONFIRMED, COMPARE, 120),
        ((0, 20, 40, 70, 75), 1.2, Reason.NOT_CONFIRMED, RECORD, 120),
        # One that noise may hide is looked at a moment later, from the first look on.
        ((0, 20, 40), 1.2, Reason.INTERVAL_TOO_WIDE, COMPARE, 0),
        ((0, 20, 40, 50), 1.2, Reason.INTERVAL_TOO_WIDE, COMPARE, 60),
        ((0, 20, 40, 70), 0.8, Reason.INTERVAL_TOO_WIDE, COMPARE, 130),
        ((0, 20, 40, 70, 130, 190), 1.2, Reason.INTERVAL_TOO_WIDE, COMPARE, 250),
        # For four minutes.
        ((0, 20, 40, 70, 130, 190, 250), 1.2, Reason.INTERVAL_TOO_WIDE, COMPARE, 0),
        # Neither where none is in sight, nor in a recording, which goes on to its end anyway.
        ((0, 20, 40, 50), 1.03, Reason.INTERVAL_TOO_WIDE, COMPARE, 0),
        ((0, 20, 40, 50), None, Reason.TOO_FEW_SAMPLES, COMPARE, 0),
        ((0, 20, 40, 50), 1.2, Reason.INTERVAL_TOO_WIDE, RECORD, 0),
    ],
)
def test_a_case_waits_where_its_next_visits_decide(
    began: tuple[float, ...], ratio: float | None, reason: Reason, settings: Settings, not_before: float
) -> None:
    course = course_of(settings=settings)
    assert course.lasting_seconds == 120.0
    unsure = Judgement(Verdict.UNDECIDED, reason, baseline_ratio=ratio)
    shown = replace(visited(*[1.0] * len(began)), began=tuple(5000.0 + at for at in began))
    assert course.not_before(shown, unsure, threshold=0.05) == 5000.0 + not_before


def test_a_case_that_differs_from_minute_to_minute_waits_for_another_even_where_no_change_is_in_sight() -> None:
    shown = replace(visited(*[1.0] * 4), began=(5000.0, 5001.0, 5002.0, 5003.0))
    unsure = Judgement(Verdict.UNDECIDED, Reason.INTERVAL_TOO_WIDE, baseline_ratio=1.0, is_restless=True)
    assert course_of().not_before(shown, unsure, threshold=0.05) == 5060.0
    hasty, at_once = (replace(course_of(), lasting_seconds=seconds) for seconds in (4.0, 0.0))
    assert hasty.not_before(shown, unsure, threshold=0.05) == 5007.0
    assert at_once.not_before(shown, unsure, threshold=0.05) == 5000.0


class Visits:
    """Makes visits as `settle` asks for them, each at the next of these figures, and keeps what it was asked."""

    def __init__(self, *figures: float) -> None:
        self.figures = iter(figures)
        self.numbers: list[int] = []
        self.levels: list[float] = []

    def rounds(self, _like: Samples | None, number: int) -> Iterator[Answer]:
        self.numbers.append(number)
        yield answer("k", next(self.figures))

    def settled(self, monkeypatch: pytest.MonkeyPatch, course: Course) -> Judgement:
        def alone(_asked: object, samples: Samples, _before: object, *, level: float) -> Judgement:
            self.levels.append(level)
            is_slow = figure_of(samples) > 3.15
            return judgement(Verdict.SLOWER) if is_slow else SAME

        monkeypatch.setattr(visits, "judged", alone)
        timing = Timing(QUICK.max_seconds, QUICK.min_samples, QUICK.max_samples, threshold=0.05)
        asked = Asked(SimpleNamespace(level=0.03), CASE, timing)  # type: ignore[arg-type]
        _, found = settle(asked, Visited(answer("k")), None, course=course, rounds=self.rounds)
        return found


def test_visits_one_after_the_other_end_where_the_course_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    course = replace(course_of(), apart=False)
    same, slow = Visits(*[1.0] * 12), Visits(*[1.2] * 12)
    assert same.settled(monkeypatch, course).verdict is Verdict.SAME
    assert same.numbers == [0]
    assert slow.settled(monkeypatch, course).verdict is Verdict.SLOWER
    assert slow.numbers == [0, 1, 2, 3]
    # Each look has a third of the case's 3 %; at the fourth visit the last three are judged alone, too.
    assert same.levels + slow.levels == [pytest.approx(0.01)] * (1 + 4 + 1)


def test_between_visits_that_are_apart_the_case_waits_with_what_it_has_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unsettled) as recorded:
        Visits(1.0).settled(monkeypatch, course_of(settings=RECORD))
    assert (len(recorded.value.visited.visits), recorded.value.ahead) == (1, 5)
    assert recorded.value.fresh


@pytest.mark.parametrize(
    ("reason", "fresh"), [(Reason.NOT_CONFIRMED, True), (Reason.CONTROL_MOVED, True), (Reason.INTERVAL_TOO_WIDE, False)]
)
def test_what_is_to_be_confirmed_asks_for_other_processes(
    monkeypatch: pytest.MonkeyPatch, reason: Reason, fresh: bool
) -> None:
    monkeypatch.setattr(visits, "judged_so_far", lambda *_, **__: judgement(Verdict.UNDECIDED, reason))
    with pytest.raises(Unsettled) as caught:
        Visits(1.2).settled(monkeypatch, course_of())
    assert caught.value.fresh is fresh


@pytest.mark.parametrize(("python", "is_probed"), [("3.11.9", True), ("3.12.0", False), (None, False)])
def test_probes_of_another_python_say_nothing(
    monkeypatch: pytest.MonkeyPatch, python: str | None, is_probed: bool
) -> None:
    probed = Round((3,), (1,), (3,), probe_ns=(1000,), quiet_ns=1000)
    before = replace(STORED, rounds=(probed,), versions={"python": "3.11.7"})
    seen: list[Entry] = []

    def alone(_asked: object, _samples: Samples, stored: Entry, *, level: float) -> Judgement:
        seen.append(stored)
        return SAME

    monkeypatch.setattr(visits, "judged", alone)
    timing = Timing(QUICK.max_seconds, QUICK.min_samples, QUICK.max_samples, threshold=0.05)
    asked = Asked(SimpleNamespace(level=0.03), CASE, timing)  # type: ignore[arg-type]
    exact = replace(answer("k"), versions={"python": python} if python else {})
    course = replace(course_of(), apart=False)
    settle(asked, Visited(exact), before, course=course, rounds=Visits(*[1.0] * 12).rounds)
    assert [bool(entry.rounds[0].probe_ns) for entry in seen] == [is_probed]
    assert seen[0].rounds[0].workload_ns == (3,)


@pytest.mark.parametrize(
    ("settings", "figure", "visits_made", "verdict"),
    [
        (COMPARE, 1.0, 1, Verdict.SAME),
        (COMPARE, 1.2, 4, Verdict.SLOWER),
        (RECORD, 1.0, 4, Verdict.SAME),
    ],
)
def test_a_callable_is_looked_at_after_four_visits_and_six(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, figure: float, visits_made: int, verdict: Verdict
) -> None:
    made = Visits(*[figure] * 6)
    course = Course.of(LOOKS, settings, before=STORED, apart=False)
    assert course.most == 6
    assert made.settled(monkeypatch, course).verdict is verdict
    assert made.numbers == list(range(visits_made))


def detail_of(*names: str) -> str:
    shown = Visited(answer(names[0]), (tuple(map(answer, names)),), began=(0.0,))
    blank = Outcome(CASE.key, "node", Verdict.UNKNOWN, Reason.NOT_COMPARED)
    return finished(blank, CASE, shown, SAME, stores=False).detail


def test_rounds_that_ran_different_kernels_are_told() -> None:
    assert detail_of("algo 1", "algo 6", "algo 1", "algo 1") == "as ever; of 4 rounds, algo 1 in 3, algo 6 in 1"


def test_of_many_kernels_the_most_frequent_are_named() -> None:
    assert detail_of("a", "b", "c", "d", "a") == "as ever; of 5 rounds, a in 2, b in 1, c in 1, …"


def test_rounds_that_ran_the_same_are_not_spoken_of() -> None:
    assert detail_of("algo 1", "algo 1") == "as ever"
