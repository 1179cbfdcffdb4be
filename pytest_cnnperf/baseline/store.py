"""The baselines of one machine: find, write, unused, prune."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..cases import Case, DeviceKind
from ..errors import BaselineError
from ..measuring.between_visits import Floor, RunToRun, run_floor, seen_floor
from ..measuring.machine import Machine
from . import files, spread
from .entry import Entry
from .layout import to_text
from .schema import file_name, parse

Entries = dict[str, Entry]


@dataclass(frozen=True)
class Written:
    """What a write did: the files, how many cases are new in them, and how many are otherwise than before.

    `unlike` are cases that could not be added to an entry, and in what they differ.
    """

    files: tuple[Path, ...]
    added: int
    changed: int
    unlike: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Baselines:
    """The stored entries under `directory` that belong to `machine`; a file is read when it is first needed."""

    directory: Path
    machine: Machine
    _read: dict[Path, Entries] = field(default_factory=dict, repr=False, compare=False)
    _floors: dict[str, Floor] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def open(cls, directory: Path, machine: Machine) -> Baselines:
        """The baselines of this machine; the directory need not exist."""
        return cls(directory, machine)

    def ensure_writable(self) -> None:
        """Find out before anything is measured that it could not be stored; makes the directory.

        Raises: BaselineError that says why.
        """
        with files.locked(self.directory):
            pass

    def path_for(self, key: str) -> Path:
        """The file that holds, or would hold, this case."""
        case = Case.parse(key)
        return self.directory / self.machine.slug_for(case.device_kind) / file_name(case)

    def find(self, key: str) -> Entry | None:
        """The stored entry of a case.

        Raises: BaselineError when the file that should hold it cannot be understood.
        """
        return self._entries(self.path_for(key)).get(key)

    def foreign(self, key: str) -> str | None:
        """The slug of another machine that has this case, or None; that machine's file need not be sound."""
        own = self.path_for(key)
        for path in sorted(self.directory.glob(f"*/{own.name}")):
            if path.parent != own.parent and f'"{key}": {{' in (_text_or_nothing(path)):
                return path.parent.name
        return None

    def load_all(self) -> Entries:
        """Every stored entry of this machine.

        Raises: BaselineError for the first file that cannot be understood.
        """
        return {key: entry for path in self._paths() for key, entry in self._entries(path).items()}

    def floor(self, framework: str) -> Floor:
        """What two measurements of the same thing differ by, pooled over what is stored of this framework.

        A broken file of cases does not count here: its own cases complain of it.
        Raises: BaselineError when the file of spreads cannot be understood.
        """
        if framework not in self._floors:
            paths = [path for path in self._paths() if path.name.startswith(f"{framework}.")]
            recordings = (entry.samples for path in paths for entry in self._sound_entries(path))
            self._floors[framework] = seen_floor(recordings, runs=run_floor(self._runs_of(framework)))
        return self._floors[framework]

    def _sound_entries(self, path: Path) -> list[Entry]:
        try:
            return list(self._entries(path).values())
        except BaselineError:
            return []

    def floor_of(self, case: Case) -> Floor:
        """The floor of the framework of a case; between runs that of its pass, where this has shown more."""
        floor, group = self.floor(case.framework), spread.groups_of(case)[-1]
        if group not in self._floors:
            runs = self._runs_of(group)
            self._floors[group] = (
                replace(floor, runs=max(floor.runs, run_floor(runs, prior=floor.runs))) if runs else floor
            )
        return self._floors[group]

    def _runs_of(self, group: str) -> tuple[RunToRun, ...]:
        return tuple(run for folder in self._folders() for run in spread.read(folder).get(group, ()))

    def learn(self, kind: DeviceKind, seen: Mapping[str, RunToRun]) -> Path:
        """Store what this run has shown of the spread between runs, by group of cases; returns the file.

        Raises: BaselineError as `write` does.
        """
        folder = self.directory / self.machine.slug_for(kind)
        with files.locked(self.directory):
            spread.add(folder, seen)
        self._floors.clear()
        return folder / spread.FILE_NAME

    def unused(self, seen_keys: Collection[str], *, frameworks: Collection[str]) -> tuple[str, ...]:
        """Stored cases of these frameworks that a run did not see; only a complete run may draw conclusions."""
        return tuple(
            sorted(key for key in self.load_all() if key not in seen_keys and Case.parse(key).framework in frameworks)
        )

    def write(self, entries: Iterable[Entry]) -> Written:
        """Merge entries into what the files hold at this moment; other cases in them stay as they are.

        Raises: BaselineError when a file is broken (it is not overwritten) or cannot be written.
        """
        new = self._by_path(entries)
        return self._rewrite(new.keys(), lambda path, held: {**held, **new[path]})

    def add(self, entries: Iterable[Entry]) -> Written:
        """As `write`, but an entry becomes one more run of what is stored of its case; an unlike one is left out.

        Raises: BaselineError as `write` does.
        """
        new = self._by_path(entries)
        unlike: dict[str, str] = {}

        def joined(path: Path, held: Entries) -> Entries:
            merged = dict(held)
            for key, entry in new[path].items():
                names = held[key].unlike(entry) if key in held else ""
                if names:
                    unlike[key] = names
                else:
                    merged[key] = held[key].with_run(entry) if key in held else entry
            return merged

        return replace(self._rewrite(new.keys(), joined), unlike=unlike)

    def prune(self, keys: Iterable[str]) -> Written:
        """Remove these cases; a file without cases goes too. `changed` counts what was removed.

        Raises: BaselineError as `write` does.
        """
        gone = set(keys)
        paths = {self.path_for(key) for key in gone}
        return self._rewrite(paths, lambda _, held: {key: entry for key, entry in held.items() if key not in gone})

    def _by_path(self, entries: Iterable[Entry]) -> dict[Path, Entries]:
        by_path: dict[Path, Entries] = {}
        for entry in entries:
            by_path.setdefault(self.path_for(entry.key), {})[entry.key] = entry
        return by_path

    def _rewrite(self, paths: Iterable[Path], changed: Callable[[Path, Entries], Entries]) -> Written:
        paths = sorted(paths)
        if not paths:
            return Written((), 0, 0)
        written, added, altered = [], 0, 0
        with files.locked(self.directory):
            # All is read and understood before anything is written, so that a broken file stops the whole write.
            before = {path: _load(path) for path in paths}
            for path, old in before.items():
                new = changed(path, old)
                if new != old:
                    self._put(path, new)
                    written.append(path)
                    added += len(new.keys() - old.keys())
                    altered += sum(1 for key in old if new.get(key) != old[key])
        return Written(tuple(written), added, altered)

    def _put(self, path: Path, held: Mapping[str, Entry]) -> None:
        if held:
            files.replace(path, to_text(held, self.machine))
        else:
            files.remove(path)
        self._read[path] = dict(held)
        self._floors.clear()

    def _entries(self, path: Path) -> Entries:
        if path not in self._read:
            self._read[path] = _load(path)
        return self._read[path]

    def _folders(self) -> list[Path]:
        return [self.directory / slug for slug in sorted({self.machine.slug_for(kind) for kind in DeviceKind})]

    def _paths(self) -> list[Path]:
        return [path for folder in self._folders() for path in sorted(folder.glob("*.*.json"))]


def _load(path: Path) -> Entries:
    text = files.read(path)
    return {} if text is None else parse(text, path=path)


def _text_or_nothing(path: Path) -> str:
    try:
        return files.read(path) or ""
    except BaselineError:
        return ""
