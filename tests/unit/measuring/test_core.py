"""Which samples had the core to themselves."""

from __future__ import annotations

import pytest

from pytest_cnnperf.cases import Clock
from pytest_cnnperf.measuring.core import Sides, quiet_ns, quiet_part, quiet_samples
from pytest_cnnperf.measuring.samples import Plan, Round, Samples

QUIET, LOUD = 1000, 1900


def taken(*visits: tuple[int, ...], quiet: int = QUIET) -> Samples:
    """Visits with these probes; the n-th sample of each took n milliseconds."""
    rounds = []
    for number, probes in enumerate(visits):
        ns = tuple(1_000_000 * (index + 1) for index in range(len(probes)))
        known = quiet if probes else 0
        times = ns or (1_000_000,) * 3
        rounds.append(Round(times, times, times, number, times, probes, known))
    return Samples(Clock.PROCESS_CPU, Plan(1, 1, "c"), tuple(rounds), 1)


def test_only_the_samples_on_a_quiet_core_are_kept_with_all_that_belongs_to_them() -> None:
    part = quiet_part(taken((QUIET, LOUD, QUIET), (QUIET, QUIET, LOUD)))
    assert part is not None
    kept = (1_000_000, 3_000_000)
    assert part.rounds[0] == Round(kept, kept, kept, 0, kept, (QUIET, QUIET), QUIET)
    assert part.rounds[1].workload_ns == (1_000_000, 2_000_000)
    assert [round_.visit for round_ in part.rounds] == [0, 1]


def test_a_visit_with_a_single_quiet_sample_was_not_quiet() -> None:
    part = quiet_part(taken((QUIET, LOUD, LOUD), (QUIET, QUIET), (QUIET,) * 3))
    assert part is not None
    assert [round_.visit for round_ in part.rounds] == [1, 2]


@pytest.mark.parametrize(
    "visits",
    [
        ((QUIET,) * 5, (LOUD,) * 5),
        ((LOUD,) * 5, (LOUD,) * 5),
        ((QUIET,) * 5,),
        ((), ()),
        ((), (QUIET,) * 5),
    ],
    ids=["one of two", "none", "a single visit", "never looked at", "looked at once"],
)
def test_fewer_than_two_quiet_visits_are_too_few(visits: tuple[tuple[int, ...], ...]) -> None:
    assert quiet_part(taken(*visits)) is None


def test_what_any_visit_knew_of_a_quiet_core_holds_for_all() -> None:
    samples = taken((LOUD,) * 3, (LOUD,) * 3, quiet=LOUD)
    assert quiet_part(samples) == samples  # nothing better was ever seen
    better = samples.joined(taken((QUIET,) * 3).of_visit(2))
    assert quiet_ns(better.rounds) == QUIET
    assert quiet_part(better) is None


def test_both_sides_are_taken_on_a_quiet_core_or_neither_is() -> None:
    some, none = taken((QUIET, LOUD, QUIET), (QUIET,) * 3), taken((LOUD,) * 3, (LOUD,) * 3, quiet=QUIET)
    part, unseen = quiet_part(some), taken((), ())
    assert part is not None
    assert Sides.of(some, some) == Sides(part, part, are_quiet=True, are_apart=False)
    assert Sides.of(some, none) == Sides(some, none, are_quiet=False, are_apart=True)
    assert Sides.of(none, some) == Sides(none, some, are_quiet=False, are_apart=True)
    assert Sides.of(none, none) == Sides(none, none, are_quiet=False, are_apart=False)
    # What one side knows of a quiet core holds for the other: a recording that never met one was not on one.
    deceived = taken((LOUD,) * 3, (LOUD,) * 3, quiet=LOUD)
    assert quiet_part(deceived) == deceived
    assert Sides.of(some, deceived) == Sides(some, deceived, are_quiet=False, are_apart=True)
    # An older recording, or a GPU's: nobody looked.
    assert Sides.of(some, unseen) == Sides(some, unseen, are_quiet=False, are_apart=False)
    assert Sides.of(unseen, unseen) == Sides(unseen, unseen, are_quiet=False, are_apart=False)


def test_of_a_comparison_one_quiet_visit_with_a_figure_will_do_and_of_a_recording_not() -> None:
    recording, part = taken((QUIET,) * 3, (QUIET,) * 3), (QUIET, QUIET, QUIET, LOUD)
    one = taken(part, (LOUD,) * 4)
    sides = Sides.of(one, recording)
    assert (sides.are_quiet, len(sides.now.visits), sides.now.count) == (True, 1, 3)
    assert Sides.of(recording, one) == Sides(recording, one, are_quiet=False, are_apart=True)
    # Two samples of one visit have no figure.
    few = taken((QUIET, QUIET, LOUD), (LOUD,) * 3)
    assert Sides.of(few, recording) == Sides(few, recording, are_quiet=False, are_apart=True)


def test_quiet_samples_are_counted_where_anybody_looked() -> None:
    assert quiet_samples(taken((QUIET, LOUD, LOUD), (QUIET,) * 3)) == 4
    assert quiet_samples(taken((LOUD,) * 3, quiet=QUIET)) == 0
    assert quiet_samples(taken((), ())) is None
