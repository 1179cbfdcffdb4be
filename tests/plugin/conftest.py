"""A small suite on the fake framework: two layers, scripted nanoseconds, no clock and no real framework."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SUITE = """
import pytest
from pytest_cnnperf.cases import Problem
from pytest_cnnperf.cases.networks import Layer, Network

TINY = Network(
    "tiny",
    title="Tiny",
    dense=(),
    layers=(Layer("a", Problem(1, 2, 6, 6, 3, 3, 3, pad=1)), Layer("b", Problem(1, 2, 9, 9, 4, 3, 3, stride=2))),
    source="made up for the tests",
)

@pytest.mark.cnnperf_convolutions(TINY)
def test_tiny(cnnperf, case):
    cnnperf.check(case)
"""

DEFAULT = {"workload_ns": 2_000_000, "control_ns": 1_000_000, "noise": 0.004, "first_call_ns": 5_000_000}


@dataclass(frozen=True)
class Suite:
    """A pytester folder with a suite and a script for the fake framework."""

    pytester: pytest.Pytester
    script: Path

    def play(self, *rules: dict[str, Any], **default: Any) -> None:
        """Write the script: `default` over the usual one, then the rules."""
        self.script.write_text(json.dumps({"default": {**DEFAULT, **default}, "rules": list(rules)}))

    def run(self, *arguments: str) -> pytest.RunResult:
        """Run pytest on the fake framework's GEMM, forward pass, unless told otherwise (the last of an option wins)."""
        usual = (
            "-p",
            "no:cacheprovider",
            "--cnnperf-frameworks=fake",
            "--cnnperf-algorithms=gemm",
            "--cnnperf-passes=forward",
            # A scripted machine has no minutes.
            "--cnnperf-lasting=0",
        )
        return self.pytester.runpytest_subprocess(*usual, *arguments, timeout=120)

    def run_whole(self, *arguments: str) -> pytest.RunResult:
        """Run pytest on all that the fake framework offers."""
        usual = ("-p", "no:cacheprovider", "--cnnperf-frameworks=fake", "--cnnperf-lasting=0")
        return self.pytester.runpytest_subprocess(*usual, *arguments, timeout=120)

    def play_generations(self, *scripts: dict[str, Any]) -> None:
        """Give the n-th worker process that is started the n-th script, and all later ones the last."""
        counter = self.script.with_suffix(".count")
        self.script.write_text(json.dumps({"generation_file": str(counter), "generations": scripts}))

    def document(self, *arguments: str) -> dict[str, Any]:
        """The JSON of a run."""
        self.run("--cnnperf-json=out.json", *arguments)
        document: dict[str, Any] = json.loads((self.pytester.path / "out.json").read_text())
        return document

    def outcomes(self, *arguments: str) -> list[dict[str, Any]]:
        """The outcomes of a run, by its JSON."""
        return list(self.document(*arguments)["outcomes"])

    def processes(self) -> dict[int, str]:
        """The living processes, but for this one, that know this suite's script: command lines by pid."""
        found = {}
        for process in Path("/proc").iterdir():
            if process.name.isdigit() and int(process.name) != os.getpid():
                try:
                    environment, command = (process / "environ").read_bytes(), (process / "cmdline").read_bytes()
                except OSError:
                    continue  # it ended in the meantime, or is somebody else's
                if str(self.script).encode() in environment:
                    found[int(process.name)] = command.replace(b"\0", b" ").decode(errors="replace")
        return found

    @property
    def baseline_files(self) -> list[Path]:
        """All stored baseline files."""
        return sorted((self.pytester.path / "baselines").glob("*/*.json"))


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    script = pytester.path / "script.json"
    monkeypatch.setenv("CNNPERF_FAKE_SCRIPT", str(script))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    # Leases of its own: scripted clocks need no core of their own, and must not wait for a run that does.
    monkeypatch.setenv("TMPDIR", str(pytester.path))
    pytester.makepyfile(test_suite=SUITE)
    pytester.makeini("[pytest]\n")
    made = Suite(pytester, script)
    made.play()
    return made
