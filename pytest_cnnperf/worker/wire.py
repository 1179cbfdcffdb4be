"""Frames on the wire, and the two names that an adapter may import: Case and NotOffered."""

import json
import struct
from typing import Any, Callable, Dict, List, Tuple

import numpy as np

WIRE_VERSION = 1
MAX_HEAD_BYTES = 16 << 20
MAX_BLOCK_BYTES = 16 << 30
_LENGTH = struct.Struct(">Q")
# Blocks are little-endian whatever the machine, so that a worker may live on another one.
_DTYPES = {"float32": "<f4", "float64": "<f8", "int64": "<i8", "int32": "<i4", "uint8": "|u1"}

Arrays = Dict[str, Any]
Head = Dict[str, Any]
ReadExactly = Callable[[int], Any]


class ProtocolError(Exception):
    """Bytes or a request that this wire does not allow."""


class NotOffered(Exception):
    """The framework cannot run this case; the text says why."""


class Case:
    """The flat case object of the wire as attributes; `pass_` stands for "pass", and p, q are derived.

    Shapes: x_shape (n, c, h, w), w_shape (k, c/groups, r, s), y_shape (n, k, p, q).
    Raises: ProtocolError that names a missing field.
    """

    _NAMES = ("workload", "algorithm", "dtype", "layout", "device_kind", "device_count", "threads")
    _SIZES = ("n", "c", "h", "w", "k", "r", "s", "groups")
    _PAIRS = ("stride", "pad", "dilation")

    def __init__(self, fields: Dict[str, Any]) -> None:
        try:
            self.pass_ = fields["pass"]
            self.options = dict(fields.get("options") or {})
            for name in self._NAMES:
                setattr(self, name, fields[name])
            for name in self._SIZES:
                setattr(self, name, int(fields[name]))
            for name in self._PAIRS:
                first, second = fields[name]
                setattr(self, name, (int(first), int(second)))
        except (KeyError, TypeError, ValueError) as error:
            raise ProtocolError("case without a usable field: %r in %r" % (error, fields)) from error
        self.p = self._output_size(self.h, self.r, 0)
        self.q = self._output_size(self.w, self.s, 1)
        self.x_shape = (self.n, self.c, self.h, self.w)
        self.w_shape = (self.k, self.c // self.groups, self.r, self.s)
        self.y_shape = (self.n, self.k, self.p, self.q)

    def __getattr__(self, name: str) -> Any:
        # Only reached for a name that was never set; typed readers see every field of the wire as Any.
        raise AttributeError("a case has no field %r" % name)

    def _output_size(self, image: int, kernel: int, axis: int) -> int:
        extent = (kernel - 1) * self.dilation[axis] + 1
        return int((image + 2 * self.pad[axis] - extent) // self.stride[axis] + 1)

    @property
    def operand_shapes(self) -> "List[Tuple[str, Tuple[int, ...]]]":
        """Name and shape of the two operands of the pass, in the order of the wire."""
        x, w, y = ("x", self.x_shape), ("w", self.w_shape), ("dy", self.y_shape)
        by_pass = {"forward": [x, w], "backward_data": [y, w], "backward_filter": [x, y]}
        if self.pass_ not in by_pass:
            raise ProtocolError("pass %r; known: %s" % (self.pass_, ", ".join(sorted(by_pass))))
        return by_pass[self.pass_]

    @property
    def result_shape(self) -> "Tuple[int, ...]":
        """Shape of what the pass computes."""
        return {"forward": self.y_shape, "backward_data": self.x_shape, "backward_filter": self.w_shape}[self.pass_]

    @property
    def text(self) -> str:
        """One readable line, e.g. ``forward/gemm/nchw/n1c3h227w227k96r11s11_stride4``; the shape as in a case key."""
        parts = ["".join("%s%d" % (name, getattr(self, name)) for name in "nchwkrs")]
        for name, default in zip(self._PAIRS, ((1, 1), (0, 0), (1, 1))):
            first, second = getattr(self, name)
            if (first, second) != default:
                parts.append("%s%d" % (name, first) if first == second else "%s%dx%d" % (name, first, second))
        if self.groups != 1:
            parts.append("groups%d" % self.groups)
        return "/".join((self.pass_, self.algorithm, self.layout, "_".join(parts)))


def encode(head: Head, arrays: Arrays) -> "List[Any]":
    """The frame as a list of bytes-like pieces, to be written in order.

    Raises: ProtocolError for a dtype outside the closed list or too long a head.
    """
    blocks, described = [], []
    for name, given in arrays.items():
        array = np.asarray(given)
        if array.dtype.name not in _DTYPES:
            raise ProtocolError("array %r has dtype %s; known: %s" % (name, array.dtype, ", ".join(sorted(_DTYPES))))
        described.append({"name": name, "dtype": array.dtype.name, "shape": list(array.shape)})
        blocks.append(np.ascontiguousarray(array, dtype=_DTYPES[array.dtype.name]).reshape(-1).view(np.uint8).data)
    text = json.dumps(dict(head, arrays=described)).encode("utf-8")
    if len(text) > MAX_HEAD_BYTES:
        raise ProtocolError("head of %d bytes; the wire carries at most %d" % (len(text), MAX_HEAD_BYTES))
    return [_LENGTH.pack(len(text)) + text] + blocks


def decode(read_exactly: ReadExactly) -> "Tuple[Head, Arrays]":
    """Head and arrays of the next frame; `read_exactly(count)` returns that many bytes or raises.

    Raises: ProtocolError for anything that is not a frame.
    """
    (length,) = _LENGTH.unpack(read_exactly(_LENGTH.size))
    if not 2 <= length <= MAX_HEAD_BYTES:
        raise ProtocolError("not a frame: a head of %d bytes; expected 2 to %d" % (length, MAX_HEAD_BYTES))
    text = bytes(read_exactly(length))
    try:
        head = json.loads(text.decode("utf-8"))
    except ValueError as error:
        raise ProtocolError("not a frame: the head %r… is no JSON (%s)" % (text[:60], error)) from error
    if not isinstance(head, dict) or not isinstance(head.get("arrays"), list):
        raise ProtocolError("not a frame: the head %r… is no object with a list of arrays" % text[:60])
    described = head.pop("arrays")
    return head, {name: _read_block(read_exactly, dtype, shape) for name, dtype, shape in map(_described, described)}


def _described(entry: Any) -> "Tuple[str, str, Tuple[int, ...]]":
    try:
        name, dtype, shape = entry["name"], _DTYPES[entry["dtype"]], tuple(entry["shape"])
    except (KeyError, TypeError) as error:
        raise ProtocolError("array %r has no usable name, dtype or shape (%r)" % (entry, error)) from error
    if not isinstance(name, str) or not all(type(size) is int and size >= 0 for size in shape):
        raise ProtocolError("array %r has no usable name or shape" % (entry,))
    return name, dtype, shape


def _read_block(read_exactly: ReadExactly, dtype: str, shape: "Tuple[int, ...]") -> Any:
    count = np.dtype(dtype).itemsize
    for size in shape:
        count *= size
    if count > MAX_BLOCK_BYTES:
        raise ProtocolError(
            "array of shape %r has %d bytes; the wire carries at most %d" % (shape, count, MAX_BLOCK_BYTES)
        )
    native = np.dtype(dtype).newbyteorder("=")
    return np.frombuffer(read_exactly(count), dtype=dtype).reshape(shape).astype(native, copy=False)
