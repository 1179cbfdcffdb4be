"""An outcome whose numbers nobody has asked for yet.

Behind the timed calls of a test all caches are cold, and a line of Python takes ten times as long there as at the end
of a session, where the same lines serve every test. So what no verdict hangs on is reckoned when somebody asks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from ..judging.verdict import Reason, Verdict
from .outcome import Outcome

# What is known at once: it was right, and timed so often, and compared with nothing.
_KNOWN = frozenset(("nodeid", "verdict", "reason", "correct", "samples", "duration_seconds"))


class Untold(Outcome):
    """An outcome of a right answer that is compared with nothing; whoever asks for more makes it an ordinary one.

    `tell` makes that. Units: `duration_seconds` as in an outcome.
    """

    def __init__(self, tell: Callable[[], Outcome], *, nodeid: str, samples: int, duration_seconds: float) -> None:
        vars(self).update(
            _tell=tell,
            nodeid=nodeid,
            verdict=Verdict.UNKNOWN,
            reason=Reason.NOT_COMPARED,
            correct=True,
            samples=samples,
            duration_seconds=duration_seconds,
        )

    @property
    def is_told(self) -> bool:
        """No."""
        return False

    def told(self) -> Outcome:
        """This very outcome, as an ordinary one."""
        mine = vars(self)
        told = {**vars(mine["_tell"]()), "duration_seconds": mine["duration_seconds"]}
        # In an order in which an interrupt leaves an outcome that can be asked again.
        mine.update(told)
        object.__setattr__(self, "__class__", Outcome)
        del mine["_tell"]
        return self

    def but(self, **fields: Any) -> Outcome:
        """As of an ordinary one."""
        return self.told().but(**fields)

    def to_plain(self) -> dict[str, Any]:
        """As of an ordinary one."""
        return self.told().to_plain()

    def __reduce__(self) -> tuple[Any, ...]:
        return Outcome.from_plain, (self.told().to_plain(),)

    def __eq__(self, other: object) -> bool:
        return self.told() == other

    def __repr__(self) -> str:
        return repr(self.told())

    def __hash__(self) -> int:
        return hash(self.told())


def _asked_for(name: str) -> property:
    return property(lambda untold: getattr(untold.told(), name))


for _field in fields(Outcome):
    if _field.name not in _KNOWN:
        setattr(Untold, _field.name, _asked_for(_field.name))
