"""What a case is asked, and what the right answer is: operands and their float64 reference, made once and shared."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..algorithms.checking import Check, Reference, reference
from ..algorithms.operands import operands
from ..cases import Case, Pass, Problem
from ..frameworks.resolved import Resolved

_CACHE_BYTES = 512 * 2**20
_SEED = 2017
OPERAND_NAMES = {
    Pass.FORWARD: ("x", "w"),
    Pass.BACKWARD_DATA: ("dy", "w"),
    Pass.BACKWARD_FILTER: ("x", "dy"),
}


@dataclass(frozen=True)
class Question:
    """Two operands and the reference of their convolution.

    Shapes: by pass, forward x and w, backward_data dy and w, backward_filter x and dy, all NCHW / KCRS float32.
    """

    operands: tuple[NDArray[np.float32], NDArray[np.float32]]
    reference: Reference

    def named(self, case: Case) -> dict[str, NDArray[np.float32]]:
        """The operands by the names that the wire gives them."""
        assert case.pass_ is not None
        return dict(zip(OPERAND_NAMES[case.pass_], self.operands, strict=True))

    def check(self, output: NDArray[Any], case: Case, *, resolved: Resolved, negated: bool = False) -> Check:
        """Whether this output answers the question, judged by the bound of the algorithm that really ran."""
        return self.reference.check(
            output,
            algorithm=resolved.algorithm or case.algorithm,
            dtype=case.dtype,
            tile=resolved.tile,
            negated=negated,
        )


class Questions:
    """Questions by problem, pass and kind of values; the least recently asked are forgotten first."""

    def __init__(self, cache_bytes: int = _CACHE_BYTES) -> None:
        self._cache_bytes = cache_bytes
        self._kept: OrderedDict[tuple[Problem, Pass, bool], Question] = OrderedDict()

    def ask(self, case: Case, *, exact: bool) -> Question:
        """The question of this case; `exact` asks in small integers whose sums have no rounding."""
        assert case.problem is not None
        assert case.pass_ is not None
        name = (case.problem, case.pass_, exact)
        if name not in self._kept:
            pair = operands(case.problem, case.pass_, exact=exact, seed=_SEED)
            self._kept[name] = Question(pair, reference(case.problem, case.pass_, *pair, exact=exact, seed=_SEED))
        self._kept.move_to_end(name)
        question = self._kept[name]
        while len(self._kept) > 1 and self._size_bytes() > self._cache_bytes:
            self._kept.popitem(last=False)
        return question

    def _size_bytes(self) -> int:
        return sum(array.nbytes for question in self._kept.values() for array in question.operands)
