"""Which samples had the core to themselves."""

from __future__ import annotations

from pytest_cnnperf.cases import Clock
from pytest_cnnperf.measuring.core import by_core, quiet_ns, quiet_samples
from pytest_cnnperf.measuring.samples import Plan, Round, Samples, unprobed

QUIET, LOUD = 1000, 1900


def taken(*visits: tuple[int, ...], quiet: int = QUIET) -> Samples:
    """Visits with these probes beside their samples."""
    times = (1_000_000,) * 3
    rounds = tuple(
        Round(times, times, times, number, times, probes, quiet if probes else 0)
        for number, probes in enumerate(visits)
    )
    return Samples(Clock.PROCESS_CPU, Plan(1, 1, "c"), rounds, 1)


def test_quiet_samples_are_counted_where_anybody_looked() -> None:
    assert quiet_samples(taken((QUIET, LOUD, LOUD), (QUIET,) * 3)) == 4
    assert quiet_samples(taken((LOUD,) * 3, quiet=QUIET)) == 0
    assert quiet_samples(taken((), ())) is None


def test_the_shortest_probe_of_any_round_is_what_one_takes_on_a_quiet_core() -> None:
    early, late = taken((LOUD,) * 3, quiet=LOUD), taken((QUIET,) * 3)
    assert quiet_samples(early) == 3  # nothing better was ever seen
    assert quiet_ns((*early.rounds, *late.rounds)) == QUIET
    assert quiet_ns(taken((), ()).rounds) == 0


def test_samples_can_be_taken_as_if_nobody_had_looked() -> None:
    probed = taken((QUIET, LOUD, LOUD), (QUIET,) * 3)
    assert unprobed(probed) == taken((), ())


def test_samples_are_parted_by_the_core_on_which_they_were_taken() -> None:
    mixed = taken((QUIET, LOUD, LOUD), (QUIET,) * 3, (LOUD,) * 3)
    quiet, busy = by_core(mixed, QUIET)
    assert [(round_.visit, round_.probe_ns) for round_ in quiet.rounds] == [(0, (QUIET,)), (1, (QUIET,) * 3)]
    assert [(round_.visit, round_.probe_ns) for round_ in busy.rounds] == [(0, (LOUD, LOUD)), (2, (LOUD,) * 3)]
    assert quiet.count + busy.count == mixed.count
    # A run that never saw a quiet core does not know what its probe takes there; its baseline may.
    nowhere, everywhere = by_core(taken((LOUD,) * 3, quiet=LOUD), QUIET)
    assert (nowhere.count, everywhere.count) == (0, 3)
