"""False alarms and detections of this plugin beside pytest-benchmark's rule, on the same workload at the same time.

    python benchmarks/verdicts.py collect FILE [--neighbours 0,1,2] [--visits 60] [--frameworks torch,numpy]
    python benchmarks/verdicts.py table FILE [--compared 8 | --seconds 2]

`collect` visits one convolution of every installed framework again and again, by turns, through the plugin's own
workers, under so many busy neighbours; nothing changes in between. `table` takes so many visits in a row for a
recording and others in a row elsewhere (which may share a process with it) for a comparison with it, multiplies
slowdowns into the measured times, and asks both rules. The first third of the visits only teaches how far apart visits
lie on this machine, as a baseline's stored recordings and earlier comparisons do. pytest-benchmark is given the elapsed
times of the same calls, those of as many visits as our first look has: what its `--benchmark-compare-fail=mean:5%` and
its like would have said of them. That they lie apart in time is to its advantage. With `--seconds` a comparison has as
many visits as time no longer than that: four, eight or twelve, behind which a change may be said.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from controls import studied_cases
from neighbours import busy

from pytest_cnnperf.cases import Clock
from pytest_cnnperf.frameworks.registry import builtin
from pytest_cnnperf.judging.change import Change
from pytest_cnnperf.judging.compared import compared
from pytest_cnnperf.judging.statistics import session_level
from pytest_cnnperf.judging.verdict import Verdict
from pytest_cnnperf.measuring.between_visits import Floor, run_floor, run_to_run, seen_floor
from pytest_cnnperf.measuring.core import quiet_samples
from pytest_cnnperf.measuring.figure import figure_of
from pytest_cnnperf.measuring.samples import MOMENT_SECONDS, Plan, Round, Samples, in_visits, joined
from pytest_cnnperf.run import Run
from pytest_cnnperf.run.rounds import Asked, timed
from pytest_cnnperf.run.visits import CPU_LOOKS
from pytest_cnnperf.selftest.rates import THRESHOLD_OF_SLOWDOWN, judged_as_a_run
from pytest_cnnperf.selftest.recordings import Recording
from pytest_cnnperf.settings import QUICK, Settings, Timing

LAYER = "conv2"
VISITS_OF_A_PROCESS = 3
# As a recording makes and a comparison may, up to its second look; the first, behind four visits, takes two seconds.
RECORDED, COMPARED = CPU_LOOKS[-1], CPU_LOOKS[1]
# A baseline of two runs instead: each of as few visits as a recording may have, so many visits apart.
RECORDED_OF_TWO, VISITS_APART = RECORDED // 2, (3, 9)
SLOWDOWNS = (0.02, 0.05, 0.10)
# Neighbouring windows share most of their visits.
STRIDE = 1
PEERS: dict[str, Callable[[Sequence[float]], float]] = {
    "mean": statistics.fmean,
    "median": statistics.median,
    "min": min,
}
PEER_THRESHOLDS = (0.05, 0.10)


def collect(path: Path, neighbours: Sequence[int], *, visits: int, frameworks: Sequence[str]) -> None:
    """Visits of every framework's case under so many neighbours, written after each condition."""
    registry = builtin().located()
    cases = [case for case in studied_cases(registry) if case.layer == LAYER]
    cases = [case for case in cases if not frameworks or case.framework in frameworks]
    timing = Timing(QUICK.max_seconds, QUICK.min_samples, QUICK.max_samples, threshold=0.05)
    document: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    for count in neighbours:
        condition: dict[str, list[Any]] = {case.framework: [] for case in cases}
        run = Run(Settings(preset=QUICK), registry)
        like: dict[str, Samples] = {}
        try:
            with busy(count):
                for number in range(visits):
                    if number % VISITS_OF_A_PROCESS == 0:
                        run.renew()
                    for case in cases:
                        began = time.monotonic()
                        answer = timed(Asked(run, case, timing), like.get(case.framework))
                        assert answer.samples, answer.check.detail
                        like.setdefault(case.framework, answer.samples)
                        seconds = time.monotonic() - began
                        condition[case.framework].append({**asdict(answer.samples), "seconds": seconds})
                    print(f"{count} neighbours: visit {number + 1} of {visits}", file=sys.stderr, flush=True)
        finally:
            run.close()
        document[str(count)] = condition
        path.write_text(json.dumps(document))


def loaded(condition: dict[str, list[dict[str, Any]]]) -> dict[str, list[Samples]]:
    """The visits of each framework, which know when they began: they were made by turns."""
    found: dict[str, list[Samples]] = {framework: [] for framework in condition}
    clock = 0.0
    for turn in zip(*condition.values(), strict=True):
        for framework, plain in zip(condition, turn, strict=True):
            samples = _samples(plain)
            rounds = tuple(replace(one, at_seconds=round(clock)) for one in samples.rounds)
            found[framework].append(replace(samples, rounds=rounds))
            clock += plain["seconds"]
    return found


def _samples(plain: dict[str, Any]) -> Samples:
    """The samples whose `asdict` this is."""
    rounds = tuple(
        Round(**{name: tuple(value) if isinstance(value, list) else value for name, value in one.items()})
        for one in plain["rounds"]
    )
    return Samples(Clock(plain["clock"]), Plan(**plain["plan"]), rounds, plain["first_call_ns"])


def numbered(visits: Sequence[Samples]) -> tuple[Samples, ...]:
    """These visits as those of one measurement; what goes on at the beginning, behind the last one, is later."""
    began = [visit.rounds[0].at_seconds for visit in visits]
    gaps = [later - earlier if later >= earlier else MOMENT_SECONDS for earlier, later in itertools.pairwise(began)]
    return in_visits(visits, list(itertools.accumulate(gaps, initial=0)))


def recorded(visits: Sequence[Samples]) -> Samples:
    """What a baseline would hold of these visits."""
    return Recording(0.0, turn=0, visits=numbered(visits)).as_baseline


def slowed(samples: Samples, by: float) -> Samples:
    """The same measurement of a workload that takes so much longer."""
    rounds = tuple(
        replace(
            one,
            workload_ns=tuple(round(ns * (1 + by)) for ns in one.workload_ns),
            wall_ns=tuple(round(ns * (1 + by)) for ns in one.wall_ns),
        )
        for one in samples.rounds
    )
    return replace(samples, rounds=rounds)


def pairs(
    visits: Sequence[Samples], *, size: int = RECORDED, compared_visits: int = COMPARED
) -> Iterator[tuple[Samples, Sequence[Samples]]]:
    """A recording of so many visits, and the visits of a comparison with it that share no sample with the recording."""
    for start in range(0, len(visits) - size + 1, STRIDE):
        before = recorded(visits[start : start + size])
        others = [*visits[start + size :], *visits[:start]]
        yield from _beside(before, others, compared_visits)


def pairs_of_two(
    visits: Sequence[Samples], *, compared_visits: int = COMPARED
) -> Iterator[tuple[Samples, Sequence[Samples]]]:
    """The same, of recordings that two runs made."""
    size = RECORDED_OF_TWO
    for apart in VISITS_APART:
        for start in range(0, len(visits) - 2 * size - apart + 1, STRIDE):
            second = start + size + apart
            runs = [recorded(visits[first : first + size]) for first in (start, second)]
            rounds = tuple(replace(each, run=number) for number, run in enumerate(runs) for each in run.rounds)
            others = [*visits[second + size :], *visits[:start], *visits[start + size : second]]
            yield from _beside(replace(runs[0], rounds=rounds), others, compared_visits)


def _beside(before: Samples, others: Sequence[Samples], count: int) -> Iterator[tuple[Samples, Sequence[Samples]]]:
    for first in range(0, len(others) - count + 1, STRIDE):
        yield before, others[first : first + count]


def learned(visits: Sequence[Samples]) -> Floor:
    """What the first third of a framework's visits teaches: the spread between visits of its case, and between runs.

    As a baseline's recordings and the comparisons with them do, each framework's own; of runs a suite knows more, since
    it has some fifty cases of each.
    """
    taught = visits[: len(visits) // 3]
    recordings = [recorded(taught[start : start + RECORDED]) for start in range(len(taught) - RECORDED + 1)]
    floor = seen_floor(recordings, runs=0.0)
    # There are few: recordings of as few visits as one may have.
    changes = [_change(before, now, floor) for before, now in pairs(taught, size=RECORDED_OF_TWO)]
    seen = run_to_run([one.log_ratio for one in changes], [one.within_run for one in changes])
    return replace(floor, runs=run_floor([seen]))


def _change(before: Samples, now: Sequence[Samples], floor: Floor) -> Change:
    return compared(joined(numbered(now)), before, floor=floor).change


def our_verdict(before: Samples, visits: Sequence[Samples], *, threshold: float, floor: Floor) -> Verdict:
    """As a run of this one case comes to it."""
    return judged_as_a_run(numbered(visits), before, threshold=threshold, level=session_level(1), floor=floor).verdict


@dataclass(frozen=True)
class Row:
    """One rule on one framework: how often it cried without a change, and with each."""

    rule: str
    comparisons: int
    alarms: float
    found: tuple[float, ...]


def rows(visits: Sequence[Samples], floor: Floor, *, compared_visits: int = COMPARED) -> Iterator[Row]:
    """The peer's rules, and ours at half of each slowdown that is to be found, on what did not teach."""
    windows = list(pairs(visits[len(visits) // 3 :], compared_visits=compared_visits))
    for name, threshold in itertools.product(PEERS, PEER_THRESHOLDS):
        figure = PEERS[name]
        ratios = [figure(_wall(joined(now[: CPU_LOOKS[0]]))) / figure(_wall(before)) for before, now in windows]
        cried = [_share(ratio * (1 + by) > 1 + threshold for ratio in ratios) for by in (0.0, *SLOWDOWNS)]
        yield Row(f"pytest-benchmark {name}:{threshold:.0%}", len(windows), cried[0], tuple(cried[1:]))
    two = list(pairs_of_two(visits[len(visits) // 3 :], compared_visits=compared_visits))
    for by in SLOWDOWNS:
        threshold = THRESHOLD_OF_SLOWDOWN * by
        yield _our_row(f"cnnperf, threshold {threshold:.1%}", windows, threshold=threshold, floor=floor)
        yield _our_row(f"  the same of two runs, {threshold:.1%}", two, threshold=threshold, floor=floor)


def _our_row(name: str, windows: Sequence[tuple[Samples, Sequence[Samples]]], *, threshold: float, floor: Floor) -> Row:
    counted = [
        Counter(
            our_verdict(before, [slowed(visit, by) for visit in now], threshold=threshold, floor=floor)
            for before, now in windows
        )
        for by in (0.0, *SLOWDOWNS)
    ]
    shares = [counts[Verdict.SLOWER] / len(windows) for counts in counted]
    return Row(name, len(windows), shares[0], tuple(shares[1:]))


def noise(visits: Sequence[Samples], floor: Floor) -> str:
    """What unchanged comparisons differ by (root mean square), as we compare and beside the control alone."""
    windows = list(pairs(visits))
    alone = [math.log(figure_of(joined(numbered(now))) / figure_of(before)) for before, now in windows]
    ours = [_change(before, now, floor).log_ratio for before, now in windows]
    apart, ours_apart = (math.sqrt(statistics.fmean(log**2 for log in logs)) for logs in (alone, ours))
    taken = joined(numbered(visits))
    quiet = (quiet_samples(taken) or 0) / taken.count
    beside = f"{apart:.2%} beside the control alone"
    return f"unchanged comparisons lie {ours_apart:.2%} apart, {beside}; {quiet:.0%} of samples are quiet"


def timing_seconds(visits: Sequence[Samples]) -> float:
    """What a visit times, on average: calls, control and sweep of all its samples."""
    samples = joined(visits)
    workload = samples.plan.repeats * sum(_wall(samples))
    return (workload + samples.plan.control_units * sum(samples.control_ns) + sum(samples.sweep_ns)) / len(visits) / 1e9


def visits_within(visits: Sequence[Samples], seconds: float) -> int:
    """As many visits as time no longer than that and have a look behind them; those of the first look at least."""
    fitting = (look for look in CPU_LOOKS if look * timing_seconds(visits) <= seconds)
    return max(fitting, default=CPU_LOOKS[0])


def _wall(samples: Samples) -> list[float]:
    return [ns for one in samples.rounds for ns in one.wall_ns]


def _share(truths: Iterator[bool]) -> float:
    return statistics.fmean(truths)


def table(path: Path, *, compared_visits: Callable[[Sequence[Samples]], int]) -> None:
    """Print one line a rule, framework and condition, of comparisons of so many visits as is said of these."""
    document = json.loads(path.read_text())
    print(f"{'neighbours':10} {'framework':11} {'rule':28} {'n':>5} {'false alarms':>12}", end="")
    print("".join(f" {'+' + format(by, '.0%'):>6}" for by in SLOWDOWNS))
    for condition, plain in document.items():
        for framework, visits in loaded(plain).items():
            floor, count = learned(visits), compared_visits(visits)
            seconds = count * timing_seconds(visits)
            print(f"{condition:10} {framework:11} {noise(visits, floor)}; {count} visits time {seconds:.2f} s")
            for row in rows(visits, floor, compared_visits=count):
                print(f"{condition:10} {framework:11} {row.rule:28} {row.comparisons:5} {row.alarms:12.1%}", end="")
                print("".join(f" {share:6.0%}" for share in row.found), flush=True)


def main() -> None:
    """Collect or print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=("collect", "table"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--neighbours", default="0,1,2", help="comma list of how many busy processes (0,1,2)")
    parser.add_argument("--visits", type=int, default=60, help="45 give 209 comparisons, 60 give 609")
    parser.add_argument("--frameworks", default="", help="comma list (all that are installed)")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--compared", type=int, default=COMPARED, help="visits of a comparison (%(default)s)")
    size.add_argument("--seconds", type=float, help="as many visits as time no longer than that")
    given = parser.parse_args()
    if given.do == "table":
        table(
            given.file,
            compared_visits=lambda visits: visits_within(visits, given.seconds) if given.seconds else given.compared,
        )
        return
    neighbours = [int(count) for count in given.neighbours.split(",")]
    frameworks = given.frameworks.split(",") if given.frameworks else ()
    collect(given.file, neighbours, visits=given.visits, frameworks=frameworks)


if __name__ == "__main__":
    main()
