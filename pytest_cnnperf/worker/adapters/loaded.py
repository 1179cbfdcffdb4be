"""Which libraries this process has loaded, and what they say of themselves; for what a framework does not tell."""

import ctypes
import os

_TEXT_BYTES = 1024


def paths(fragment):
    """Paths of the loaded files whose name contains this, each once, sorted."""
    found = set()
    with open("/proc/self/maps") as maps:
        for line in maps:
            _, slash, path = line.rstrip("\n").partition("/")
            if slash and fragment in os.path.basename(path):
                found.add(slash + path)
    return sorted(found)


def openblas():
    """Version of the loaded OpenBLAS and the CPU that it chose its kernels for, e.g. ``0.3.13 Haswell``; or None."""
    configured, core = _function("openblas", "openblas_get_config"), _function("openblas", "openblas_get_corename")
    if configured is None or core is None:
        return None
    configured.restype = core.restype = ctypes.c_char_p
    words = configured().decode().split()  # OpenBLAS 0.3.13 NO_LAPACKE DYNAMIC_ARCH …
    return "%s %s" % (words[1] if len(words) > 1 else "unknown", core().decode())


def mkl():
    """Version of the loaded MKL, e.g. ``2018.0.3``; None without one that tells."""
    tell = _function("libmkl", "MKL_Get_Version_String")
    if tell is None:
        return None
    text = ctypes.create_string_buffer(_TEXT_BYTES)
    tell(text, ctypes.c_int(_TEXT_BYTES))
    words = text.value.decode().partition("Version ")[2].split()
    return words[0] if words else "unknown"


def mpi():
    """Name and version of the loaded MPI, e.g. ``Open MPI v4.1.0``; None without one that tells."""
    tell = _function("libmpi.so", "MPI_Get_library_version")
    if tell is None:
        return None
    text, length = ctypes.create_string_buffer(_TEXT_BYTES), ctypes.c_int()
    tell(text, ctypes.byref(length))
    return text.value.decode().partition(",")[0].strip()


def _function(fragment, name):
    """This function of a loaded library, or None; opening it again gives the very one that is there."""
    for path in paths(fragment):
        function = getattr(ctypes.CDLL(path), name, None)
        if function is not None:
            return function
    return None
