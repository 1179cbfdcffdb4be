"""Whether a finished environment can do what it was made for: its recipe's probe, run as a worker would be."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from ..frameworks.locating import install_command
from ..frameworks.recipe import Launch
from ..frameworks.shared_libraries import advice
from ..frameworks.spec import FrameworkSpec
from .failed import EnvironmentFailed
from .interpreters import clean
from .steps import FOLDER

_PATIENCE_SECONDS = 300.0
_LAST_LINES = 8


def probe(spec: FrameworkSpec, code: str, environment: Path, *, launch: Launch) -> None:
    """Run the code in the environment.

    Raises: EnvironmentFailed with its last lines, and the package of a shared library that it did not find.
    """
    script = environment / FOLDER / "probe.py"
    script.write_text(code + "\n", encoding="utf-8")
    try:
        ran = subprocess.run(
            [*launch.command, str(script)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE_SECONDS,
            env={**clean(), **spec.environment, **launch.environment},
            check=False,
        )
    except subprocess.TimeoutExpired:
        _fail(spec, f"its probe did not end within {_PATIENCE_SECONDS:.0f} s", "")
    except OSError as error:
        _fail(spec, f"{launch.command[0]} cannot be started ({error})", "")
    if ran.returncode < 0:
        _fail(spec, f"its probe was ended by {signal.Signals(-ran.returncode).name}", ran.stderr)
    elif ran.returncode > 0:
        _fail(spec, "its probe failed", ran.stderr or ran.stdout)


def _fail(spec: FrameworkSpec, why: str, written: str) -> None:
    end = "".join(f"\n    {line}" for line in written.strip().splitlines()[-_LAST_LINES:])
    library = advice(written)
    if library:
        raise EnvironmentFailed(
            f"{spec.title} was installed, but cannot start: {library}{end}\nnext: bring that library (where you may: "
            f"apt-get install), then: {install_command(spec)}"
        )
    raise EnvironmentFailed(
        f"{spec.title} was installed, but cannot start: {why}{end}\nnext: begin anew with: "
        f"cnnperf frameworks remove {spec.name} && {install_command(spec)}"
    )
