"""The probe of the core, on scripted loops."""

from __future__ import annotations

import pytest

from pytest_cnnperf.worker.probe import Probe, scalar_ns


@pytest.mark.parametrize(("taken", "quiet"), [((1500, 1000, 2500), 1000), ((0, 1500), 1500), ((0, 0), 0)])
def test_the_shortest_probe_is_what_a_quiet_core_takes(taken, quiet):
    script = iter(taken)
    probe = Probe(take=lambda: next(script))
    assert probe.quiet_ns == 0
    assert tuple(probe.take() for _ in taken) == taken
    # A clock too coarse for the loop tells nothing.
    assert probe.quiet_ns == quiet


def test_the_loop_takes_some_time():
    assert all(scalar_ns() > 0 for _ in range(5))
