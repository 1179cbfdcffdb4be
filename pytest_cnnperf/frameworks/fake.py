"""The fake framework: every algorithm, scripted nanoseconds; for tests of the plugin."""

from __future__ import annotations

import os

from ..cases import Algorithm
from .spec import FrameworkSpec, Offer, adapter_file

SCRIPT_VARIABLE = "CNNPERF_FAKE_SCRIPT"

SPEC = FrameworkSpec(
    name="fake",
    title="Fake",
    adapter=adapter_file("fake"),
    install=f"export {SCRIPT_VARIABLE}=script.json",
    modules=("numpy",),
    offers=tuple(Offer(algorithm) for algorithm in Algorithm),
)


def is_scripted() -> bool:
    """Whether a script is set; without one the fake framework is not known."""
    return bool(os.environ.get(SCRIPT_VARIABLE))
