"""The study of controls and figures: what follows a convolution best here; docs/controls.md tells the result.

    python benchmarks/controls.py collect FILE [--neighbours 0,1,2] [--cycles 20]
    python benchmarks/controls.py table FILE

`collect` times two layers of AlexNet in every framework that is installed, a block of samples each by turns, beside
all candidates for a control, and replaces the processes every few cycles. `table` compares the figures of blocks with
each other: nothing changed in between, so a difference is noise, and a slowdown can be multiplied in.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from neighbours import busy

from pytest_cnnperf.cases import CONVOLUTION, Algorithm, Case, Pass
from pytest_cnnperf.cases.networks import ALEXNET
from pytest_cnnperf.frameworks.registry import Registry, builtin
from pytest_cnnperf.host.pool import Pool
from pytest_cnnperf.host.remote import prepare
from pytest_cnnperf.measuring.lease import cores
from pytest_cnnperf.run.question import Questions

ADAPTER = Path(__file__).parent / "studied_adapter.py"
BATCH = 4
LAYERS = (("conv2", Pass.FORWARD), ("conv4", Pass.BACKWARD_FILTER))
SAMPLES = 20
CYCLES_OF_A_PROCESS = 6
DEADLINE_SECONDS = 120.0


def studied_cases(registry: Registry) -> list[Case]:
    """Two layers by each installed framework's own choice of algorithm, by GEMM where it has none."""
    cases = []
    for name, (layer, pass_) in itertools.product(registry, LAYERS):
        spec = registry.get(name)
        offered = {offer.algorithm: offer for offer in spec.offers if pass_ in offer.passes}
        algorithm = Algorithm.AUTO if Algorithm.AUTO in offered else Algorithm.GEMM
        if registry.missing(spec) or algorithm not in offered:
            continue
        layout = offered[algorithm].layouts[0]
        problem = ALEXNET[layer].problem.with_batch(BATCH)
        cases.append(Case(name, CONVOLUTION, "alexnet", layer, problem, pass_, algorithm, layout=layout))
    return cases


def cycle(pool: Pool, registry: Registry, cases: Sequence[Case], questions: Questions) -> Iterator[tuple[str, Any]]:
    """One block of samples of every case: its name, and the readings of every sample."""
    for case in cases:
        spec = registry.get(case.framework)
        offer = spec.offer_for(case)
        assert offer is not None
        studied = replace(spec, environment={**spec.environment, "CNNPERF_STUDIED": str(spec.adapter)}, adapter=ADAPTER)
        worker = pool.worker(studied, offer, case, cpus=cores()[-1:])
        remote = prepare(worker, case, questions.ask(case, exact=False).named(case), deadline_seconds=DEADLINE_SECONDS)
        worker.request("hello", deadline_seconds=DEADLINE_SECONDS, wire=worker.hello["wire"])
        worker.request(
            "time",
            deadline_seconds=DEADLINE_SECONDS,
            samples=SAMPLES,
            warmup=2,
            repeats=1,
            control_units=1,
            clock="device_cold",
            flip=False,
        )
        log = worker.request("hello", deadline_seconds=DEADLINE_SECONDS, wire=worker.hello["wire"]).head["study"]
        remote.release()
        yield f"{case.framework} {case.layer} {case.pass_}", log[-SAMPLES:]


def collect(path: Path, neighbours: Sequence[int], cycles: int) -> None:
    """Blocks of all cases under so many neighbours, written after each condition."""
    registry = builtin().located()
    cases, questions = studied_cases(registry), Questions()
    blocks: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    for count in neighbours:
        of_count = blocks.setdefault(str(count), {})
        with ExitStack() as stack:
            stack.enter_context(busy(count))
            pool = stack.enter_context(Pool(limit=len(cases)))
            for number in range(cycles):
                if number % CYCLES_OF_A_PROCESS == 0:
                    pool.close()
                for name, samples in cycle(pool, registry, cases, questions):
                    of_count.setdefault(name, []).append({"at": time.time(), "samples": samples})
                print(f"{count} neighbours: cycle {number + 1} of {cycles}", file=sys.stderr, flush=True)
        path.write_text(json.dumps(blocks))


Block = Sequence[dict[str, Any]]
Figure = Callable[[Block], float]
# The change that a figure must show, and the share of false alarms that is allowed meanwhile.
SLOWDOWN, ALARMS = 0.05, 0.01


def of_clock(name: str, *, wall: bool = False) -> Callable[[Block], list[float]]:
    """The readings of this name: CPU time, or elapsed time."""
    return lambda block: [float(sample[name][int(wall)]) for sample in block]


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share of them lies."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    return ordered[low] + (place - low) * (ordered[min(low + 1, len(ordered) - 1)] - ordered[low])


def pairwise(control: str, *, memory: float = 0.0, share: float = 0.5) -> Figure:
    """A quantile of workload ÷ control, pair by pair; `memory` is the weight of the memory sweep in the control."""

    def figure(block: Block) -> float:
        ratios = [
            math.log(sample["workload"][0])
            - (1 - memory) * math.log(sample[control][0])
            - memory * math.log(sample["sweep"][0])
            for sample in block
        ]
        return math.exp(quantile(ratios, share))

    return figure


def apart(control: str, share: float) -> Figure:
    """A quantile of the workload ÷ the same quantile of the control."""
    workload, other = of_clock("workload"), of_clock(control)
    return lambda block: quantile(workload(block), share) / quantile(other(block), share)


def figures() -> dict[str, Figure]:
    """All that are compared, by what the table calls them."""
    wall, cpu = of_clock("workload", wall=True), of_clock("workload")
    made: dict[str, Figure] = {
        "mean of elapsed time": lambda block: statistics.fmean(wall(block)),
        "median of elapsed time": lambda block: statistics.median(wall(block)),
        "minimum of elapsed time": lambda block: min(wall(block)),
        "median of CPU time": lambda block: statistics.median(cpu(block)),
    }
    for control in ("im2col", "blend", "matmul 192", "matmul 640", "copy", "sweep"):
        made[f"median of pairs, {control}"] = pairwise(control)
    for control, share in itertools.product(("im2col", "blend", "matmul 640"), (0.0, 0.1, 0.25)):
        made[f"{share:.0%} quantile, {control}"] = apart(control, share)
    for memory in (0.1, 0.2, 0.3):
        made[f"median of pairs, im2col and {memory:.0%} sweep"] = pairwise("im2col", memory=memory)
    return made


def chosen_weight(blocks: Sequence[Block]) -> Figure:
    """The weight of the memory sweep that these blocks move least with: a choice made when a baseline is recorded."""
    candidates = [pairwise("im2col", memory=memory) for memory in (0.0, 0.1, 0.2, 0.3, 0.4)]
    return min(candidates, key=lambda figure: statistics.stdev(math.log(figure(block)) for block in blocks))


@dataclass(frozen=True)
class Quality:
    """Of one figure in one case: its spread, false alarms at 5 %, and how often +5 % is found at 1 % false alarms."""

    spread: float
    alarms: float
    found: float


def quality(values: Sequence[float]) -> Quality:
    """Every block's figure against every other's."""
    logs = [math.log(value) for value in values]
    moves = sorted(now - before for now, before in itertools.permutations(logs, 2))
    limit = quantile(moves, 1 - ALARMS)
    slower = math.log1p(SLOWDOWN)
    return Quality(
        statistics.stdev(logs),
        statistics.fmean(move > slower for move in moves),
        statistics.fmean(move + slower > limit for move in moves),
    )


def table(path: Path) -> None:
    """One line a figure and condition over all cases, the best first; then the best figure of every case."""
    for count, cases in json.loads(path.read_text()).items():
        judged: dict[str, dict[str, Quality]] = {}
        for case, readings in cases.items():
            blocks = [reading["samples"] for reading in readings]
            for name, figure in figures().items():
                judged.setdefault(name, {})[case] = quality([figure(block) for block in blocks])
            half = len(blocks) // 2
            chosen = chosen_weight(blocks[:half])
            for name, figure in (("chosen for each case", chosen), ("not chosen", pairwise("im2col"))):
                second = quality([figure(block) for block in blocks[half:]])
                judged.setdefault(f"median of pairs, im2col, sweep {name} (second half)", {})[case] = second
        print(f"\n{count} neighbours{'spread':>53} {'worst':>7} {'alarms':>7} {'found':>6}")
        for name, of_cases in sorted(judged.items(), key=lambda one: _mean(one[1].values(), "spread")):
            worst = max(one.spread for one in of_cases.values())
            means = [_mean(of_cases.values(), field) for field in ("spread", "alarms", "found")]
            print(f"{name:62} {means[0]:7.2%} {worst:7.2%} {means[1]:7.1%} {means[2]:6.0%}")
        for case in cases:
            best = min(judged, key=lambda name: judged[name][case].spread)
            ours = judged["median of pairs, im2col"][case]
            print(
                f"  {case:34} {ours.spread:6.2%}, finds {ours.found:4.0%}; best: {best} {judged[best][case].spread:.2%}"
            )


def _mean(qualities: Iterable[Quality], field: str) -> float:
    return statistics.fmean(getattr(one, field) for one in qualities)


def main() -> None:
    """Collect or print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=("collect", "table"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--neighbours", default="0,1,2", help="comma list of how many busy processes (0,1,2)")
    parser.add_argument("--cycles", type=int, default=20)
    given = parser.parse_args()
    if given.do == "table":
        table(given.file)
    else:
        collect(given.file, [int(count) for count in given.neighbours.split(",")], given.cycles)


if __name__ == "__main__":
    main()
