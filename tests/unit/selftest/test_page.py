"""The page and the document of made-up self-tests."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from pytest_cnnperf.judging.verdict import Reason, Verdict
from pytest_cnnperf.measuring.between_visits import Floor
from pytest_cnnperf.measuring.machine import Machine
from pytest_cnnperf.report.outcome import Outcome
from pytest_cnnperf.report.terminal.line import Line
from pytest_cnnperf.selftest.document import document
from pytest_cnnperf.selftest.faults import FAULTS
from pytest_cnnperf.selftest.injecting import CASE, Shown
from pytest_cnnperf.selftest.page import render
from pytest_cnnperf.selftest.rates import Rate, Tally
from pytest_cnnperf.selftest.result import SelfTest, Series

WIDTHS = (80, 120, 200)


def selftest(*, alarms: int = 0, caught: bool = True) -> SelfTest:
    unchanged = Tally({Verdict.SAME: 110 - alarms, Verdict.SLOWER: alarms}, 1.001, 0.012)
    found = tuple(
        Rate(
            slowdown,
            slowdown / 2,
            unchanged,
            Tally({Verdict.SLOWER: 108, Verdict.UNDECIDED: 2}, 1 + slowdown, resolution),
        )
        for slowdown, resolution in ((0.02, 0.016), (0.2, 0.021))
    )
    shown = tuple(
        Shown(
            fault, Outcome(CASE.key, "selftest", fault.verdicts[0], fault.reason or Reason.WITHIN_THRESHOLD, fault.says)
        )
        for fault in FAULTS
    )
    if not caught:
        missed = Outcome(CASE.key, "selftest", Verdict.FASTER, Reason.RATIO_BELOW_THRESHOLD)
        shown = (Shown(FAULTS[0], missed), *shown[1:])
    series = tuple(Series(title, CASE.key, 11, Floor(0.006, 0.009), found) for title in ("NumPy", "TensorFlow"))
    return SelfTest(Machine("Made CPU", 2, 2**30, (), "Linux"), 1, 0.01, shown, series, 251.0)


def texts(lines: Sequence[Line]) -> list[str]:
    return [each.text for each in lines]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("alarms", [0, 60])
def test_no_line_is_wider_than_the_terminal_but_keys_and_commands(width, alarms):
    lines = texts(list(render(selftest(alarms=alarms), width)))
    long = [line for line in lines if len(line) > width]
    assert [line for line in long if line != CASE.key and not line.startswith("  → ")] == []


@pytest.mark.parametrize("width", WIDTHS)
def test_what_decides_is_there_at_every_width(width):
    lines = texts(list(render(selftest(), width)))
    heading = next(line for line in lines if line.startswith("rates"))
    assert {"slowed", "threshold", "alarms", "found", "seen", "promised"} <= set(heading.split())
    row = next(line for line in lines if line.startswith("  NumPy"))
    assert row.split()[:5] == ["NumPy", "+2.0", "%", "1", "%"]
    assert "0 of 110" in row
    assert "108 of 110" in row
    assert row.endswith("no")
    assert "selftest passed" in lines
    for fault in FAULTS:
        assert any(line.startswith(f"  {fault.name}") and line.endswith("yes") for line in lines)


def test_a_wide_terminal_shows_the_undecided_and_what_was_injected():
    page = "\n".join(texts(list(render(selftest(), 120))))
    # In two columns, and in the legend.
    assert page.count("undecided") == 3
    assert "found undecided same" in page
    assert "resolution" in page
    for fault in FAULTS:
        assert fault.injected in page


def test_a_failure_is_told_with_its_next_command_and_in_red():
    lines = list(render(selftest(alarms=60, caught=False), 100))
    page = " ".join(" ".join(texts(lines)).split())
    assert "selftest failed" in page
    assert "NumPy: 60 false alarms in 110 comparisons" in page
    assert "→ cnnperf doctor" in page
    assert "nothing came as FASTER ratio_below_threshold, expected SAME within_threshold" in page
    red = [span.text.strip() for line in lines for span in line.spans if span.markup.get("red")]
    assert {"NO", "60 of 110", "failed"} <= set(red)


def test_one_half_alone_has_only_its_own_table():
    whole = selftest()
    faults = texts(list(render(SelfTest(whole.machine, 1, 0.01, whole.shown, (), 4.0), 80)))
    assert not any(line.startswith("rates") for line in faults)
    assert f"{len(FAULTS)} of {len(FAULTS)} as expected · 4.0 s" in faults
    rates = texts(list(render(SelfTest(whole.machine, 1, 0.01, (), whole.series, 200.0), 80)))
    assert not any(line.startswith("fault") for line in rates)
    assert any("NumPy from +20.0 % on" in line for line in rates)


def test_the_document_says_what_the_page_says():
    plain = json.loads(json.dumps(document(selftest(alarms=60)), allow_nan=False))
    assert (plain["schema"], plain["passed"]) == (1, False)
    assert {each["next_command"] for each in plain["failures"]} == {"cnnperf doctor"}
    assert plain["baselines"] == "made-2-cores"
    first, largest = plain["frameworks"][0]["rates"]
    # 0.016 × 1.5 = 0.024 > 0.02, and 0.021 × 1.5 < 0.2.
    assert (first["promised"], largest["promised"], plain["frameworks"][0]["promised"]) == (False, True, 0.2)
    assert first["unchanged"]["slower"] == 60
    assert first["slowed"] == {
        "comparisons": 110,
        "same": 0,
        "faster": 0,
        "slower": 108,
        "undecided": 2,
        "unknown": 0,
        "wrong": 0,
        "ratio": 1.02,
        "resolution": 0.016,
    }


def test_every_name_of_the_document_stands_in_the_docs():
    page = (Path(__file__).parents[3] / "docs" / "selftest.md").read_text()

    def names(plain: object) -> set[str]:
        if isinstance(plain, dict):
            inner = plain.values() if "cpu_model" not in plain else ()
            return {*(plain if inner else ()), *(name for value in inner for name in names(value))}
        return {name for value in plain for name in names(value)} if isinstance(plain, list) else set()

    assert [name for name in names(document(selftest(alarms=60))) - {"schema"} if f"`{name}`" not in page] == []
