"""The limits of this process's control group: what a container or a batch system leaves of the machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .processor import text

_NO_LIMIT_BYTES = 1 << 60  # version 1 writes "none" as the largest multiple of a page that fits 63 bits


def cpu_quota(root: Path = Path("/")) -> float | None:
    """How many cores' time this process may use in every period; None without a limit.

    Source: cpu.max (version 2), cpu.cfs_quota_us and cpu.cfs_period_us (version 1) in the kernel's documentation.
    """
    quotas = [_ratio(*text(folder / "cpu.max").partition(" ")[::2]) for folder in _folders(root, "")]
    for folder in _folders(root, "cpu"):
        quotas.append(_ratio(text(folder / "cpu.cfs_quota_us"), text(folder / "cpu.cfs_period_us")))
    return min((quota for quota in quotas if quota is not None), default=None)


def memory_limit_bytes(root: Path = Path("/")) -> int | None:
    """How much memory this process and its children may use; None without a limit."""
    texts = [text(folder / "memory.max") for folder in _folders(root, "")]
    texts += [text(folder / "memory.limit_in_bytes") for folder in _folders(root, "memory")]
    limits = [int(each) for each in texts if each.isdigit() and int(each) < _NO_LIMIT_BYTES]
    return min(limits, default=None)


def _folders(root: Path, controller: str) -> Iterator[Path]:
    """Our group's folder and those above it; `controller` is empty for version 2.

    In a container the path may be the host's, of which only the upper end is mounted: what is not there reads as empty.
    """
    for line in text(root / "proc/self/cgroup").splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            mounts = (names, controller) if controller else ("", "unified")
            for mount in dict.fromkeys(mounts):
                top = root / "sys/fs/cgroup" / mount
                inner = Path(path.lstrip("/"))
                yield from (top / each for each in (inner, *inner.parents))


def _ratio(quota: str, period: str) -> float | None:
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None
