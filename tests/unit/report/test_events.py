"""How events and causes are shown and stored."""

from __future__ import annotations

import json as standard_json
from dataclasses import replace

import pytest

from pytest_cnnperf.cases import Pass
from pytest_cnnperf.judging.cause import Cause
from pytest_cnnperf.judging.verdict import Reason, Verdict
from pytest_cnnperf.report import json
from pytest_cnnperf.report.outcome import Outcome
from pytest_cnnperf.report.terminal import render

LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5")
VERSIONS = "torch 2.12 → 2.13"


def slower(outcome, ratio, cause=Cause.VERSIONS_CHANGED, detail=VERSIONS):
    return replace(
        outcome,
        verdict=Verdict.SLOWER,
        reason=Reason.RATIO_ABOVE_THRESHOLD,
        baseline_ratio=ratio,
        baseline_low=ratio * 0.99,
        baseline_high=ratio * 1.01,
        cause=cause,
        cause_detail=detail,
    )


@pytest.fixture
def moved(report, outcome, case):
    """Fifteen cases of a framework 10 % slower, as many of another as before, and one case by 50 %."""
    cases = [case(layer=layer, pass_=pass_.value) for layer in LAYERS for pass_ in Pass]
    slow = [slower(outcome(each), 1.1 + n / 1000) for n, each in enumerate(cases)]
    others = [outcome(replace(each, framework="numpy")) for each in cases]
    far = slower(
        outcome(case(algorithm="auto")), 1.5, Cause.ALGORITHM_CHANGED, "direct (a) → gemm (b); forced direct: +0.1 %"
    )
    return report(*slow, *others, far)


def brief(report, width=120):
    return [line.text for line in render(report, width=width, color=False, brief=True)]


def test_an_event_stands_above_the_single_slower_cases_and_holds_its_own_in_a_line_each(moved):
    lines = brief(moved)
    # The middle of 1.100, 1.101 … 1.114 and 1.5 is between the 8th and the 9th. Among three that could move (two
    # frameworks and the machine) the level is 0.33 %: of 16 values the second from each end, 2 x 17 / 2 ** 16 = 0.05 %.
    start = lines.index("EVENT  torch slower: +10.7 % (+10.1 % to +11.4 %), 15 of 16 cases")
    assert lines[start + 1] == "    look for one cause, not for many; the other frameworks did not move with it"
    assert lines[start + 2] == f"    15 SLOWER: versions changed: {VERSIONS}"
    rows = lines[start + 3 : start + 18]
    assert " ".join(rows[0].split()) == "+11.4 % direct nchw alexnet conv5 backward filter versions changed"
    assert [float(row.split()[0]) for row in rows] == sorted((float(row.split()[0]) for row in rows), reverse=True)
    assert lines[start + 18 : start + 21] == [
        "",
        "SLOWER  1 case beside the 15 of the events above",
        "  torch auto nchw, alexnet conv2 forward",
    ]
    assert "    algorithm changed: direct (a) → gemm (b); forced direct: +0.1 %" in lines


def test_the_rows_of_an_event_fit_a_narrow_terminal_whole(moved):
    lines = brief(moved, 80)
    rows = [line for line in lines if line.startswith("    +")]
    assert len(rows) == 15
    assert max(map(len, rows)) <= 80
    assert not any("…" in row for row in rows)


def test_causes_that_differ_are_counted_with_an_example_of_the_most_frequent(moved):
    first, *others = moved.outcomes
    kernel = replace(first, cause=Cause.KERNEL_SLOWER, cause_detail="nothing differs")
    lines = brief(replace(moved, outcomes=(kernel, *others)))
    assert f"    15 SLOWER: 14 versions changed, 1 kernel slower; for example {VERSIONS}" in lines


def test_many_cases_of_an_event_are_cut_short_with_the_way_to_all(moved, outcome, case):
    more = [slower(outcome(case(layer=layer, algorithm="gemm")), 1.1) for layer in LAYERS]
    more += [slower(outcome(case(layer=layer, algorithm="fft")), 1.1) for layer in LAYERS[1:]]
    lines = brief(replace(moved, outcomes=(*moved.outcomes, *more)))
    assert "    … and 4 more; all of them: --cnnperf-json PATH" in lines


def test_a_machine_event_holds_no_slower_cases(report, outcome, case):
    paced = [
        replace(outcome(case(layer=layer, pass_=pass_.value)), control_pace=1.25) for layer in LAYERS for pass_ in Pass
    ]
    one = slower(replace(outcome(case(algorithm="gemm")), control_pace=1.25), 1.2)
    lines = brief(report(*paced, one))
    assert lines[0] == "EVENT  machine slower: control +25.0 % (+25.0 % to +25.0 %), 16 of 16 cases"
    assert "SLOWER  1 case" in lines


def test_what_was_not_compared_moves_nothing(report, outcome, case):
    unknown = [outcome(case(layer=layer), baseline_ratio=None, control_pace=None) for layer in LAYERS]
    assert report(*unknown).events == ()


def test_the_json_tells_the_events_and_a_reader_finds_the_same(moved, tmp_path):
    json.write(moved, tmp_path / "result.json")
    (event,) = standard_json.loads((tmp_path / "result.json").read_text())["events"]
    assert (event["title"], event["subject"], event["framework"]) == ("torch slower", "framework", "torch")
    assert (event["direction"], event["cases"], event["of"]) == ("slower", 15, 16)
    assert event["low"] < event["ratio"] < event["high"]
    assert set(event["keys"]) == {each.key for each in moved.outcomes[:15]}
    again = json.read(tmp_path / "result.json")
    assert again == moved
    assert again.events == moved.events


def test_a_cause_travels_as_plain_text_and_comes_back(moved):
    plain = standard_json.loads(standard_json.dumps(moved.outcomes[0].to_plain()))
    assert plain["cause"] == "versions_changed"
    assert Outcome.from_plain(plain) == moved.outcomes[0]


def test_a_cause_that_nobody_knows_is_refused(moved, tmp_path):
    json.write(moved, tmp_path / "result.json")
    text = (tmp_path / "result.json").read_text().replace('"versions_changed"', '"weather"')
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(json.ResultFileError, match="'weather' is not a valid Cause"):
        json.read(tmp_path / "result.json")


def test_a_result_file_without_causes_and_events_can_still_be_read(moved, tmp_path):
    plain = json.document(moved)
    del plain["events"]
    for outcome in plain["outcomes"]:
        for name in ("cause", "cause_detail", "control_pace"):
            del outcome[name]
    (tmp_path / "old.json").write_text(standard_json.dumps(plain))
    assert {outcome.cause for outcome in json.read(tmp_path / "old.json").outcomes} == {None}
