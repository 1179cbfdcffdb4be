"""What is kept of many looks at a GPU."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_cnnperf.measuring.gpu.conditions import Conditions, Span, names_of
from pytest_cnnperf.measuring.gpu.state import GpuState

STATES = (
    GpuState("GPU-a", sm_mhz=1980, temperature_c=40, power_w=400.5, reasons=0),
    GpuState("GPU-a", sm_mhz=1755, temperature_c=52, power_w=700.0, reasons=4),
    GpuState("GPU-a", sm_mhz=1920, temperature_c=50, power_w=690.0, reasons=4 | 256),
)


def conditions() -> Conditions:
    made = Conditions.of(STATES, throttled_samples=7, throttled_by=8 | 64)
    assert made is not None
    return made


def test_the_least_the_middle_and_the_most_of_each_number_are_kept() -> None:
    assert conditions().sm_mhz == Span(1755, 1920, 1980)
    assert conditions().temperature_c == Span(40, 50, 52)
    assert conditions().memory_mhz is None  # nobody told
    assert conditions().batches == 3


def test_reasons_are_counted_by_batches_and_discarded_samples_stand_beside_them() -> None:
    assert conditions().reasons == {"display_clocks": 1, "power_cap": 2}
    assert (conditions().throttled_samples, conditions().throttled_by) == (7, ("hw_slowdown", "hw_thermal"))


def test_a_gpu_that_tells_no_reasons_is_not_one_that_had_none() -> None:
    silent = Conditions.of([GpuState("GPU-a", sm_mhz=1980)], throttled_samples=0, throttled_by=0)
    assert silent is not None
    assert silent.reasons is None


def test_where_nobody_looked_there_are_no_conditions() -> None:
    assert Conditions.of((), throttled_samples=0, throttled_by=0) is None


def test_bits_have_the_names_of_nvml_and_unknown_ones_their_number() -> None:
    # nvml.h: SwPowerCap 4, HwSlowdown 8, SwThermalSlowdown 32, HwThermalSlowdown 64, HwPowerBrakeSlowdown 128.
    assert names_of(4 | 8 | 32 | 64 | 128) == ("power_cap", "hw_slowdown", "sw_thermal", "hw_thermal", "power_brake")
    assert names_of(1024) == ("bit_1024",)
    assert names_of(0) == ()


def test_conditions_survive_json() -> None:
    assert Conditions.from_plain(json.loads(json.dumps(conditions().to_plain()))) == conditions()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("batches", -1, "batches is -1, expected a whole number"),
        ("batches", True, "batches is True"),
        ("throttled_by", "hw_thermal", "expected a list of text"),
        ("reasons", {"power_cap": 0.5}, "expected null or counts by name"),
        ("sm_mhz", 1980, "sm_mhz is 1980, expected null or numbers min, median and max"),
        ("sm_mhz", {"min": 1, "median": 1, "max": None}, "expected null or numbers"),
        ("fan", 3, "expected an object of batches"),
    ],
)
def test_damaged_conditions_are_refused_with_their_field(field: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Conditions.from_plain({**conditions().to_plain(), field: value})
