"""How xdist deals our tests to its workers; imported where xdist runs only."""

from __future__ import annotations

from typing import Any

from xdist import scheduler


class _Surviving:
    """Makes xdist's schedulers by scope survive a worker that dies.

    xdist 3.8 puts everything that it ever did back on the queue, also what is complete, and the replacement that is
    given such a unit, or a single test, waits for ever; and it runs the test again that was told to have crashed.
    Source: pytest-xdist, issues 1323, 1327, 1371 and 1378.
    """

    workqueue: dict[str, dict[str, bool]]
    assigned_work: dict[Any, dict[str, dict[str, bool]]]

    def remove_node(self, node: Any) -> str | None:
        """Put back what this node has not done; returns the test that it was at, which has failed."""
        pending = _incomplete(self.assigned_work.pop(node))
        if not pending:
            return None
        crashed_at = next(iter(pending.values()))
        crashed = next(nodeid for nodeid, is_complete in crashed_at.items() if not is_complete)
        crashed_at[crashed] = True
        self.workqueue.update(_incomplete(pending))
        for other in self.assigned_work:
            self._reschedule(other)  # type: ignore[attr-defined]
        return crashed

    def schedule(self) -> None:
        """Give each worker two tests, or tell it that no more come: it runs one when it knows what follows."""
        super().schedule()  # type: ignore[misc]
        for node, units in self.assigned_work.items():
            if sum(not is_complete for unit in units.values() for is_complete in unit.values()) < 2:
                self._reschedule(node)  # type: ignore[attr-defined]


def _incomplete(units: dict[str, dict[str, bool]]) -> dict[str, dict[str, bool]]:
    return {scope: unit for scope, unit in units.items() if not all(unit.values())}


class LoadScope(_Surviving, scheduler.LoadScopeScheduling):  # type: ignore[misc]
    """``--dist loadscope``."""


class LoadFile(_Surviving, scheduler.LoadFileScheduling):  # type: ignore[misc]
    """``--dist loadfile``."""


class LoadGroup(_Surviving, scheduler.LoadGroupScheduling):  # type: ignore[misc]
    """``--dist loadgroup``."""


# ``--dist load`` deals tests out like cards: every worker would start every framework, which takes longer than many a
# case. `WorkStealingScheduling` parts the tests once, and whoever is done takes from the others.
SCHEDULERS = {
    "load": scheduler.WorkStealingScheduling,
    "loadscope": LoadScope,
    "loadfile": LoadFile,
    "loadgroup": LoadGroup,
}
