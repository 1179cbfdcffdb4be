"""What a Debian mirror says of its release: believed because of https, or because of Debian's signature."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from .downloads import cache, fetch
from .failed import EnvironmentFailed

RELEASE = "bullseye"
INDEX = "main/binary-amd64/Packages.xz"
_KEYRINGS = tuple(
    Path("/usr/share/keyrings") / f"debian-archive-{name}"
    for name in ("keyring.gpg", "keyring.pgp", "removed-keys.gpg")
)
_PATIENCE_SECONDS = 60.0


def index_of(mirror: str, tell: Callable[[str], None]) -> Path:
    """The index of packages of this mirror, as its release file promises it.

    Raises: NotThereError; EnvironmentFailed for one that cannot be believed.
    """
    base = f"{mirror}/dists/{RELEASE}"
    release = fetch(f"{base}/InRelease", cache() / f"InRelease-{RELEASE}", sha256="", tell=tell)
    # What came over https, or lies on this machine, is believed; anything else only with Debian's signature.
    trusted = mirror.startswith(("https://", "file:/"))
    text = release.read_text(encoding="utf-8", errors="replace") if trusted else _signed_text(release)
    digest = re.search(rf"^ ([0-9a-f]{{64}}) +\d+ {re.escape(INDEX)}$", text, re.MULTILINE)
    if digest is None:
        raise EnvironmentFailed(f"{base}/InRelease has no SHA256 of {INDEX}")
    return fetch(f"{base}/{INDEX}", cache() / f"Packages-{RELEASE}.xz", sha256=digest[1], tell=tell)


def _signed_text(release: Path) -> str:
    """What Debian has signed of this file, and nothing that stands around it.

    Raises: EnvironmentFailed when that cannot be told.
    """
    keyrings = [f"--keyring={path}" for path in _KEYRINGS if path.is_file()]
    gpgv = shutil.which("gpgv")
    if gpgv is None or not keyrings:
        raise EnvironmentFailed(
            "it is not https, and its signature cannot be checked without gpgv and Debian's keys (apt-get install gpgv "
            "debian-archive-keyring)"
        )
    checked = subprocess.run(
        [gpgv, "--status-fd=2", *keyrings, "--output=-", str(release)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_PATIENCE_SECONDS,
        check=False,
    )
    # Its exit status is that of all signatures together; one by a key that we know is enough.
    status = checked.stderr.decode("utf-8", "replace")
    if "[GNUPG:] VALIDSIG" not in status or "[GNUPG:] BADSIG" in status or not checked.stdout:
        raise EnvironmentFailed(f"{release.name} is not signed by Debian: {status.strip()[-400:]}")
    return checked.stdout.decode("utf-8", "replace")
