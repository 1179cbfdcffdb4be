"""Injecting faults: each through the real line, on the scripted framework, against a baseline made in a moment."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..cases import CONVOLUTION, Algorithm, Case, Pass, Problem
from ..frameworks.fake import SCRIPT_VARIABLE, SPEC
from ..frameworks.registry import Registry
from ..measuring.lease import OnWait
from ..report.outcome import Outcome
from ..run import Run, run_case
from ..settings import DEFAULT_THRESHOLD, Settings, Timing, Update
from .faults import SOUND, Fault

CASE = Case(
    SPEC.name,
    CONVOLUTION,
    "selftest",
    "conv",
    Problem(1, 2, 6, 6, 3, 3, 3, pad=1),
    Pass.FORWARD,
    Algorithm.GEMM,
)
# A scripted call takes no time; the number of samples must not depend on how busy this machine is.
TIMING = Timing(max_seconds=60.0, min_samples=6, max_samples=16, threshold=DEFAULT_THRESHOLD)


@dataclass(frozen=True)
class Shown:
    """What the line said of an injected fault."""

    fault: Fault
    outcome: Outcome

    @property
    def is_caught(self) -> bool:
        """Whether it said what it must say."""
        return self.fault.is_caught(self.outcome)


def shown(faults: Iterable[Fault], *, on_wait: OnWait | None = None) -> Iterator[Shown]:
    """Inject these faults one after the other, each in processes of its own; all lies in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="cnnperf-selftest-") as folder:
        place = Path(folder)
        recording = Settings(baselines=place / "baselines", update=Update.ALL)
        _through_the_line(recording, {}, place, on_wait=on_wait)
        for fault in faults:
            comparing = replace(recording, compare=True, update=Update.NOTHING, deadline_seconds=fault.deadline_seconds)
            yield Shown(fault, _through_the_line(comparing, fault.script, place, on_wait=on_wait))


def _through_the_line(settings: Settings, script: Mapping[str, Any], place: Path, *, on_wait: OnWait | None) -> Outcome:
    """One case from its question to its outcome, and into the baseline where the settings say so."""
    path = place / "script.json"
    path.write_text(json.dumps({"default": {**SOUND, **script}}), encoding="utf-8")
    spec = replace(SPEC, environment={**SPEC.environment, SCRIPT_VARIABLE: str(path)})
    run = Run(settings, Registry((spec,)), on_wait=on_wait)
    try:
        outcome = run_case(run, CASE, TIMING, nodeid="selftest")
        run.write_baselines([outcome])
    finally:
        run.close()
    return outcome
