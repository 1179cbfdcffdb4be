"""What oneDNN says that it runs: its verbose lines, caught on fd 1 around one untimed call, as a word of ours."""

import contextlib
import os
import re
import sys
import tempfile

# How an implementation's name begins, behind what only wraps it. brg* is batch-reduce GEMM: it reads the image in
# place, so it is a GEMM without im2col. `gemm` unfolds; `ip` is the inner product of a filter as large as its image.
_WORDS = (
    ("brg", "implicit_gemm"),
    ("brdgmm", "implicit_gemm"),
    ("indirect_gemm", "implicit_gemm"),
    ("gemm", "gemm"),
    ("ip", "gemm"),
    ("wino", "winograd"),
    ("jit", "direct"),
    ("ref", "direct"),
)
_LINE = re.compile(r"onednn_verbose,[^,]*,primitive,(?:exec|create[^,]*),[^,]*,convolution,([^,]+),")
_WRAPPERS = ("jit_uni_ncsp_convolution:conv+", "x64:")


@contextlib.contextmanager
def caught_output():
    """A list that holds the lines written to fd 1 inside, once outside; C code is caught too."""
    lines = []
    sys.stdout.flush()
    kept = os.dup(1)
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 1)
        try:
            yield lines
        finally:
            sys.stdout.flush()
            os.dup2(kept, 1)
            os.close(kept)
            caught.seek(0)
            lines.extend(caught.read().decode("utf-8", "replace").splitlines())


def implementations(lines):
    """Names of the convolution primitives among verbose lines, each once, in order.

    Source: oneDNN's header, ``onednn_verbose,v1,primitive,info,template:operation,engine,primitive,implementation,…``.
    """
    names = []
    for line in lines:
        match = _LINE.match(line)
        if match and match.group(1) not in names:
            names.append(match.group(1))
    return names


def word(implementation):
    """The algorithm of an implementation, e.g. direct for ``jit:avx512_core``; None for a name not known here."""
    for wrapper in _WRAPPERS:
        if implementation.startswith(wrapper):
            implementation = implementation[len(wrapper) :]
    for beginning, algorithm in _WORDS:
        if implementation.startswith(beginning):
            return algorithm
    return None


def resolved(names):
    """The resolved algorithm for these implementations; None when there are none."""
    if not names:
        return None
    words = {word(name) for name in names}
    algorithm = words.pop() if len(words) == 1 else None
    return {"algorithm": algorithm, "name": "oneDNN " + " + ".join(names), "tile": None, "workspace_bytes": None}
