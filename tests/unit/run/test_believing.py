"""When a change is believed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_cnnperf.judging.verdict import Judgement, Reason, Verdict
from pytest_cnnperf.measuring.samples import Samples
from pytest_cnnperf.run.believing import at_the_end, is_settled, judged_so_far, look_level
from pytest_cnnperf.run.visits import CPU_LOOKS

from .conftest import judgement, visited


def test_the_looks_share_the_error_level_of_the_case() -> None:
    assert look_level(0.03, (4, 8, 12)) == pytest.approx(0.01)
    assert look_level(0.03, (3, 6)) == pytest.approx(0.015)


@pytest.mark.parametrize(
    ("verdict", "reason", "settled_at"),
    [
        (Verdict.SAME, Reason.WITHIN_THRESHOLD, range(1, 13)),
        # More visits may tell more, but they take their time.
        (Verdict.SAME, Reason.WITHIN_RESOLUTION, range(4, 13)),
        (Verdict.SLOWER, Reason.RATIO_ABOVE_THRESHOLD, range(1, 13)),
        (Verdict.FASTER, Reason.RATIO_BELOW_THRESHOLD, range(1, 13)),
        (Verdict.UNKNOWN, Reason.NO_BASELINE, range(1, 13)),
        (Verdict.UNDECIDED, Reason.INTERVAL_TOO_WIDE, ()),
        (Verdict.UNDECIDED, Reason.NOT_CONFIRMED, ()),
    ],
)
def test_what_is_said_for_certain_needs_no_other_visit(verdict: Verdict, reason: Reason, settled_at: range) -> None:
    settled = [count for count in range(1, 13) if is_settled(judgement(verdict, reason), count, looks=CPU_LOOKS)]
    assert settled == list(settled_at)


def said_of(count: int, verdict: Verdict, *, looks: tuple[int, ...] = CPU_LOOKS) -> Judgement:
    """The judgement of so many visits that alone would say this."""
    shown = visited(*[1.0] * count).by_visit
    return judged_so_far(shown, lambda _: judgement(verdict), threshold=0.05, looks=looks)


@pytest.mark.parametrize("verdict", [Verdict.SLOWER, Verdict.FASTER])
@pytest.mark.parametrize(("looks", "most"), [((4, 8, 12), 12), ((3, 6), 6)])
def test_a_change_is_said_at_a_look_only(verdict: Verdict, looks: tuple[int, ...], most: int) -> None:
    said = [count for count in range(1, most + 1) if said_of(count, verdict, looks=looks).verdict is verdict]
    assert said == list(looks)


@pytest.mark.parametrize(("count", "following"), [(1, 4), (3, 4), (5, 8), (7, 8), (9, 12), (11, 12)])
def test_a_change_between_two_looks_is_undecided_and_tells_the_next(count: int, following: int) -> None:
    found = said_of(count, Verdict.SLOWER)
    assert (found.verdict, found.reason) == (Verdict.UNDECIDED, Reason.NOT_CONFIRMED)
    assert found.detail == f"so it is; seen in {count} visits, and believed after {following}"
    assert found.baseline_ratio == 1.2


@pytest.mark.parametrize("looks", [(4, 8, 12), (3, 6)])
def test_a_change_that_was_never_seen_on_a_quiet_core_is_said_at_the_last_look_only(looks: tuple[int, ...]) -> None:
    found = [
        judged_so_far(
            visited(*[1.0] * count).by_visit,
            lambda _: replace(judgement(Verdict.SLOWER), lacks_quiet_core=True),
            threshold=0.05,
            looks=looks,
        )
        for count in range(1, looks[-1] + 1)
    ]
    assert [each.verdict for each in found] == [Verdict.UNDECIDED] * (looks[-1] - 1) + [Verdict.SLOWER]
    told = f"seen in {looks[0]} visits beside a busy sibling thread, and believed after {looks[-1]}"
    assert found[looks[0] - 1].detail.endswith(told)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("verdict", [Verdict.SAME, Verdict.UNDECIDED, Verdict.UNKNOWN])
def test_what_is_no_change_is_said_after_any_number_of_visits(count: int, verdict: Verdict) -> None:
    assert said_of(count, verdict) == judgement(verdict)


def test_what_is_within_the_noise_is_the_same_behind_the_last_visit() -> None:
    before = replace(judgement(Verdict.UNDECIDED, Reason.INTERVAL_TOO_WIDE), is_noise=True)
    found = at_the_end(before)
    assert (found.verdict, found.reason) == (Verdict.SAME, Reason.WITHIN_NOISE)
    assert found.detail == "within what noise may do: so it is"
    assert replace(found, verdict=before.verdict, reason=before.reason, detail=before.detail) == before


@pytest.mark.parametrize(
    ("verdict", "reason", "is_noise"),
    [
        (Verdict.UNDECIDED, Reason.INTERVAL_TOO_WIDE, False),
        (Verdict.UNDECIDED, Reason.NOT_CONFIRMED, True),
        (Verdict.UNDECIDED, Reason.THRESHOLD_BELOW_DETECTABLE, True),
        (Verdict.UNDECIDED, Reason.CONTROL_MOVED, True),
        (Verdict.UNDECIDED, Reason.TOO_FEW_SAMPLES, True),
        (Verdict.SLOWER, Reason.RATIO_ABOVE_THRESHOLD, True),
        (Verdict.UNKNOWN, Reason.NOT_COMPARED, True),
    ],
)
def test_nothing_else_becomes_the_same(verdict: Verdict, reason: Reason, is_noise: bool) -> None:
    before = replace(judgement(verdict, reason), is_noise=is_noise)
    assert at_the_end(before) == before


def test_what_confirms_a_change_is_without_the_first_visit() -> None:
    asked: list[list[int]] = []

    def judged_alone(samples: Samples) -> Judgement:
        asked.append([round_.visit for round_ in samples.rounds])
        return judgement(Verdict.SLOWER)

    judged_so_far(visited(*[1.0] * 8).by_visit, judged_alone, threshold=0.05, looks=CPU_LOOKS)
    assert asked == [list(range(8)), list(range(1, 8))]


def test_a_change_that_the_later_visits_alone_do_not_show_is_not_believed_at_a_look() -> None:
    def judged_alone(samples: Samples) -> Judgement:
        later = len(samples.visits) == 3
        return replace(judgement(Verdict.SLOWER), baseline_ratio=1.04 if later else 1.2)

    found = judged_so_far(visited(*[1.0] * 4).by_visit, judged_alone, threshold=0.05, looks=CPU_LOOKS)
    assert (found.verdict, found.reason) == (Verdict.UNDECIDED, Reason.NOT_CONFIRMED)
    assert found.detail == "so it is; but later visits alone show +4.0%"


def test_a_change_is_judged_alone_in_the_visits_that_are_far_from_the_first() -> None:
    def judged_alone(samples: Samples) -> Judgement:
        later = [round_.visit for round_ in samples.rounds] == [5, 6, 7]
        return replace(judgement(Verdict.SLOWER), baseline_ratio=1.04 if later else 1.2)

    shown = visited(*[1.0] * 8).by_visit
    found = judged_so_far(shown, judged_alone, threshold=0.05, looks=CPU_LOOKS, later_from=5)
    assert found.detail == "so it is; but later visits alone show +4.0%"


def test_a_change_of_which_all_visits_are_close_to_each_other_is_not_said() -> None:
    shown = visited(*[1.0] * 4).by_visit
    found = judged_so_far(
        shown, lambda _: judgement(Verdict.SLOWER), threshold=0.05, looks=CPU_LOOKS, later_from=len(shown)
    )
    assert (found.verdict, found.reason) == (Verdict.UNDECIDED, Reason.NOT_CONFIRMED)
    assert found.detail == "so it is; seen in 4 visits close to each other, and believed when it lasts"
