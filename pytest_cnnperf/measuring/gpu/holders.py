"""Whose a process on a GPU is: this run's, a worker's that keeps the leases, a stranger's, or not to be known here."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

# The host gives it to every worker. A worker of another run of this user waits for the lease before it computes: the
# memory that it holds meanwhile makes no GPU busy.
_WORKER_MARK = b"CNNPERF_CPUS="


@dataclass(frozen=True)
class Holders:
    """Reads /proc, in which only processes of this PID namespace stand.

    `roots` are processes whose descendants belong to this run; `inner_pids` are those that workers know themselves by
    in a container of their own.
    """

    roots: frozenset[int]
    inner_pids: frozenset[int] = frozenset()
    proc: Path = Path("/proc")

    def exists(self, pid: int) -> bool:
        """Whether a process of this number can be seen from here; NVML counts as the driver's host does."""
        return (self.proc / str(pid)).is_dir()

    def is_stranger(self, pid: int) -> bool:
        """Whether it can be seen and is nobody's of ours; one that ends at this moment is none."""
        return self.exists(pid) and not self.is_own(pid) and self.exists(pid)

    def is_own(self, pid: int) -> bool:
        """Whether it belongs to this run, or is a worker that keeps the leases."""
        return self._descends(pid) or self._is_worker(pid) or self._is_inner(pid)

    def _is_inner(self, pid: int) -> bool:
        inner = self._number(pid, "NSpid:")
        # A process that has no other number than the one here is in no container, whatever workers call themselves.
        return inner != pid and inner in self.inner_pids

    def _descends(self, pid: int) -> bool:
        seen: set[int] = set()
        ancestor: int | None = pid
        while ancestor is not None and ancestor not in seen:
            if ancestor in self.roots:
                return True
            seen.add(ancestor)
            ancestor = self._number(ancestor, "PPid:")
        return False

    def name(self, pid: int) -> str:
        """The short name of a process, "" when it is gone."""
        return _read(self.proc / str(pid) / "comm").decode(errors="replace").strip()

    def may_hold(self, uuid: str) -> tuple[int, ...]:
        """Who of ours may have memory on this GPU though NVML does not name them.

        The living workers of any run of this user that were started on it, and this process if it has loaded CUDA.
        """
        if not self.proc.is_dir():
            return tuple(self.roots)
        pids = (int(entry.name) for entry in self.proc.iterdir() if entry.name.isdecimal())
        return tuple(pid for pid in pids if self._may_hold(pid, uuid))

    def _may_hold(self, pid: int, uuid: str) -> bool:
        folder = self.proc / str(pid)
        if pid in self.roots:
            return b"libcuda.so" in _read(folder / "maps")
        # Some sandboxes do not tell the environment: then every child of ours may.
        return self._is_worker(pid, uuid=uuid) or (not _read(folder / "environ") and self._descends(pid))

    def _is_worker(self, pid: int, *, uuid: str = "") -> bool:
        variables = _read(self.proc / str(pid) / "environ").split(b"\0")
        is_marked = any(variable.startswith(_WORKER_MARK) for variable in variables)
        visible = [variable for variable in variables if variable.startswith(b"CUDA_VISIBLE_DEVICES=")]
        return is_marked and any(uuid.encode() in variable for variable in visible)

    def _number(self, pid: int, field: str) -> int | None:
        """The last number in this line of a process's status: its innermost, where there are several."""
        for line in _read(self.proc / str(pid) / "status").decode(errors="replace").splitlines():
            if line.startswith(field):
                return int(line.split()[-1])
        return None


def holders(*, session: int | None = None, inner_pids: frozenset[int] = frozenset()) -> Holders:
    """Those of this process; `session` is the process that started it together with its siblings, if there is one."""
    return Holders(frozenset({os.getpid(), session or os.getpid()}), inner_pids)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has ended, or is another user's
        return b""
