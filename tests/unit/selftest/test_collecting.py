"""Collecting on the scripted framework behind the slowed adapter: real processes, no real time."""

from __future__ import annotations

import json
import statistics
from dataclasses import replace
from functools import partial
from itertools import count

import pytest

from pytest_cnnperf.cases import Algorithm, Layout
from pytest_cnnperf.frameworks.fake import SCRIPT_VARIABLE, SPEC
from pytest_cnnperf.frameworks.spec import Offer
from pytest_cnnperf.run import Run
from pytest_cnnperf.selftest.collecting import SLOWDOWNS, CannotMeasure, Subject, collected, slowable, subject_of
from pytest_cnnperf.selftest.injecting import CASE
from pytest_cnnperf.selftest.recordings import Recordings
from pytest_cnnperf.settings import Settings

SCRIPT = {"workload_ns": 10_000_000, "control_ns": 1_000_000}


def collect(folder, *, told=None, **script) -> Recordings:
    counter = folder / "count"
    path = folder / "script.json"
    path.write_text(json.dumps({"generation_file": str(counter), "generations": [{"default": {**SCRIPT, **script}}]}))
    subject = Subject(replace(SPEC, environment={SCRIPT_VARIABLE: str(path)}), CASE)
    run = Run(Settings(), slowable([subject]))
    try:
        tell = (told if told is not None else []).append
        # Ten seconds go by between two looks at the clock.
        now = partial(next, count(0.0, 10.0))
        (found,) = collected(run, [subject], enough=lambda turns, _: turns >= 2, tell=tell, now=now)
    finally:
        run.close()
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("collecting")


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def found(folder, told) -> Recordings:
    return collect(folder, told=told)


def test_every_turn_has_a_recording_of_the_unchanged_and_of_every_slowdown(found):
    assert [(each.turn, each.slowdown) for each in found.recordings if each.slowdown == 0.0] == [(0, 0.0), (1, 0.0)]
    assert {len(found.of(slowdown)) for slowdown in SLOWDOWNS} == {2}
    assert found.slowdowns == SLOWDOWNS[1:]


@pytest.mark.parametrize("slowdown", SLOWDOWNS)
def test_a_call_burns_exactly_its_part_more(found, slowdown):
    for recording in found.of(slowdown):
        workload_ns = [ns for visit in recording.visits for ns in visit.workload_ns]
        assert statistics.median(workload_ns) == pytest.approx(10_000_000 * (1 + slowdown), rel=1e-6)


def test_the_visits_are_those_of_a_comparison_and_know_their_number(found):
    for recording in found.recordings:
        # One round each, and as many as a comparison makes up to its second look (docs/verdicts.md, Visits).
        assert [[round_.visit for round_ in visit.rounds] for visit in recording.visits] == [
            [number] for number in range(8)
        ]


def test_the_visits_know_when_they_began_behind_the_first_of_their_recording(found):
    for recording in found.recordings:
        first, *later = [visit.rounds[0].at_seconds for visit in recording.visits]
        assert first is None
        # A look before each visit of the five, whose order changes by four places at most.
        assert [at % 10 for at in later] == [0] * 7
        assert later == [pytest.approx(50 * number, abs=40) for number in range(1, 8)]


def test_all_samples_are_built_alike(found):
    assert len({visit.plan for recording in found.recordings for visit in recording.visits}) == 1


def test_unchanged_and_slowed_share_the_process_of_a_visit_which_is_replaced_before_the_next(found, folder):
    assert found.recordings
    # Two turns of eight visits.
    assert int((folder / "count").read_text()) == 2 * 8


def test_whoever_waits_hears_where_it_is(found, told):
    assert found.recordings
    assert told[0] == "recording 1, visit 1 of 8: Fake"
    assert len(told) == 2 * 8


def test_a_wrong_result_ends_it_with_the_next_command(tmp_path):
    with pytest.raises(CannotMeasure, match=r"result_outside_bound.*--cnnperf-check-only --cnnperf-frameworks fake"):
        collect(tmp_path, fault="wrong_value")


def test_another_algorithm_ends_it(tmp_path):
    with pytest.raises(CannotMeasure, match=r"got direct \(a secret\), expected a right result by gemm"):
        collect(tmp_path, resolved={"algorithm": "direct", "name": "a secret"})


@pytest.mark.parametrize(
    ("offers", "algorithm", "layout"),
    [
        ((Offer(Algorithm.DIRECT), Offer(Algorithm.GEMM), Offer(Algorithm.AUTO)), Algorithm.AUTO, Layout.NCHW),
        ((Offer(Algorithm.DIRECT), Offer(Algorithm.GEMM, layouts=(Layout.NHWC,))), Algorithm.GEMM, Layout.NHWC),
        ((Offer(Algorithm.AUTO, limit=lambda _: "never"), Offer(Algorithm.FFT)), Algorithm.FFT, Layout.NCHW),
    ],
    ids=["its own choice", "gemm where it has none", "whatever can run"],
)
def test_the_convolution_is_the_frameworks_own_choice_or_gemm_in_its_own_layout(offers, algorithm, layout):
    case = subject_of(replace(SPEC, offers=offers)).case
    assert (case.algorithm, case.layout, case.batch) == (algorithm, layout, 4)


def test_a_framework_without_a_forward_pass_cannot_be_measured():
    with pytest.raises(CannotMeasure, match="cnnperf doctor fake"):
        subject_of(replace(SPEC, offers=()))
