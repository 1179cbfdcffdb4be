"""Functions of a C library with their argument types; a status that is not success becomes an error that names it."""

import ctypes
from typing import Any, Callable, Dict, Sequence

# Every handle, descriptor, stream and out-parameter travels as an address.
ADDRESS, SIZE, INT, FLAGS, LONG_FLAGS = (
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_uint,
    ctypes.c_ulonglong,
)

Signatures = Dict[str, Sequence[Any]]


class CallFailed(Exception):
    """A library answered something else than success; `status` is its number, `name` its own word for it."""

    def __init__(self, function: str, status: int, name: str, *, detail: str = "") -> None:
        super().__init__("%s: %s (%d)%s" % (function, name, status, ": " + detail if detail else ""))
        self.function = function
        self.status = status
        self.name = name


class Calls:
    """The functions of one library that answer a status.

    `failed(function, status)` makes the error for a status other than 0.
    Raises: MissingFunction for a library that lacks one of them.
    """

    def __init__(
        self, library: Any, signatures: Signatures, failed: "Callable[[str, int], Exception]", *, title: str
    ) -> None:
        self.functions = {}
        self.failed = failed
        for name, types in signatures.items():
            self.functions[name] = function_of(library, name, types, ctypes.c_int, title=title)

    def __call__(self, name: str, *arguments: Any) -> None:
        status = self.functions[name](*arguments)
        if status:
            raise self.failed(name, status)


class MissingFunction(Exception):
    """A library that was found is too old, or too new, for what is needed of it."""


def function_of(library: Any, name: str, types: "Sequence[Any]", answer: Any, *, title: str) -> Any:
    """This function of a library with its types.

    Raises: MissingFunction.
    """
    try:
        function = getattr(library, name)
    except AttributeError:
        raise MissingFunction(
            "%s (%s) has no function %s; expected CUDA 12 or 13 and cuDNN 8 or 9; next: %s"
            % (title, getattr(library, "_name", "?"), name, REMEDIES[title])
        ) from None
    function.argtypes = list(types)
    function.restype = answer
    return function


_INSTALL = "python -m pip install -U "
REMEDIES = {
    "cudart": _INSTALL + "nvidia-cuda-runtime",
    "cublas": _INSTALL + "nvidia-cublas",
    "cudnn": _INSTALL + "nvidia-cudnn-cu13",
    "cuda": "nvidia-smi, which comes with NVIDIA's driver",
}
