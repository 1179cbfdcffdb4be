"""Where CUDA's libraries lie: loaded by the framework already, in NVIDIA's wheels, or where the loader looks."""

import ctypes
import glob
import os
import re
import sys
from typing import Any, List

from ..adapters import loaded
from .calls import REMEDIES

# Newest first: a wheel of CUDA 12 beside one of CUDA 13 is a remainder.
NAMES = {
    "cudart": ("libcudart.so.13", "libcudart.so.12"),
    "cublas": ("libcublas.so.13", "libcublas.so.12"),
    "cuda": ("libcuda.so.1",),
    "cudnn": ("libcudnn.so.9", "libcudnn.so.8"),
}
# Its own path does not always lead there.
_NEEDED_FIRST = {"cublas": "libcublasLt.so.*"}


class LibraryNotFound(Exception):
    """A library of CUDA is nowhere; the text says where it was looked for."""


def load(name: str) -> Any:
    """The library of this name (a key of NAMES): the very one that the process has, else the newest that is found.

    Raises: LibraryNotFound.
    """
    tried = []
    files = already_loaded(name) + in_wheels(name)
    for path in files + list(NAMES[name]):
        try:
            _load_what_it_needs(name, path)
            return ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
        except OSError as error:
            # Of names that the loader did not find nothing more is to be said.
            if path in files:
                tried.append(str(error))
    raise LibraryNotFound(_nowhere(name, tried))


def already_loaded(name: str) -> "List[str]":
    """Files of this library in this process; wheels may have put a hash into their names."""
    own_name = re.compile(r"lib%s(-[0-9a-f]+)?\.so" % name)
    return [path for path in loaded.paths("lib" + name) if own_name.match(os.path.basename(path))]


def in_wheels(name: str) -> "List[str]":
    """Files of this library in NVIDIA's wheels, newest name first; they lie in ``nvidia/cudnn/lib`` and alike."""
    folders = [folder for entry in sys.path for folder in sorted(glob.glob(os.path.join(entry, "nvidia", "*", "lib")))]
    files = [os.path.join(folder, file) for file in NAMES[name] for folder in folders]
    return list(filter(os.path.isfile, files))


def _load_what_it_needs(name: str, path: str) -> None:
    pattern = _NEEDED_FIRST.get(name)
    for other in sorted(glob.glob(os.path.join(os.path.dirname(path), pattern))) if pattern and "/" in path else ():
        ctypes.CDLL(other, mode=ctypes.RTLD_GLOBAL)


def _nowhere(name: str, tried: "List[str]") -> str:
    entries = [entry for entry in sys.path if os.path.isdir(entry)]
    return (
        "lib%s was found neither among the libraries of this process, nor in nvidia/*/lib in the %d folders of "
        "sys.path (%s), nor by the loader as %s%s; next: %s"
        % (
            name,
            len(entries),
            ", ".join(entries),
            " or ".join(NAMES[name]),
            "; what was found cannot be loaded: " + "; ".join(tried) if tried else "",
            REMEDIES[name],
        )
    )
