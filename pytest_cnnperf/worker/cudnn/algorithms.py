"""cuDNN's algorithms by name: our word and option for each, its number in the pass's enumeration, and its own name."""

from typing import Any, Dict, List, Tuple

from ..wire import NotOffered

Way = Tuple[str, str]  # algorithm, variant

_IMPLICIT, _FFT, _TILING, _WINOGRAD = "implicit_gemm", "fft", "fft_tiling", "winograd"

# Source: cudnn_ops.h of cuDNN 9.28, the enumerations cudnnConvolution{Fwd,BwdData,BwdFilter}Algo_t, without prefix.
ALGORITHMS: "Dict[str, Dict[Way, Tuple[int, str]]]" = {
    "forward": {
        (_IMPLICIT, ""): (0, "IMPLICIT_GEMM"),
        (_IMPLICIT, "precomp"): (1, "IMPLICIT_PRECOMP_GEMM"),
        ("gemm", ""): (2, "GEMM"),
        ("direct", ""): (3, "DIRECT"),
        (_FFT, ""): (4, "FFT"),
        (_TILING, ""): (5, "FFT_TILING"),
        (_WINOGRAD, ""): (6, "WINOGRAD"),
        (_WINOGRAD, "nonfused"): (7, "WINOGRAD_NONFUSED"),
    },
    "backward_data": {
        (_IMPLICIT, "algo_0"): (0, "ALGO_0"),
        (_IMPLICIT, "algo_1"): (1, "ALGO_1"),
        (_FFT, ""): (2, "FFT"),
        (_TILING, ""): (3, "FFT_TILING"),
        (_WINOGRAD, ""): (4, "WINOGRAD"),
        (_WINOGRAD, "nonfused"): (5, "WINOGRAD_NONFUSED"),
    },
    "backward_filter": {
        (_IMPLICIT, "algo_0"): (0, "ALGO_0"),
        (_IMPLICIT, "algo_1"): (1, "ALGO_1"),
        (_FFT, ""): (2, "FFT"),
        (_IMPLICIT, "algo_3"): (3, "ALGO_3"),
        (_WINOGRAD, ""): (4, "WINOGRAD"),
        (_WINOGRAD, "nonfused"): (5, "WINOGRAD_NONFUSED"),
        (_TILING, ""): (6, "FFT_TILING"),
    },
}

CHOICES = ("heuristic", "search")


class Named:
    """One algorithm of a pass: our word, cuDNN's number and cuDNN's name."""

    def __init__(self, algorithm: str, number: int, name: str) -> None:
        self.algorithm = algorithm
        self.number = number
        self.name = name


def all_of(pass_: str) -> "List[Named]":
    """Every algorithm of this pass, by number."""
    ways = ALGORITHMS[pass_].items()
    return sorted(
        (Named(way[0], number, name) for way, (number, name) in ways),
        key=lambda named: named.number,
    )


def numbered(pass_: str, number: int) -> Named:
    """The algorithm that cuDNN names by this number; one that this table does not know yet has no word of ours."""
    known = {named.number: named for named in all_of(pass_)}
    return known.get(number) or Named("unknown", number, "algorithm %d" % number)


def asked(case: Any) -> Named:
    """The algorithm that a case names.

    Raises: NotOffered that lists what this pass has.
    """
    variant = _only_option(case, "variant")
    ways = ALGORITHMS[case.pass_]
    if (case.algorithm, variant) not in ways:
        known = ", ".join(algorithm + (" variant=" + word if word else "") for algorithm, word in sorted(ways))
        got = case.algorithm + (" variant=" + variant if variant else "")
        raise NotOffered("cuDNN has no %s for %s; it has: %s" % (got, case.pass_, known))
    return Named(case.algorithm, *ways[case.algorithm, variant])


def choice(case: Any) -> str:
    """How cuDNN is to choose by itself: heuristic, or search.

    Raises: NotOffered for another word, or none.
    """
    got = _only_option(case, "choice")
    if got not in CHOICES:
        raise NotOffered("cuDNN chooses by choice=%s; got choice=%s" % (" or choice=".join(CHOICES), got or "nothing"))
    return got


def _only_option(case: Any, name: str) -> str:
    others = sorted(set(case.options) - {name})
    if others:
        raise NotOffered("cuDNN: %s has the option %s, not %s" % (case.algorithm, name, ", ".join(others)))
    return str(case.options.get(name, ""))
