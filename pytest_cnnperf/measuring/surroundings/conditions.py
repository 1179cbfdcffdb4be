"""What makes timings vary on this machine, and the command that quiets it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .cgroups import cpu_quota
from .processor import text

_CPU = "sys/devices/system/cpu"
# A share of the cores that others keep busy: they take memory bandwidth, cache and clock rate of the rest.
_BUSY_SHARE = 0.25
_STOLEN_SHARE = 0.01


@dataclass(frozen=True)
class Condition:
    """One property of the machine; `hint` says what is wrong with it, `command` what to type. Both may be empty."""

    name: str
    value: str
    hint: str = ""
    command: str = ""


def conditions(cores: int, root: Path = Path("/")) -> tuple[Condition, ...]:
    """All that can be read under `root`, on a machine with so many cores; what cannot be read is left out."""
    found = (_load(cores, root), *(each(root) for each in _EACH))
    return tuple(condition for condition in found if condition is not None)


def _load(cores: int, root: Path) -> Condition | None:
    first = text(root / "proc/loadavg").partition(" ")[0]
    if not first:
        return None
    busy = float(first) >= _BUSY_SHARE * cores
    return Condition(
        "load",
        f"{float(first):.1f} on {cores} cores in the last minute",
        "other processes take memory bandwidth, cache and clock rate" if busy else "",
        "ps -eo pcpu,pid,args --sort=-pcpu | head" if busy else "",
    )


def _quota(root: Path) -> Condition | None:
    quota = cpu_quota(root)
    if quota is None:
        return Condition("CPU quota", "none")
    return Condition(
        "CPU quota",
        f"{quota:g} cores' time a period",
        "once it is used up all threads stand still until the next period; give whole cores instead of a quota",
        "docker run --cpuset-cpus=0-1 …",
    )


def _governor(root: Path) -> Condition | None:
    paths = sorted((root / _CPU).glob("cpu[0-9]*/cpufreq/scaling_governor"))
    governors = ", ".join(sorted(set(filter(None, map(text, paths)))))
    if not governors:
        return None
    steady = governors == "performance"
    return Condition(
        "CPU governor",
        governors,
        "" if steady else "the clock rate follows the load, so the first samples run slower",
        "" if steady else "sudo cpupower frequency-set -g performance",
    )


def _boost(root: Path) -> Condition | None:
    for path, on in (("intel_pstate/no_turbo", "0"), ("cpufreq/boost", "1")):
        value = text(root / _CPU / path)
        if value:
            boosts, off = value == on, "1" if on == "0" else "0"
            return Condition(
                "boost",
                "on" if boosts else "off",
                "the clock rate depends on heat and on how many cores are busy" if boosts else "",
                f"echo {off} | sudo tee /{_CPU}/{path}" if boosts else "",
            )
    return None


def _smt(root: Path) -> Condition | None:
    active = text(root / _CPU / "smt/active")
    if not active:
        return None
    if active != "1":
        return Condition("SMT", "off")
    return Condition(
        "SMT",
        "on",
        "two leased CPUs may be one core; a neighbour on the other half slows a kernel by a third and more",
        f"echo off | sudo tee /{_CPU}/smt/control",
    )


def _stolen(root: Path) -> Condition | None:
    """Time that a virtual machine wanted and did not get. Source: the ninth word of /proc/stat's first line."""
    words = text(root / "proc/stat").partition("\n")[0].split()
    times = [int(word) for word in words[1:9]]
    if len(times) < 8 or not sum(times):
        return None
    share = times[7] / sum(times)
    return Condition(
        "stolen time",
        f"{share:.2%} since boot",
        "this virtual machine's host gives its cores to others too" if share >= _STOLEN_SHARE else "",
    )


_EACH: tuple[Callable[[Path], Condition | None], ...] = (_quota, _governor, _boost, _smt, _stolen)
