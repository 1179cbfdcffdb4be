"""Answers and visits as a case would make them, without noise within."""

from __future__ import annotations

from pytest_cnnperf.algorithms.checking import Check
from pytest_cnnperf.cases import Algorithm, Clock
from pytest_cnnperf.frameworks.resolved import Resolved
from pytest_cnnperf.judging.verdict import Judgement, Reason, Verdict
from pytest_cnnperf.measuring.samples import Plan, Round, Samples
from pytest_cnnperf.run.rounds import Answer
from pytest_cnnperf.run.visits import Visited


def judgement(verdict: Verdict, reason: Reason = Reason.RATIO_ABOVE_THRESHOLD) -> Judgement:
    return Judgement(verdict, reason, "so it is", baseline_ratio=1.2 if verdict is Verdict.SLOWER else 1 / 1.2)


def answer(name: str, figure: float = 1.0, *, count: int = 3, probe_ns: int = 0) -> Answer:
    ns = (round(3e6 * figure),) * count
    probes = (probe_ns,) * count if probe_ns else ()
    round_ = Round(ns, (1_000_000,) * count, ns, probe_ns=probes, quiet_ns=1000 if probe_ns else 0)
    samples = Samples(Clock.PROCESS_CPU, Plan(1, 1, "c"), (round_,), first_call_ns=1)
    check = Check(correct=True, fault=None, error_fraction=0.1, detail="")
    return Answer(check, Resolved(Algorithm.GEMM, name), 1, {}, samples=samples)


def visited(*figures: float) -> Visited:
    """One visit of one round at each of these figures, without noise within."""
    visits = tuple((answer("k", figure),) for figure in figures)
    return Visited(answer("k"), visits, began=tuple(100.0 * number for number in range(len(visits))))
