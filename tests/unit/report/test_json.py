"""The result file."""

from __future__ import annotations

import json as standard_json
import math

import pytest

from pytest_cnnperf.cases import Case
from pytest_cnnperf.errors import CnnperfError
from pytest_cnnperf.measuring.gpu.conditions import Conditions, Span
from pytest_cnnperf.report import json
from pytest_cnnperf.report.outcome import Hole

# The field list of issue 2, point 10, word for word.
OUTCOME_FIELDS = [
    "key",
    "nodeid",
    "framework",
    "workload",
    "network",
    "layer",
    "pass",
    "algorithm",
    "resolved",
    "dtype",
    "layout",
    "batch",
    "device_kind",
    "device_count",
    "correct",
    "error_fraction",
    "samples",
    "median_ns",
    "control_median_ns",
    "ratio",
    "ratio_low",
    "ratio_high",
    "clock",
    "first_call_ns",
    "flops",
    "workspace_bytes",
    "verdict",
    "reason",
    "baseline_ratio",
]
HOLE_FIELDS = ["framework", "algorithm", "reason"]


def test_the_document_has_every_field_of_schema_1(day):
    document = json.document(day)
    assert document["schema"] == 1
    assert document["machine"] == day.machine
    assert len(document["outcomes"]) == len(day.outcomes)
    for outcome in document["outcomes"]:
        assert set(OUTCOME_FIELDS) <= set(outcome)
    for hole in document["holes"]:
        assert set(HOLE_FIELDS) <= set(hole)


def test_fields_say_the_same_as_the_key(report, outcome, case):
    written = json.document(report(outcome(case("tensorflow", "conv4", "backward_data", "gemm", "nhwc"))))["outcomes"][
        0
    ]
    names = (
        "framework",
        "workload",
        "network",
        "layer",
        "pass",
        "algorithm",
        "dtype",
        "layout",
        "batch",
        "device_kind",
    )
    assert [written[name] for name in names] == [
        "tensorflow", "convolution", "alexnet", "conv4", "backward_data", "gemm", "float32", "nhwc", 1, "cpu",
    ]  # fmt: skip
    assert (written["device_count"], written["clock"]) == (1, "process_cpu")


def test_what_is_not_a_number_is_null(report, outcome):
    odd = report(outcome(ratio=math.nan, ratio_high=math.inf, baseline_ratio=-math.inf), peak_flops=math.nan)
    text = standard_json.dumps(json.document(odd), allow_nan=False)
    written = standard_json.loads(text)
    assert written["peak_flops"] is None
    assert [written["outcomes"][0][name] for name in ("ratio", "ratio_high", "baseline_ratio")] == [None, None, None]


def test_a_callable_without_a_problem_has_nulls(report, outcome):
    case = Case("inprocess", "callable", "custom", "tests/test_a.py::test_b", None, None, None)
    written = json.document(report(outcome(case)))["outcomes"][0]
    assert [written[name] for name in ("pass", "algorithm", "batch", "flops")] == [None, None, None, None]


def test_a_report_that_is_written_and_read_is_the_same_report(day, tmp_path):
    json.write(day, tmp_path / "result.json")
    assert json.read(tmp_path / "result.json") == day


def test_memory_and_conditions_of_a_gpu_are_written_and_read(report, outcome, tmp_path):
    conditions = Conditions(batches=2, throttled_samples=5, throttled_by=("hw_thermal",), sm_mhz=Span(1755, 1900, 1980))
    on_gpu = report(outcome(peak_bytes=2**20, conditions=conditions))
    (plain,) = json.document(on_gpu)["outcomes"]
    assert plain["peak_memory_bytes"] == 2**20
    assert plain["conditions"]["sm_mhz"] == {"min": 1755, "median": 1900, "max": 1980}
    json.write(on_gpu, tmp_path / "result.json")
    assert json.read(tmp_path / "result.json") == on_gpu


def test_a_baseline_entry_is_not_part_of_a_result(report, outcome):
    assert "entry" not in json.document(report(outcome(entry={"samples": [1, 2]})))["outcomes"][0]


def test_folders_on_the_way_are_made_and_no_draft_is_left(report, outcome, tmp_path):
    json.write(report(outcome()), tmp_path / "a" / "b" / "result.json")
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["result.json"]


def test_a_place_that_cannot_be_written_is_a_clear_error_and_keeps_what_was_there(report, outcome, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CnnperfError, match=r"cannot write the result file .*result\.json.*--cnnperf-json PATH"):
        json.write(report(outcome()), tmp_path / "file" / "result.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(CnnperfError, match=r"cannot write the result file .*folder\.json"):
        json.write(report(outcome()), tmp_path / "folder.json")
    for name in ("file/result.json", "folder.json"):
        with pytest.raises(CnnperfError, match=r"cannot write the result file .*--cnnperf-json PATH"):
            json.ensure_writable(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.json"]
    assert (tmp_path / "file").read_text() == "mine"


def edited(report, tmp_path, edit):
    json.write(report, tmp_path / "result.json")
    plain = standard_json.loads((tmp_path / "result.json").read_text())
    edit(plain)
    (tmp_path / "result.json").write_text(standard_json.dumps(plain))
    return tmp_path / "result.json"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda plain: plain.update(schema=2), r"schema 2, this version reads schema 1"),
        (lambda plain: plain.pop("schema"), r"has no 'schema'"),
        (lambda plain: plain.pop("outcomes"), r"'outcomes' is missing"),
        (lambda plain: plain.update(outcomes={}), r"outcomes must be list, got \{\}"),
        (lambda plain: plain.update(notices=[1]), r"notices must be str, got 1"),
        (lambda plain: plain["outcomes"][0].update(key="mine"), r"'mine' is not a case key"),
        (lambda plain: plain["outcomes"][0].update(verdict="GOOD"), r"'GOOD' is not a valid Verdict"),
        (lambda plain: plain["outcomes"][0].update(median_ns="5 ms"), r"median_ns must be .*, got '5 ms'"),
        (lambda plain: plain["outcomes"][0].update(samples=True), r"samples must be .*, got True"),
        (lambda plain: plain["outcomes"][0].update(conditions=[]), r"conditions are \[\], expected an object"),
        (lambda plain: plain["outcomes"][0].update(peak_memory_bytes="1 GiB"), r"peak_bytes must be .*, got '1 GiB'"),
        (lambda plain: plain["outcomes"][0].pop("key"), r"'key'"),
        (lambda plain: plain["outcomes"].append(7), r"outcomes must be dict, got 7"),
        (lambda plain: plain["holes"].append({"framework": "torch"}), r"'algorithm'"),
    ],
)
def test_a_result_file_that_was_edited_wrongly_is_refused_with_its_name(report, outcome, tmp_path, edit, message):
    path = edited(report(outcome(), holes=(Hole("numpy", "fft", "stride"),)), tmp_path, edit)
    with pytest.raises(json.ResultFileError, match=message) as caught:
        json.read(path)
    assert "result.json" in str(caught.value)
    assert "pytest perftests --cnnperf-json PATH" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"<xml/>"])
def test_a_file_that_is_no_json_is_refused(tmp_path, content):
    (tmp_path / "result.json").write_bytes(content)
    with pytest.raises(json.ResultFileError, match="is not a JSON file"):
        json.read(tmp_path / "result.json")


@pytest.mark.parametrize("content", ["[]", "3", "null", '{"version": 1}'])
def test_json_of_another_program_is_refused(tmp_path, content):
    (tmp_path / "result.json").write_text(content)
    with pytest.raises(json.ResultFileError, match="is not a result file"):
        json.read(tmp_path / "result.json")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(json.ResultFileError, match=r"cannot read .*nowhere"):
        json.read(tmp_path / "nowhere.json")
