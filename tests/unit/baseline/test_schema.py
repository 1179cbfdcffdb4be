"""A baseline file that is not what it should be is named, with its place and what to type."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_cnnperf.baseline import Entry
from pytest_cnnperf.baseline.layout import to_text
from pytest_cnnperf.baseline.schema import SCHEMA, parse
from pytest_cnnperf.cases import Algorithm, Case, DeviceKind
from pytest_cnnperf.errors import BaselineError
from pytest_cnnperf.measuring.gpu.conditions import Conditions, Span
from pytest_cnnperf.measuring.machine import Machine

PATH = Path("baselines/amd-epyc-2-cores/torch.convolution.alexnet.json")
MakeEntry = Callable[..., Entry]


@pytest.fixture
def text(make_entry: MakeEntry, machine: Machine) -> str:
    entries = [make_entry(layer) for layer in ("conv1", "conv2")]
    return to_text({entry.key: entry for entry in entries}, machine)


def complaint(text: str) -> str:
    with pytest.raises(BaselineError) as caught:
        parse(text, path=PATH)
    return str(caught.value)


def changed(text: str, change: Callable[[dict[str, Any]], object]) -> str:
    """The same document with a change in its first case."""
    document = json.loads(text)
    change(next(iter(document["entries"].values())))
    return json.dumps(document, indent=1)


def test_what_was_written_is_read_back(text: str, make_entry: MakeEntry) -> None:
    entry = make_entry("conv2")
    assert parse(text, path=PATH)[entry.key] == entry


def test_a_known_algorithm_is_stored_as_a_word_and_an_unknown_one_not_at_all(
    make_entry: MakeEntry, machine: Machine
) -> None:
    entry = make_entry()
    known = replace(entry, resolved_algorithm=Algorithm.DIRECT)
    texts = [to_text({each.key: each}, machine) for each in (entry, known)]
    assert ["resolved_algorithm" in text for text in texts] == [False, True]
    assert [parse(text, path=PATH)[entry.key] for text in texts] == [entry, known]


def test_what_only_a_gpu_has_is_stored_with_it_and_is_absent_of_a_cpu(make_entry: MakeEntry, machine: Machine) -> None:
    entry = make_entry()
    conditions = Conditions(batches=3, reasons={"power_cap": 1}, sm_mhz=Span(1755, 1900, 1980))
    on_gpu = replace(entry, peak_memory_bytes=2**20, conditions=conditions)
    texts = [to_text({each.key: each}, machine) for each in (entry, on_gpu)]
    assert [("conditions" in text, "peak_memory_bytes" in text) for text in texts] == [(False, False), (True, True)]
    assert parse(texts[1], path=PATH)[entry.key] == on_gpu
    # On one line, so that a changed clock is one changed line of `git diff`.
    (line,) = (line for line in texts[1].splitlines() if "conditions" in line)
    assert "1755" in line
    assert "power_cap" in line


SWEPT = (2_000_000, 2_100_000, 2_200_000)


@pytest.fixture
def swept(make_entry: MakeEntry, machine: Machine) -> str:
    entry = make_entry(sweep_ns=SWEPT)
    return to_text({entry.key: entry}, machine)


def test_sweeps_are_stored_beside_the_samples_and_read_back(make_entry: MakeEntry, swept: str) -> None:
    entry = make_entry(sweep_ns=SWEPT)
    assert parse(swept, path=PATH)[entry.key] == entry
    # On one line of its own in each round, as the samples are.
    assert len([line for line in swept.splitlines() if '"sweep_ns": [2000000' in line]) == 2


def test_a_round_without_sweeps_is_of_a_machine_that_told_none(make_entry: MakeEntry, swept: str) -> None:
    half = parse(changed(swept, lambda case: case["rounds"][1].pop("sweep_ns")), path=PATH)[make_entry().key]
    assert [round_.sweep_ns for round_ in half.rounds] == [SWEPT, ()]


@pytest.mark.parametrize("sweeps", [[], [1], [1, 2, 3, 4]])
def test_sweeps_that_do_not_stand_before_a_sample_each_are_refused(swept: str, sweeps: list[int]) -> None:
    said = complaint(changed(swept, lambda case: case["rounds"][0].update(sweep_ns=sweeps)))
    assert f"'sweep_ns': {len(sweeps)}" in said
    assert "expected equally many" in said


@pytest.mark.parametrize("sweeps", [None, 3, "fast", {"ns": 1}])
def test_sweeps_that_are_no_list_are_refused(swept: str, sweeps: object) -> None:
    said = complaint(changed(swept, lambda case: case["rounds"][0].update(sweep_ns=sweeps)))
    assert "round 1 sweep_ns is " in said
    assert "expected a list" in said


def test_looks_at_the_core_are_stored_beside_the_samples_and_read_back(make_entry: MakeEntry, machine: Machine) -> None:
    entry = make_entry(probe_ns=(5000, 8000, 5100))
    text = to_text({entry.key: entry}, machine)
    assert parse(text, path=PATH)[entry.key] == entry
    assert [round_.quiet_ns for round_ in entry.rounds] == [5000, 5000]
    for change, told in (
        ({"probe_ns": [5000]}, "expected equally many"),
        ({"probe_ns": [5000, 0, 1]}, "probe_ns holds 0, expected integers of at least 1"),
        ({"quiet_ns": -1}, "round 1 quiet_ns is -1, expected at least 0"),
        ({"quiet_ns": 1.5}, "round 1 quiet_ns is 1.5, expected an integer"),
    ):
        assert told in complaint(changed(text, lambda case, change=change: case["rounds"][0].update(change)))


def test_an_empty_file_is_called_empty() -> None:
    for empty in ("", " \n\n"):
        said = complaint(empty)
        assert said.startswith(f"{PATH}: the file is empty, expected a JSON object.")
        assert f"git checkout -- {PATH}" in said
        assert "--cnnperf-update" in said


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.8, 0.97])
def test_a_file_cut_anywhere_is_not_understood_and_tells_the_line(text: str, share: float) -> None:
    cut = text[: int(len(text) * share)]
    assert complaint(cut).startswith(f"{PATH}:")
    assert "truncated" in complaint(cut) or "not JSON" in complaint(cut)


def test_a_file_cut_between_two_lines_is_called_truncated_at_its_last_line(text: str) -> None:
    cut = "\n".join(text.splitlines()[:7])
    assert f"{PATH}:7: the file is truncated" in complaint(cut)


def test_what_is_not_json_tells_line_and_column(text: str) -> None:
    lines = text.splitlines()
    lines[3] = lines[3].replace('"clock":', '"clock"')
    assert f"{PATH}:4: not JSON (column " in complaint("\n".join(lines))


def test_a_merge_conflict_is_named_with_its_line_and_remedy(text: str) -> None:
    lines = text.splitlines()
    lines[6:6] = ["<<<<<<< HEAD", '      "median_ns": 1,', "=======", '      "median_ns": 2,', ">>>>>>> topic"]
    said = complaint("\n".join(lines))
    assert f"{PATH}:7: a merge conflict stands in it" in said
    assert f"git checkout --ours -- {PATH}" in said


@pytest.mark.parametrize("document", ["[]", "3", "null", '"text"'])
def test_a_document_that_is_no_object_is_refused(document: str) -> None:
    assert "expected an object" in complaint(document)


@pytest.mark.parametrize("bomb", ["[" * 100_000, '{"schema": ' + "9" * 5000 + "}"], ids=["nesting", "digits"])
def test_a_hostile_file_is_an_error_of_ours_and_no_crash(bomb: str) -> None:
    assert complaint(bomb).startswith(str(PATH))


def test_a_newer_schema_asks_for_a_newer_plugin(text: str) -> None:
    said = complaint(text.replace('"schema": 1', '"schema": 2'))
    assert "schema 2 is of a newer pytest-cnnperf, this one reads up to 1" in said
    assert said.endswith("python -m pip install --upgrade pytest-cnnperf")


@pytest.mark.parametrize("schema", ["0", "-5", '"1"', "1.0", "true", "null"])
def test_a_foreign_schema_is_refused(text: str, schema: str) -> None:
    said = complaint(text.replace('"schema": 1', f'"schema": {schema}'))
    assert "schema" in said
    assert "expected" in said


def test_a_file_of_another_tool_is_refused() -> None:
    assert "schema is None, expected the integer 1" in complaint('{"benchmarks": [], "version": "4.0"}')


def test_an_older_schema_is_migrated_step_by_step(text: str) -> None:
    steps = {1: lambda old: {**old, "machine": {**old["machine"], "cores": 3}}, 2: lambda old: {**old, "entries": {}}}
    assert parse(text, path=PATH, schema=3, migrations=steps) == {}
    with pytest.raises(BaselineError, match=r"schema 1 is unknown, expected 3 or one of \[2\]"):
        parse(text, path=PATH, schema=3, migrations={2: steps[2]})
    assert SCHEMA == 1


def test_a_key_that_comes_twice_is_refused_with_its_line(text: str, make_entry: MakeEntry) -> None:
    lines = text.splitlines()
    key = make_entry("conv2").key
    first = next(number for number, line in enumerate(lines) if "-conv1-" in line)
    lines[first] = lines[first].replace("-conv1-", "-conv2-")
    second = next(number for number, line in enumerate(lines, start=1) if key in line and number > first + 1)
    assert f"{PATH}:{second}: {key!r} stands twice in one object" in complaint("\n".join(lines))
    doubled = text.replace('"median_ns": 5100000,', '"median_ns": 5100000,\n      "median_ns": 5100000,', 1)
    assert "'median_ns' stands twice" in complaint(doubled)


@pytest.mark.parametrize("key", ["", "conv1", "torch-convolution", "torch-convolution-alexnet-conv1-n0c3-forward"])
def test_a_key_that_is_no_case_is_refused(text: str, make_entry: MakeEntry, key: str) -> None:
    assert "is no case (" in complaint(text.replace(make_entry("conv1").key, key))


def test_a_case_in_the_wrong_file_is_refused(text: str) -> None:
    with pytest.raises(BaselineError, match=r"stands in the wrong file, expected torch\.convolution\.alexnet\.json"):
        parse(text, path=PATH.with_name("numpy.convolution.alexnet.json"))


def test_a_file_copied_from_another_machine_is_refused_with_what_to_do(text: str) -> None:
    foreign = PATH.parent.with_name("intel-xeon-8-cores") / PATH.name
    with pytest.raises(BaselineError) as caught:
        parse(text, path=foreign)
    said = str(caught.value)
    assert said.startswith(f"{foreign}: it was recorded on amd-epyc-2-cores and copied here from that other machine")
    assert f"rm {foreign} and --cnnperf-update record this machine's own speeds" in said
    assert "where baselines/amd-epyc-2-cores has lost the file, move it back there" in said


def test_a_file_of_gpu_cases_belongs_in_the_folder_of_its_gpus(make_entry: MakeEntry, machine: Machine) -> None:
    entry = make_entry("conv1")
    case = replace(Case.parse(entry.key), device_kind=DeviceKind.CUDA)
    held = replace(entry, key=case.key, clock=case.clock)
    text = to_text({case.key: held}, replace(machine, gpus=("NVIDIA H200",)))
    assert list(parse(text, path=PATH.parent.with_name("nvidia-h200-x1") / PATH.name)) == [case.key]
    assert "it was recorded on nvidia-h200-x1 and copied here" in complaint(text)


def test_a_gpu_without_a_name_is_refused(text: str) -> None:
    assert "machine gpus is [3], expected a list of text" in complaint(text.replace('"gpus": []', '"gpus": [3]'))


@pytest.mark.parametrize("name", ["clock", "median_ns", "rounds", "versions", "plan", "ratio", "resolved"])
def test_a_missing_field_is_named_with_its_case_and_line(text: str, make_entry: MakeEntry, name: str) -> None:
    said = complaint(changed(text, lambda case: case.pop(name)))
    assert said.startswith(f"{PATH}:3: case {make_entry('conv1').key}: ")
    assert f"missing ['{name}']" in said


def test_an_unknown_field_is_named(text: str) -> None:
    assert "unknown ['note']" in complaint(changed(text, lambda case: case.update(note="mine")))
    assert "plan fields: missing ['repeats'], unknown []" in complaint(
        changed(text, lambda case: case["plan"].pop("repeats"))
    )
    assert "round 2 fields: missing ['wall_ns']" in complaint(
        changed(text, lambda case: case["rounds"][1].pop("wall_ns"))
    )
    document = json.loads(text)
    del document["machine"]["cores"]
    assert "machine fields: missing ['cores']" in complaint(json.dumps(document))


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("median_ns", "5", "median_ns is '5', expected an integer"),
        ("median_ns", 5.5, "median_ns is 5.5, expected an integer"),
        ("median_ns", True, "median_ns is True, expected an integer"),
        ("first_call_ns", -1, "first_call_ns is -1, expected at least 0"),
        ("clock", "sundial", "clock is 'sundial', expected 'process_cpu' as in the key"),
        ("clock", "wall", "clock is 'wall', expected 'process_cpu' as in the key"),
        ("error_fraction", "small", "error_fraction is 'small', expected a number or an integer or null"),
        ("error_fraction", -0.5, "error_fraction is -0.5, expected null or a number of at least 0"),
        ("resolved_algorithm", "winogrand", "resolved_algorithm is 'winogrand', expected one of auto, direct, gemm"),
        ("resolved_algorithm", None, "resolved_algorithm is None, expected text"),
        ("peak_memory_bytes", -1, "peak_memory_bytes is -1, expected at least 0"),
        ("conditions", {"batches": 3}, "conditions are {'batches': 3}, expected an object of batches"),
        ("recorded", "yesterday", "recorded is 'yesterday', expected a date like"),
        ("versions", {"torch": 2}, "version of torch is int 2, expected text"),
        (
            "plan",
            {"control": "blend1", "control_units": 0, "repeats": 1},
            "plan control_units is 0, expected at least 1",
        ),
        ("rounds", [], "rounds is empty"),
        ("rounds", [3], "round 1 is int 3, expected an object"),
        ("rounds", None, "rounds is None, expected a list"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_what_was_expected(text: str, name: str, value: object, told: str) -> None:
    assert told in complaint(changed(text, lambda case: case.update({name: value})))


@pytest.mark.parametrize("name", ["workload_ns", "sweep_ns"])
@pytest.mark.parametrize("sample", [-5, 0, 1.5, "7", None, True])
def test_a_sample_or_a_sweep_that_is_no_time_is_refused(swept: str, name: str, sample: object) -> None:
    def spoil(case: dict[str, Any]) -> None:
        case["rounds"][1][name][2] = sample

    assert f"round 2 {name} holds {sample!r}, expected integers of at least 1 (nanoseconds)" in complaint(
        changed(swept, spoil)
    )


@pytest.mark.parametrize("name", ["run", "at_seconds"])
@pytest.mark.parametrize("value", [-1, True, "1", 1.5])
def test_a_run_or_a_time_that_is_no_number_is_refused(text: str, name: str, value: object) -> None:
    spoilt = changed(text, lambda case: case["rounds"][1].update({name: value}))
    assert f"{name} is {value!r}, expected" in complaint(spoilt)


def test_runs_without_a_figure_and_too_many_runs_are_refused(text: str) -> None:
    def short(case: dict[str, Any]) -> None:
        for name in ("workload_ns", "control_ns", "wall_ns"):
            case["rounds"][1][name] = case["rounds"][1][name][:2]
        case["rounds"][1]["run"] = 1

    assert "run 1 has 2 samples, expected at least 3 beside others" in complaint(changed(text, short))
    four = [{"run": number} for number in range(4)]
    many = changed(text, lambda case: case.update(rounds=[{**case["rounds"][0], **each} for each in four]))
    assert "has rounds of 4 runs, expected at most 3" in complaint(many)


def test_samples_that_are_no_pairs_are_refused(text: str) -> None:
    assert "expected equally many" in complaint(changed(text, lambda case: case["rounds"][0]["control_ns"].pop()))


def test_nan_and_infinity_are_no_numbers_of_a_baseline(text: str) -> None:
    for word in ("NaN", "Infinity"):
        assert f"{word} is no number of JSON" in complaint(
            text.replace('"error_fraction": 0.125', f'"error_fraction": {word}')
        )


@pytest.mark.parametrize(("name", "edited"), [("median_ns", 4_000_000), ("control_median_ns", 7), ("ratio", 4.0)])
def test_a_figure_edited_by_hand_is_found_out(text: str, make_entry: MakeEntry, name: str, edited: float) -> None:
    said = complaint(changed(text, lambda case: case.update({name: edited})))
    true = getattr(make_entry("conv1"), name)
    assert f"case {make_entry('conv1').key}: {name} is {edited}, but its samples give {true}: edited by hand" in said
    assert f"git checkout -- {PATH}" in said


def test_samples_edited_by_hand_are_found_out_by_the_figure_beside_them(text: str) -> None:
    def faster(case: dict[str, Any]) -> None:
        for round_ in case["rounds"]:
            round_["workload_ns"] = [ns // 2 for ns in round_["workload_ns"]]

    assert "edited by hand" in complaint(changed(text, faster))
