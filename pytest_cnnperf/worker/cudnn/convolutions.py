"""cuDNN's legacy convolution calls on one case: descriptors, workspaces, its two ways to choose, and the pass itself.

Not yet run on a GPU; descriptors, types and numbers are checked against libcudnn 9.28.
"""

import ctypes
from typing import Any, Dict, List, Mapping, Tuple

from ..cuda.calls import ADDRESS, INT, SIZE, CallFailed, Calls, function_of

# Source: cudnn_graph.h, cudnn_ops.h and cudnn_cnn.h of cuDNN 9.28.
_FLOAT, _CROSS_CORRELATION = 0, 1
_FORMATS = {"nchw": 0, "nhwc": 1}
_TENSOR_OP_MATH, _ALLOW_CONVERSION, _FMA_MATH = 1, 2, 3
MATH = {"float32": _FMA_MATH, "tf32": _TENSOR_OP_MATH}
_MATH_NAMES = ("DEFAULT_MATH", "TENSOR_OP_MATH", "TENSOR_OP_MATH_ALLOW_CONVERSION", "FMA_MATH")
_UNSUPPORTED = frozenset((6, 9)) | frozenset(range(3000, 4000))  # two of cuDNN 8, and the family of cuDNN 9
_NO_MEMORY = frozenset((4003, 4004))
_DETAIL_BYTES = 400
_MOST_RESULTS = 32  # several math types for each of at most eight algorithms

# Names of the pass in cuDNN's functions, its two operands in their order there, and its result.
PASSES: "Dict[str, Tuple[str, Tuple[str, str], str]]" = {
    "forward": ("Forward", ("x", "w"), "y"),
    "backward_data": ("BackwardData", ("w", "dy"), "dx"),
    "backward_filter": ("BackwardFilter", ("x", "dy"), "dw"),
}

_DESCRIPTORS = ("Tensor", "Filter", "Convolution")
SIGNATURES: "Dict[str, Tuple[Any, ...]]" = {
    "cudnnCreate": (ADDRESS,),
    "cudnnDestroy": (ADDRESS,),
    "cudnnSetStream": (ADDRESS, ADDRESS),
    "cudnnScaleTensor": (ADDRESS,) * 4,
    "cudnnSetTensor4dDescriptor": (ADDRESS,) + (INT,) * 6,
    "cudnnSetFilter4dDescriptor": (ADDRESS,) + (INT,) * 6,
    "cudnnSetConvolution2dDescriptor": (ADDRESS,) + (INT,) * 8,
    "cudnnSetConvolutionMathType": (ADDRESS, INT),
    "cudnnSetConvolutionGroupCount": (ADDRESS, INT),
}
for _kind in _DESCRIPTORS:
    SIGNATURES["cudnnCreate%sDescriptor" % _kind] = (ADDRESS,)
    SIGNATURES["cudnnDestroy%sDescriptor" % _kind] = (ADDRESS,)
for _pass, _, _ in PASSES.values():
    # Each operand is a descriptor and an address; scale factors, convolution, algorithm and workspace stand between.
    SIGNATURES["cudnnConvolution" + _pass] = (ADDRESS,) * 7 + (INT, ADDRESS, SIZE) + (ADDRESS,) * 3
    SIGNATURES["cudnnGetConvolution%sWorkspaceSize" % _pass] = (ADDRESS,) * 5 + (INT, ADDRESS)
    SIGNATURES["cudnnGetConvolution%sAlgorithm_v7" % _pass] = (ADDRESS,) * 5 + (INT, ADDRESS, ADDRESS)
    SIGNATURES["cudnnFindConvolution%sAlgorithmEx" % _pass] = (ADDRESS,) * 8 + (INT, ADDRESS, ADDRESS) + (ADDRESS, SIZE)


class Unsupported(CallFailed):
    """cuDNN says that it does not support this: a hole, not a failure."""


class NoMemory(CallFailed):
    """cuDNN could not allocate what it needs beside the workspace."""


class Found(ctypes.Structure):
    """What cuDNN says of one algorithm; the three passes have the same structure, cudnnConvolution…AlgoPerf_t."""

    _fields_ = [
        ("algorithm", ctypes.c_int),
        ("status", ctypes.c_int),
        ("milliseconds", ctypes.c_float),
        ("workspace_bytes", ctypes.c_size_t),
        ("determinism", ctypes.c_int),
        ("math", ctypes.c_int),
        ("reserved", ctypes.c_int * 3),
    ]


class Cudnn:
    """The library, and after `start` its handle on a stream."""

    def __init__(self, library: Any) -> None:
        self.tell_version = function_of(library, "cudnnGetVersion", (), ctypes.c_size_t, title="cudnn")
        self.tell_error = function_of(library, "cudnnGetErrorString", (INT,), ctypes.c_char_p, title="cudnn")
        self.calls = Calls(library, SIGNATURES, self._failed, title="cudnn")
        self.tell_last = getattr(library, "cudnnGetLastErrorString", None)
        if self.tell_last is not None:
            self.tell_last.argtypes, self.tell_last.restype = [ADDRESS, SIZE], None
        self.handle: Any = None

    def start(self, stream: int) -> None:
        """Make the handle, all of whose work goes on this stream."""
        handle = ctypes.c_void_p()
        self.calls("cudnnCreate", ctypes.byref(handle))
        self.handle = handle
        try:
            self.calls("cudnnSetStream", handle, stream)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Give the handle back."""
        handle, self.handle = self.handle, None
        self.calls("cudnnDestroy", handle)

    def version(self) -> str:
        """E.g. ``9.28.1``; versions before 9 count a thousand for the first number."""
        number = self.tell_version()
        first = 10000 if number >= 90000 else 1000
        return "%d.%d.%d" % (number // first, number % first // 100, number % 100)

    def status_name(self, status: int) -> str:
        """cuDNN's own name, e.g. ``CUDNN_STATUS_NOT_SUPPORTED``."""
        return str(self.tell_error(status).decode())

    def _failed(self, function: str, status: int) -> CallFailed:
        kind = Unsupported if status in _UNSUPPORTED else NoMemory if status in _NO_MEMORY else CallFailed
        return kind(function, status, self.status_name(status), detail=self._said_last())

    def _said_last(self) -> str:
        """What cuDNN 9 has to add to its last failure, on one line; cuDNN 8 has no such function."""
        if self.tell_last is None:
            return ""
        text = ctypes.create_string_buffer(_DETAIL_BYTES)
        self.tell_last(text, _DETAIL_BYTES)
        return " ".join(text.value.decode("utf-8", "replace").split())


class Convolution:
    """The descriptors of one case, and cuDNN's calls on them; addresses come by operand name (x, w, dy, y …)."""

    def __init__(self, cudnn: Cudnn, case: Any) -> None:
        self.cudnn = cudnn
        self.name, self.operands, self.result = PASSES[case.pass_]
        self.made: "List[Tuple[str, Any]]" = []
        self.scales = (ctypes.c_float(1), ctypes.c_float(0))
        self.is_strict = case.dtype == "float32"
        try:
            self._describe(case)
        except BaseException:
            self.close()
            raise

    def _describe(self, case: Any) -> None:
        layout = _FORMATS[case.layout]
        self.convolution = self._new("Convolution")
        geometry = case.pad + case.stride + case.dilation
        set_ = self.cudnn.calls
        set_("cudnnSetConvolution2dDescriptor", self.convolution, *(geometry + (_CROSS_CORRELATION, _FLOAT)))
        set_("cudnnSetConvolutionGroupCount", self.convolution, case.groups)
        self.set_math(MATH[case.dtype])
        x, w, y = self._new("Tensor"), self._new("Filter"), self._new("Tensor")
        set_("cudnnSetTensor4dDescriptor", x, layout, _FLOAT, *case.x_shape)
        set_("cudnnSetFilter4dDescriptor", w, _FLOAT, layout, *case.w_shape)
        set_("cudnnSetTensor4dDescriptor", y, layout, _FLOAT, *case.y_shape)
        self.descriptors = {"x": x, "dx": x, "w": w, "dw": w, "y": y, "dy": y}

    def _new(self, kind: str) -> Any:
        descriptor = ctypes.c_void_p()
        self.cudnn.calls("cudnnCreate%sDescriptor" % kind, ctypes.byref(descriptor))
        self.made.append((kind, descriptor))
        return descriptor

    def set_math(self, math: int) -> None:
        """Allow or forbid tensor cores, which compute float32 as TF32."""
        self.math = math
        self.cudnn.calls("cudnnSetConvolutionMathType", self.convolution, math)

    def math_name(self) -> str:
        """cuDNN's name for what is allowed."""
        return _MATH_NAMES[self.math]

    def _shapes(self) -> "Tuple[Any, ...]":
        first, second = (self.descriptors[name] for name in self.operands)
        return (self.cudnn.handle, first, second, self.convolution, self.descriptors[self.result])

    def workspace_bytes(self, algorithm: int) -> int:
        """What this algorithm needs beside operands and result.

        Raises: Unsupported.
        """
        size = ctypes.c_size_t()
        name = "cudnnGetConvolution%sWorkspaceSize" % self.name
        self.cudnn.calls(name, *(self._shapes() + (algorithm, ctypes.byref(size))))
        return size.value

    def expected(self) -> "List[Found]":
        """All algorithms, the one first that cuDNN's heuristic expects to be fastest."""
        results, count = (Found * _MOST_RESULTS)(), ctypes.c_int()
        name = "cudnnGetConvolution%sAlgorithm_v7" % self.name
        self.cudnn.calls(name, *(self._shapes() + (_MOST_RESULTS, ctypes.byref(count), results)))
        return list(results[: count.value])

    def searched(self, addresses: "Mapping[str, int]", workspace: Any) -> "List[Found]":
        """All algorithms, the fastest first when cuDNN ran each in this workspace; it overwrites the result."""
        results, count = (Found * _MOST_RESULTS)(), ctypes.c_int()
        first, second = self.operands
        arguments = (self.cudnn.handle,) + self._placed(first, addresses) + self._placed(second, addresses)
        arguments += (self.convolution,) + self._placed(self.result, addresses)
        arguments += (_MOST_RESULTS, ctypes.byref(count), results, workspace.address, workspace.size_bytes)
        self.cudnn.calls("cudnnFindConvolution%sAlgorithmEx" % self.name, *arguments)
        return list(results[: count.value])

    def is_allowed(self, found: Found) -> bool:
        """Whether an algorithm runs, in the precision of the case."""
        return found.status == 0 and not (self.is_strict and found.math in (_TENSOR_OP_MATH, _ALLOW_CONVERSION))

    def call(self, algorithm: int, addresses: "Mapping[str, int]", workspace: Any) -> Any:
        """A call without arguments that puts the pass on the handle's stream; all that can be is done beforehand."""
        one, zero = map(ctypes.byref, self.scales)
        first, second = self.operands
        arguments = (self.cudnn.handle, one) + self._placed(first, addresses) + self._placed(second, addresses)
        arguments += (self.convolution, algorithm, workspace.address, workspace.size_bytes)
        arguments += (zero,) + self._placed(self.result, addresses)
        name, calls = "cudnnConvolution" + self.name, self.cudnn.calls
        return lambda: calls(name, *arguments)

    def scale(self, name: str, address: int, factor: float) -> None:
        """Multiply every value of x or dy in place, on the handle's stream."""
        alpha = ctypes.c_float(factor)
        self.cudnn.calls("cudnnScaleTensor", self.cudnn.handle, self.descriptors[name], address, ctypes.byref(alpha))

    def _placed(self, name: str, addresses: "Mapping[str, int]") -> "Tuple[Any, int]":
        return (self.descriptors[name], addresses[name])

    def close(self) -> None:
        """Give the descriptors back."""
        made, self.made = self.made, []
        for kind, descriptor in made:
            self.cudnn.calls("cudnnDestroy%sDescriptor" % kind, descriptor)
