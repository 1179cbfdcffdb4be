"""`cnnperf selftest` on the scripted framework: the command line, the page, the JSON and the exit code."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_cnnperf.cases import DeviceKind
from pytest_cnnperf.cli import selftest
from pytest_cnnperf.errors import FrameworkUnavailable, UnknownName, UsageError
from pytest_cnnperf.frameworks.fake import SPEC
from pytest_cnnperf.frameworks.registry import Registry
from pytest_cnnperf.judging.verdict import Reason
from pytest_cnnperf.measuring.machine import detect
from pytest_cnnperf.report.json import ResultFileError
from pytest_cnnperf.selftest.collecting import SLOWDOWNS, Subject
from pytest_cnnperf.selftest.faults import FAULTS
from pytest_cnnperf.selftest.injecting import CASE

NAN = next(fault for fault in FAULTS if fault.name == "NaN")
ABSENT = replace(SPEC, name="absent", title="Absent", modules=("no_such_module",), install="pip install absent")
SECOND = replace(SPEC, name="second", title="Second")
THIRD = replace(SPEC, name="third", title="Third")


@pytest.fixture(autouse=True)
def scripted(monkeypatch, tmp_path):
    """Four frameworks, one of them not installed, a convolution that takes no time, and two faults."""
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"default": {"workload_ns": 10_000_000, "control_ns": 1_000_000, "noise": 0.001}}))
    monkeypatch.setenv("CNNPERF_FAKE_SCRIPT", str(script))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(selftest, "builtin", lambda: Registry((ABSENT, SPEC, SECOND, THIRD)))
    monkeypatch.setattr(selftest, "FAULTS", (FAULTS[0], NAN))
    monkeypatch.setattr(selftest, "subject_of", lambda spec: Subject(spec, replace(CASE, framework=spec.name)))


def run(*words: str) -> int:
    parser = argparse.ArgumentParser(prog="cnnperf")
    selftest.add_selftest(parser.add_subparsers())
    chosen = parser.parse_args(["selftest", *words])
    code: int = chosen.run(chosen)
    return code


def test_both_halves_pass_on_a_scripted_machine_and_stand_in_one_document(tmp_path, capsys):
    assert run("--frameworks", "fake", "--repeats", "2", "--json", "deep/out.json") == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert [line for line in lines if len(line) > 80 and not line.startswith("fake-")] == []
    assert "selftest passed" in lines
    assert captured.err.splitlines()[:3] == [
        "cnnperf: injecting nothing (1 of 2)",
        "cnnperf: injecting NaN (2 of 2)",
        "cnnperf: recording 1, visit 1 of 8: Fake",
    ]
    document = json.loads((tmp_path / "deep" / "out.json").read_text())
    assert (document["schema"], document["passed"], document["failures"]) == (1, True, [])
    assert [(each["name"], each["verdict"], each["reason"], each["caught"]) for each in document["faults"]] == [
        ("nothing", "SAME", "within_threshold", True),
        ("NaN", "WRONG", "result_not_finite", True),
    ]
    (framework,) = document["frameworks"]
    assert [rate["slowdown"] for rate in framework["rates"]] == list(SLOWDOWNS[1:])
    for rate in framework["rates"]:
        # Two turns: each with the other.
        assert rate["unchanged"]["comparisons"] == rate["slowed"]["comparisons"] == 2
        # Four numbers, each off by at most 0.1 %.
        assert rate["slowed"]["ratio"] == pytest.approx(1 + rate["slowdown"], abs=0.005)
        assert rate["unchanged"]["slower"] == rate["unchanged"]["faster"] == 0
    largest = framework["rates"][-1]
    assert (largest["slowed"]["slower"], largest["must_find"]) == (2, True)


def test_a_fault_that_is_not_caught_is_exit_code_1_with_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(selftest, "FAULTS", (replace(NAN, reason=Reason.RESULT_STALE),))
    assert run("--only", "faults") == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "selftest failed" in printed
    assert "NaN came as WRONG result_not_finite, expected WRONG result_stale" in printed
    assert "→ cnnperf selftest --only faults --json selftest.json" in printed


def test_faults_alone_start_no_framework(monkeypatch, capsys):
    monkeypatch.setattr(selftest, "builtin", lambda: pytest.fail("nobody asked"))
    assert run("--only", "faults") == 0
    assert "1 of 1" not in capsys.readouterr().out


def test_the_first_two_that_are_installed_are_measured(monkeypatch, capsys):
    seen: list[str] = []
    monkeypatch.setattr(selftest, "_measured", lambda specs, chosen: seen.extend(spec.name for spec in specs) or ())
    assert run("--only", "rates") == 0
    assert seen == ["fake", "second"]


@pytest.mark.parametrize(
    ("words", "error", "says"),
    [
        (["--frameworks", "faek"], UnknownName, "known: absent, fake, second, third; did you mean 'fake'"),
        (["--frameworks", "fake,absent"], FrameworkUnavailable, "pip install absent"),
        (["--frameworks", ","], UsageError, "--frameworks: got ',', expected names"),
        (["--seconds", "0"], UsageError, "--seconds: got 0"),
        (["--seconds", "nan"], UsageError, "--seconds: got nan"),
        (["--repeats", "1"], UsageError, "--repeats: got 1, expected at least 2"),
        (["--only", "faults", "--frameworks", "fake"], UsageError, "drop one of them: --only rates --frameworks fake"),
        (["--cases", "0"], UsageError, "--cases: got 0"),
        (["--json", "."], ResultFileError, "cannot write the result file .*: Is a directory; .*: --json PATH"),
        (["--json", "/proc/none/selftest.json"], ResultFileError, "cannot write the result file /proc/none/selftest"),
    ],
)
def test_misuse_is_told_before_anything_starts(monkeypatch, words, error, says, capsys):
    monkeypatch.setattr(selftest, "shown", lambda *_, **__: pytest.fail("it has started"))
    with pytest.raises(error, match=says):
        run(*words)
    assert capsys.readouterr().out == ""


def test_repeats_and_seconds_exclude_each_other(capsys):
    with pytest.raises(SystemExit) as ended:
        run("--repeats", "2", "--seconds", "60")
    assert ended.value.code == 2
    assert "not allowed with argument" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("repeats", "turns", "seconds", "enough"),
    [
        (None, 2, 100.0, False),
        (None, 4, 190.0, False),
        (None, 4, 200.0, True),
        (5, 4, 9999.0, False),
        (5, 5, 0.1, True),
    ],
)
def test_a_turn_that_would_end_too_late_is_not_begun(repeats, turns, seconds, enough):
    # Four turns in 190 s: the fifth would end after 237.5 s of 240; in 200 s: after 250 s.
    assert selftest._enough(repeats, 240.0)(turns, seconds) is enough


def test_more_cases_are_judged_more_strictly(monkeypatch, tmp_path):
    monkeypatch.setattr(selftest, "_measured", lambda *_: ())
    run("--only", "rates", "--cases", "100", "--json", "out.json")
    # 1 % that any case of a session is a false alarm, divided among 100 (docs/verdicts.md, Error level).
    assert json.loads((tmp_path / "out.json").read_text())["level"] == pytest.approx(0.0001)


def test_between_runs_is_believed_what_the_pass_has_shown_where_that_is_more(monkeypatch, tmp_path):
    folder = tmp_path / "stored" / detect().slug_for(DeviceKind.CPU)
    folder.mkdir(parents=True)
    runs = {name: [{"cases": 500, "spread": spread}] for name, spread in (("fake", 0.008), ("fake forward", 0.04))}
    (folder / "spread.json").write_text(json.dumps({"runs": runs, "schema": 1}))
    seen = []
    monkeypatch.setattr(selftest, "collected", lambda *_, **__: (SimpleNamespace(framework="fake"),))
    monkeypatch.setattr(selftest.Series, "of", lambda *_, run_floor, **__: seen.append(run_floor))
    chosen = SimpleNamespace(baselines=tmp_path / "stored", cases=1, repeats=1, seconds=1.0)
    selftest._measured([SPEC], chosen)
    # The convolution of the self-test is a forward pass; 500 cases weigh 25 times what is believed before.
    assert seen == [pytest.approx(0.04, rel=0.05)]


def test_a_place_that_is_lost_on_the_way_is_told_after_the_page(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(selftest, "_measured", lambda *_: (tmp_path / "out.json").mkdir() or ())
    with pytest.raises(ResultFileError, match="--json PATH"):
        run("--only", "rates", "--json", str(tmp_path / "out.json"))
    assert "selftest passed" in capsys.readouterr().out


def test_an_interrupt_leaves_no_process_and_no_word_but_the_exit_code(tmp_path):
    (tmp_path / "script.json").write_text(json.dumps({"default": {"fault": "hang", "at": "prepare"}}))
    command = [sys.executable, "-m", "pytest_cnnperf.cli", "selftest", "--only", "rates", "--frameworks", "fake"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        workers = _children(process)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in said
    # One that was not yet in anybody's hands ends when it finds its pipe closed.
    assert all(_ends(pid) for pid in workers)


def _children(process: subprocess.Popen[str]) -> list[int]:
    """The workers that this process has started, as soon as there is one that has its adapter."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while process.poll() is None:
        found = [int(pid) for pid in children.read_text().split()]
        if any(b"slowed.py" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in found):
            return found
        time.sleep(0.01)
    pytest.fail(f"ended with {process.returncode}: {process.communicate()[1]}")


def _ends(pid: int) -> bool:
    """Whether this process is gone, at the latest five seconds from now; a zombie waits for init only."""
    stat = Path(f"/proc/{pid}/stat")
    for _ in range(500):
        with suppress(OSError):
            if stat.read_text().rpartition(")")[2].split()[0] != "Z":
                time.sleep(0.01)
                continue
        return True
    return False


def test_every_option_stands_on_its_page():
    parser = argparse.ArgumentParser()
    selftest.add_selftest(parser.add_subparsers())
    (commands,) = (action for action in parser._actions if action.choices)
    options = [option for action in commands.choices["selftest"]._actions for option in action.option_strings]
    page = (Path(__file__).parents[3] / "docs" / "selftest.md").read_text()
    assert [option for option in options if f"`{option}" not in page and option not in ("-h", "--help")] == []
