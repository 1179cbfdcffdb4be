"""The text of a baseline is made to be reviewed."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable

from pytest_cnnperf.baseline import Entry
from pytest_cnnperf.baseline.layout import to_text
from pytest_cnnperf.measuring.machine import Machine

MakeEntry = Callable[..., Entry]


def written(machine: Machine, *entries: Entry) -> str:
    return to_text({entry.key: entry for entry in entries}, machine)


def test_it_is_json_with_sorted_keys_whatever_the_order_of_recording(make_entry: MakeEntry, machine: Machine) -> None:
    first, second = make_entry("conv1"), make_entry("conv2")
    assert written(machine, second, first) == written(machine, first, second)
    document = json.loads(written(machine, first, second))
    assert list(document) == sorted(document)
    assert list(document["entries"]) == sorted(document["entries"])
    assert document["entries"][first.key] == json.loads(json.dumps(first.to_plain()))
    assert document["machine"] == machine.to_plain()


def test_each_list_of_samples_is_one_line(make_entry: MakeEntry, machine: Machine) -> None:
    lines = written(machine, make_entry(workload_ns=tuple(range(10**7, 10**7 + 32)))).splitlines()
    lists = [line for line in lines if "_ns" in line and "[" in line]
    assert len(lists) == 2 * 3
    assert all(line.count("[") == line.count("]") == 1 for line in lists)


def test_a_case_is_a_few_lines_and_every_line_is_short_but_for_the_samples(
    make_entry: MakeEntry, machine: Machine
) -> None:
    one, two = (written(machine, *(make_entry(f"conv{number}") for number in range(count))) for count in (1, 2))
    assert len(two.splitlines()) - len(one.splitlines()) <= 22


def test_a_change_of_one_case_touches_only_its_own_figures_and_samples(make_entry: MakeEntry, machine: Machine) -> None:
    other = make_entry("conv2")
    before = written(machine, make_entry(), other).splitlines()
    after = written(machine, make_entry(workload_ns=(6_000_000, 6_100_000, 6_200_000)), other).splitlines()
    touched = [
        line[1:].split('"')[1] for line in difflib.unified_diff(before, after, n=0) if line[0] == "+" and '"' in line
    ]
    assert sorted(touched) == ["median_ns", "ratio", "wall_ns", "wall_ns", "workload_ns", "workload_ns"]


def test_the_file_ends_with_a_newline(make_entry: MakeEntry, machine: Machine) -> None:
    assert written(machine, make_entry()).endswith("}\n")
