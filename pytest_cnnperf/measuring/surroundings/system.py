"""The operating system and the GPU driver."""

from __future__ import annotations

import platform
import re
from contextlib import suppress
from pathlib import Path

from .processor import text

# "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat …", "… Open Kernel Module for x86_64  570.86.15 …"
_DRIVER = re.compile(r"Kernel Module\b.*?\s(\d+(?:\.\d+)+)\s")


def system() -> str:
    """Distribution and kernel, e.g. ``Debian GNU/Linux 12 (bookworm), Linux 6.1.0``."""
    kernel = f"{platform.system()} {platform.release()}"
    with suppress(OSError):  # no os-release: another system, or a container of nothing
        return f"{platform.freedesktop_os_release().get('PRETTY_NAME', 'unknown')}, {kernel}"
    return kernel


def gpu_driver(root: Path = Path("/")) -> str | None:
    """Version of the loaded NVIDIA kernel module, which is there without NVML too; None without one."""
    found = _DRIVER.search(text(root / "proc/driver/nvidia/version") + "\n")
    return found[1] if found else None
