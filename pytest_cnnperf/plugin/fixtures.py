"""The fixtures: each a few lines over something that stands elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from ..cases import Case, DeviceKind, Pass, Problem
from ..errors import UsageError
from .acting import act_on
from .distribution import nodeid_of
from .gpu import HELD, leased_gpus
from .markers import TimingMark, gpus_wanted
from .returning import EARLIER, come_back
from .session import OUTCOMES, Session

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..measuring.gpus import Gpu
    from ..report.outcome import Outcome


@dataclass(frozen=True)
class Cnnperf:
    """What a test asks: `check` a case of the matrix, or `time` a callable of its own."""

    item: pytest.Item
    session: Session

    def check(self, case: Case) -> Outcome:
        """Judge the result, then the speed, of one case; fails or skips the test as the verdict says.

        Raises: pytest's Failed for WRONG, SLOWER or a broken worker; Skipped where another algorithm than the asked
        one ran, its framework is not installed or has no such way, or no GPU is there.
        """
        earlier = self.item.stash.get(EARLIER, {}).pop(case.key, None)
        if earlier is not None:
            return self._finish(earlier)
        if case.device_kind is not DeviceKind.CUDA:
            return self._finish(self._run_case(case))
        with leased_gpus(self.session, self.item, case.device_count) as gpus:
            return self._finish(self._run_case(case, gpus))

    def _run_case(self, case: Case, gpus: tuple[Gpu, ...] = ()) -> Outcome:
        from ..run import Later, run_case

        timing = TimingMark.of(self.item).over(self.session.settings)
        try:
            return run_case(self.session.run, case, timing, nodeid=nodeid_of(self.item), gpus=gpus)
        except Later as later:
            come_back(self.item, later)

    def time(self, function: Callable[[], Any], *, reference: Any = None, tolerance: float = 1e-5) -> Outcome:
        """Judge what a callable returns, then its speed, in this process; fails the test as the verdict says.

        `reference` is the right answer (an array, or a callable that makes it), None for a callable without result.
        Units: tolerance is the largest error as a fraction of the largest reference value.
        """
        from ..run import callable_case, run_callable

        nodeid = nodeid_of(self.item)
        if EARLIER in self.item.stash:
            earlier = self.item.stash[EARLIER].pop(callable_case(nodeid).key, None)
            if earlier is not None:
                return self._finish(earlier)
        if self.item.stash.get(OUTCOMES, []):
            raise UsageError(
                f"cnnperf.time can be used once in a test, since its baseline is the test's: {self.item.nodeid}"
            )
        timing = TimingMark.of(self.item).over(self.session.settings)
        return self._finish(
            run_callable(
                self.session.run,
                function,
                timing,
                nodeid=nodeid,
                reference=reference,
                tolerance=tolerance,
                gpus=self.item.stash.get(HELD, ()),
            )
        )

    def _finish(self, outcome: Outcome) -> Outcome:
        self.item.stash.setdefault(OUTCOMES, []).append(outcome)
        act_on(outcome, self.session.settings)
        return outcome


@pytest.fixture
def cnnperf(request: pytest.FixtureRequest) -> Cnnperf:
    """Check a case (`cnnperf.check(case)`) or time a callable (`cnnperf.time(function, reference=…)`)."""
    return Cnnperf(request.node, request.config.stash[Session.key])


@pytest.fixture
def gpus(request: pytest.FixtureRequest) -> Iterator[tuple[Gpu, ...]]:
    """As many leased GPUs as ``@pytest.mark.gpus(n)`` says; the test is skipped where they are not to be had."""
    session = request.config.stash[Session.key]
    with leased_gpus(session, request.node, max(1, gpus_wanted(request.node))) as leased:
        yield leased


@pytest.fixture
def gpu(gpus: tuple[Gpu, ...]) -> Gpu:
    """One leased GPU; ``torch.device("cuda", gpu.index)`` and ``jax.devices("gpu")[gpu.index]`` are this one."""
    return gpus[0]


@pytest.fixture(scope="session")
def cnnperf_reference() -> Callable[[Problem, Pass, Any, Any], NDArray[Any]]:
    """The float64 truth of a convolution: ``cnnperf_reference(problem, pass_, first, second)``."""
    from ..algorithms import compute
    from ..cases import Algorithm

    def reference(problem: Problem, pass_: Pass, first: Any, second: Any) -> NDArray[Any]:
        return compute(Algorithm.DIRECT, problem, pass_, first, second)

    return reference
