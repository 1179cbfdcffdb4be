"""The examples in the docs are run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "windows"


def test_the_third_party_framework_of_the_docs_is_checked_and_timed(pytester, monkeypatch):
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    for file in EXAMPLE.glob("*.py"):
        shutil.copy(file, pytester.path)
    arguments = (
        "--cnnperf-frameworks=windows",
        "--cnnperf-json=out.json",
        "--cnnperf-check-only",
        "-p",
        "no:cacheprovider",
    )
    pytester.runpytest_subprocess(*arguments, timeout=120).assert_outcomes(passed=5)
    document = json.loads((pytester.path / "out.json").read_text())
    assert all(outcome["correct"] for outcome in document["outcomes"])
    assert {outcome["resolved"] for outcome in document["outcomes"]} == {"numpy.einsum over sliding windows"}
    reasons = {hole["algorithm"]: hole["reason"] for hole in document["holes"]}
    assert reasons["fft"] == "sliding windows multiply directly"
