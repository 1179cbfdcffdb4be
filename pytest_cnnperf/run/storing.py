"""What a run writes into the baselines, and what it tells of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..baseline.entry import Entry
from ..baseline.store import Baselines, Written
from ..measuring.machine import Machine
from ..settings import Update


class Storing:
    """Writes entries into a folder of baselines, now and then, and knows what has been written so far."""

    def __init__(self, folder: Path, update: Update) -> None:
        self._folder = folder
        self._adds = update is Update.ADD
        self._written: list[Written] = []
        self._keys: set[str] = set()

    def write(self, entries: Mapping[Machine, Sequence[Entry]]) -> None:
        """Store these entries, each of the machine that measured it.

        Raises: BaselineError when nothing could be stored.
        """
        for machine, own in entries.items():
            baselines = Baselines.open(self._folder, machine)
            # Two tests may ask for the same case: its second entry is no second run.
            fresh = [entry for entry in own if entry.key not in self._keys]
            self._written.append(baselines.add(fresh) if self._adds else baselines.write(own))
            self._keys.update(entry.key for entry in own)

    @property
    def unlike(self) -> dict[str, str]:
        """Cases that could not be added to what is stored of them, and in what they differ from it."""
        return {key: names for one in self._written for key, names in one.unlike.items()}

    @property
    def words(self) -> tuple[str, ...]:
        """All that was written so far, and what was left alone."""
        return tuple(filter(None, (self._stored(), self._left_alone())))

    def _stored(self) -> str:
        files = dict.fromkeys(file for one in self._written for file in one.files)
        added, changed = (sum(getattr(one, name) for one in self._written) for name in ("added", "changed"))
        return f"{added} new and {changed} changed baseline entries in {', '.join(map(shown, files))}" if files else ""

    def _left_alone(self) -> str:
        if not self.unlike:
            return ""
        key, names = min(self.unlike.items())
        return (
            f"{len(self.unlike)} not added to what is stored of them, since that was recorded otherwise (first: {key}: "
            f"other {names}); next: --cnnperf-update with -k or another choice of these cases records them anew, and "
            "forgets their earlier runs"
        )


def shown(path: Path) -> str:
    """A path as the user would type it from here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
