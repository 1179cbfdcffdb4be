"""How the algorithm and the options of a case are told in a table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_cnnperf.cases import Algorithm
from pytest_cnnperf.report.terminal import render
from pytest_cnnperf.report.terminal.phrases import way


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "auto"),
        ((("benchmark", "on"),), "auto benchmark"),
        ((("choice", "search"),), "auto search"),
        ((("autotune", "4"),), "auto autotune=4"),
        ((("choice", "search"), ("level", "0")), "auto search level=0"),
    ],
)
def test_an_option_is_told_as_shortly_as_it_can_be_understood(case, options, words):
    assert way(replace(case(algorithm="auto"), options=options)) == words


def test_no_algorithm_is_cut_on_a_narrow_terminal(case, report, outcome):
    rows = (outcome(case(framework="tensorflow", algorithm=algorithm.value)) for algorithm in Algorithm)
    lines = [line.text for line in render(report(*rows), width=80, color=False)]
    assert all(len(line) <= 80 for line in lines)
    for algorithm in Algorithm:
        assert any(f" {algorithm} " in line for line in lines if "tensorflow" in line), algorithm
