"""`cnnperf doctor` on made-up frameworks: workers of the fake one, and some that do not start."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

import pytest

from pytest_cnnperf.cases import Algorithm, DeviceKind, Layout, Pass
from pytest_cnnperf.cli import doctor
from pytest_cnnperf.errors import UnknownName, UsageError
from pytest_cnnperf.frameworks.registry import Registry
from pytest_cnnperf.frameworks.spec import FrameworkSpec, Offer, adapter_file
from pytest_cnnperf.measuring.machine import detect

WORKS = FrameworkSpec(
    "works",
    "The works",
    adapter_file("fake"),
    "pip install works",
    (
        Offer(Algorithm.GEMM, layouts=(Layout.NHWC, Layout.NCHW)),
        Offer(Algorithm.WINOGRAD, passes=frozenset({Pass.FORWARD})),
        Offer(Algorithm.AUTO, device_kind=DeviceKind.CUDA),
    ),
    modules=("numpy",),
    absent={Algorithm.FFT: "it has none"},
    parallelism=("data: a ring of processes",),
)
ABSENT = replace(WORKS, name="absent", title="Absent", modules=("no_such_module",), install="pip install absent")
BROKEN = replace(WORKS, name="broken", title="Broken", command=("no-such-program",), install="pip install broken")


@pytest.fixture(autouse=True)
def registry(monkeypatch, tmp_path):
    monkeypatch.delenv("CNNPERF_FAKE_SCRIPT", raising=False)
    monkeypatch.setenv("CNNPERF_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(doctor, "builtin", lambda: Registry((WORKS, ABSENT, BROKEN)))


def run(*words: str) -> int:
    parser = argparse.ArgumentParser(prog="cnnperf")
    doctor.add_doctor(parser.add_subparsers())
    chosen = parser.parse_args(["doctor", *words])
    code: int = chosen.run(chosen)
    return code


def test_one_that_works_has_its_row_and_the_others_their_reason_and_the_next_command(capsys):
    assert run() == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert captured.err == ""  # no progress where nobody looks
    row = next(line for line in lines if line.startswith("  The works"))
    assert row.split()[:3] == ["The", "works", "1"]
    assert "data" in row
    absent = next(index for index, line in enumerate(lines) if line.startswith("  Absent"))
    assert "is not installed here (no module no_such_module)" in lines[absent]
    assert lines[absent + 1].strip() == "→ pip install absent"
    assert "cannot start 'no-such-program'" in captured.out
    assert "→ pip install broken" in captured.out
    assert detect(gpus=()).slug in captured.out


def test_no_line_is_wider_than_the_terminal(capsys):
    run()
    assert [line for line in capsys.readouterr().out.splitlines() if len(line) > 80] == []


def test_the_algorithms_stand_with_the_letters_of_their_passes(capsys):
    run("works")
    lines = capsys.readouterr().out.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("algorithms"))
    assert lines[start].split()[1:] == ["auto", "direct", "gemm", "gemm", "fft", "tiling", "winograd", "layouts"]
    assert lines[start + 1].split() == ["The", "works", "cpu", "·", "·", "FDW", "·", "·", "·", "F", "nhwc", "nchw"]
    assert lines[start + 2].split() == ["The", "works", "cuda", "FDW", "·", "·", "·", "·", "·", "·", "nchw"]


def test_a_named_framework_alone_is_examined_and_tells_all(capsys):
    assert run("broken") == 0
    printed = capsys.readouterr().out
    assert "The works" not in printed
    assert "started by" in printed
    assert "a ring of processes" in printed


def test_a_required_framework_that_works_is_fine():
    assert run("--require", "works") == 0


@pytest.mark.parametrize(
    "words", [["--require", "absent"], ["--require", "works,absent"], ["--require=works", "--require=absent"]]
)
def test_a_required_framework_that_is_not_there_is_exit_code_1_with_reason_and_command(words, capsys):
    assert run(*words) == 1
    assert capsys.readouterr().err == (
        "cnnperf: absent is required and cannot be used: "
        "Absent is not installed here (no module no_such_module); next: pip install absent\n"
    )


def test_what_is_required_is_examined_beside_what_is_named(capsys):
    assert run("works", "--require", "broken") == 1
    assert "Broken" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--require", "wroks"], ["wroks"]])
def test_an_unknown_name_lists_the_known_and_the_nearest_before_anything_starts(words, capsys):
    with pytest.raises(UnknownName, match="known: works, absent, broken; did you mean 'works'"):
        run(*words)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_a_deadline_that_is_none_is_a_usage_error(seconds):
    with pytest.raises(UsageError, match="--deadline"):
        run(f"--deadline={seconds}")


def test_json_is_one_document_and_nothing_else(capsys):
    assert run("--json", "--require", "absent") == 1
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert captured.err.startswith("cnnperf: absent is required")
    assert document["schema"] == 1
    assert list(document) == sorted(document)
    assert document["baselines"]["cpu"] == detect(gpus=()).slug
    assert document["machine"]["cores"] == detect(gpus=()).cores
    works, absent, broken = document["frameworks"]
    assert (works["state"], works["usable"], works["version"], works["reason"]) == ("usable", True, "1", None)
    assert works["offers"][0] == {
        "algorithm": "gemm",
        "device_kind": "cpu",
        "environment": {},
        "layouts": ["nhwc", "nchw"],
        "passes": ["backward_data", "backward_filter", "forward"],
    }
    assert works["absent"] == {"fft": "it has none"}
    assert works["parallelism"] == ["data: a ring of processes"]
    assert (absent["state"], absent["next_command"]) == ("not_installed", "pip install absent")
    assert broken["state"] == "cannot_start"
    assert broken["started_by"] == ["no-such-program"]


def test_every_framework_has_the_same_names_in_json_whatever_its_state(capsys):
    run("--json")
    works, absent, broken = json.loads(capsys.readouterr().out)["frameworks"]
    assert list(works) == list(absent) == list(broken)


def test_a_framework_that_hangs_does_not_keep_the_others_from_being_asked(monkeypatch, tmp_path, capsys):
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"default": {"fault": "hang", "at": "hello"}}))
    hangs = replace(WORKS, name="hangs", title="Hangs", environment={"CNNPERF_FAKE_SCRIPT": str(script)})
    monkeypatch.setattr(doctor, "builtin", lambda: Registry((hangs, WORKS)))
    assert run("--deadline", "1.5", "--json") == 0
    first, second = json.loads(capsys.readouterr().out)["frameworks"]
    assert (first["state"], second["state"]) == ("hung", "usable")
    assert first["reason"] == "no answer within 1.5 s; it said: fake: hanging"
    assert first["next_command"] == "cnnperf doctor hangs --deadline 7.5"
    assert second["start_seconds"] > 0


def test_a_command_of_the_projects_ini_file_is_what_is_started(monkeypatch, tmp_path, capsys):
    (tmp_path / "pytest.ini").write_text("[pytest]\ncnnperf_command_absent = no-other-program -i\n")
    monkeypatch.chdir(tmp_path)
    assert run("--json", "absent") == 0
    (absent,) = json.loads(capsys.readouterr().out)["frameworks"]
    assert absent["started_by"] == ["no-other-program", "-i"]
    assert absent["state"] == "cannot_start"


def test_a_person_who_waits_sees_who_is_started(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert run("absent", "broken") == 0
    assert "cnnperf: starting Absent (1 of 2)" in capsys.readouterr().err
