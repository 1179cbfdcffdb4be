"""Steps that are done once: each leaves a mark when it is finished, and a later attempt begins at the first without."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

FOLDER = ".steps"


class Steps:
    """The finished steps of one environment; `recipe` is the fingerprint of what is being made."""

    def __init__(self, environment: Path) -> None:
        self._marks = environment / FOLDER
        self._recipe = self._marks / "recipe"

    def belong_to(self, recipe: str) -> bool:
        """Whether what lies here was begun for this recipe."""
        try:
            return self._recipe.read_text() == recipe
        except OSError:
            return False

    def begin(self, recipe: str) -> None:
        """Note what is being made."""
        self._marks.mkdir(parents=True, exist_ok=True)
        self._recipe.write_text(recipe)

    def once(self, name: str, do: Callable[[], None]) -> None:
        """Do this step unless it is finished; an exception leaves it unfinished."""
        mark = self._marks / hashlib.sha256(name.encode()).hexdigest()[:16]
        if not mark.exists():
            do()
            mark.write_text(name + "\n")
