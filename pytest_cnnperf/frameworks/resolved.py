"""What really ran, as far as it can be observed."""

from __future__ import annotations

from dataclasses import dataclass

from ..cases import Algorithm


@dataclass(frozen=True)
class Resolved:
    """The algorithm that a framework really used.

    `algorithm` is None when it could not be observed. `name` is the kernel, primitive or function, e.g.
    ``oneDNN jit:avx512_core``, or ``unknown``. `tile` is the Winograd output tile or FFT tile where there is one.
    `peak_bytes` is what the device held at most, from the operands to the end of the first call.
    Units: bytes, None when unknown.
    """

    algorithm: Algorithm | None
    name: str
    tile: int | None = None
    workspace_bytes: int | None = None
    peak_bytes: int | None = None

    def fulfils(self, asked: Algorithm | None) -> bool:
        """Whether this is what was asked for; what cannot be observed is given the benefit of the doubt."""
        return asked in (None, Algorithm.AUTO) or self.algorithm is None or self.algorithm is asked
