"""The figure of a case: the centre of its visits', each of which is the centre of its pairwise ratios."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .robust import centre, centre_error
from .samples import Round, Samples

# Of fewer pairs no figure is computed.
LEAST_PAIRS = 3


def figure_of(samples: Samples) -> float:
    """The figure of a case: the centre of its visits' figures.

    A visit counts once, however many samples it has: what it shares with no other (the minute, the processes) is noise
    of its own, and one visit gone astray must not decide.
    """
    return math.exp(centre(visit_logs(samples)))


def visit_logs(samples: Samples) -> tuple[float, ...]:
    """The logarithm of the figure of each visit that has usable pairs: the centre of those of its pairs' ratios.

    Source: docs/controls.md, the study of figures.
    """
    usable = ([each for each in rounds if each.is_usable] for rounds in samples.visits)
    return tuple(_centre_of(rounds) for rounds in usable if rounds)


def _centre_of(rounds: Sequence[Round]) -> float:
    """The centre of all pairs of these rounds, of which there is one at least."""
    return rounds[0].centre if len(rounds) == 1 else centre([log for each in rounds for log in each.logs])


def noise_error(rounds: Sequence[Round]) -> float:
    """Standard error of the centre of all pairs of these rounds by the noise within them; infinite for one pair.

    Each pair is taken from the centre of its own round: what rounds differ by is no noise within them.
    """
    filled = [each for each in rounds if each.workload_ns]
    if len(filled) == 1:
        return filled[0].centre_error
    return centre_error([residual for each in filled for residual in each.residuals])
