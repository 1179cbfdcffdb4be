"""Which cuDNN algorithm a case runs: the one that it names, or cuDNN's own choice; with the workspace it needs."""

from typing import Any, List, Mapping

from ..cuda.runtime import Runtime
from ..wire import NotOffered
from . import algorithms
from .algorithms import Named
from .convolutions import Convolution, Found, Unsupported

# What is left free beside the largest workspace of a search, for what cuDNN allocates by itself.
_LEFT_FREE = 0.1


class Pick:
    """An algorithm with its workspace and math type, and how it was found: named, heuristic or search."""

    def __init__(self, named: Named, convolution: Convolution, how: str) -> None:
        self.named = named
        self.workspace_bytes = convolution.workspace_bytes(named.number)
        self.math = convolution.math
        self.how = how


def named(convolution: Convolution, case: Any) -> Pick:
    """The algorithm that the case names.

    Raises: NotOffered with cuDNN's status where it does not support it.
    """
    asked = algorithms.asked(case)
    try:
        return Pick(asked, convolution, "named")
    except Unsupported as error:
        raise NotOffered("cuDNN %s: %s" % (asked.name, error)) from error


def chosen(convolution: Convolution, case: Any, *, runtime: Runtime, addresses: "Mapping[str, int]") -> Pick:
    """cuDNN's own choice, by its heuristic or by running every algorithm on these operands.

    Raises: NotOffered with each algorithm's status where none runs.
    """
    how = algorithms.choice(case)
    if how == "heuristic":
        found = convolution.expected()
    else:
        found = _search(convolution, case, runtime, addresses)
    first = next(filter(convolution.is_allowed, found), None)
    if first is None:
        raise NotOffered("cuDNN's %s finds no algorithm: %s" % (how, _told(convolution, case, found)))
    if not convolution.is_strict:
        # Where tensor cores are allowed the entry says whether this algorithm is meant with them.
        convolution.set_math(first.math)
    return Pick(algorithms.numbered(case.pass_, first.algorithm), convolution, how)


def _search(convolution: Convolution, case: Any, runtime: Runtime, addresses: "Mapping[str, int]") -> "List[Found]":
    workspace = runtime.allocate(_largest(convolution, case, runtime), "the workspace of cuDNN's search")
    try:
        return convolution.searched(addresses, workspace)
    finally:
        workspace.free()


def _largest(convolution: Convolution, case: Any, runtime: Runtime) -> int:
    """The largest workspace of an algorithm that fits: what needs more than there is cannot win."""
    free, _ = runtime.memory_bytes()
    sizes = [0]
    for each in algorithms.all_of(case.pass_):
        try:
            sizes.append(convolution.workspace_bytes(each.number))
        except Unsupported:
            continue
    return max(size for size in sizes if size <= free * (1 - _LEFT_FREE))


def _told(convolution: Convolution, case: Any, found: "List[Found]") -> str:
    return ", ".join(
        "%s %s" % (algorithms.numbered(case.pass_, each.algorithm).name, convolution.cudnn.status_name(each.status))
        for each in found
    )
