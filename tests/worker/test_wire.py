"""Frames: what goes in comes out, and what is no frame is refused."""

from __future__ import annotations

import io
import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as np_st

from pytest_cnnperf.cases import Problem
from pytest_cnnperf.worker import wire

DTYPES = st.sampled_from([np.float32, np.float64, np.int64, np.int32, np.uint8])
ARRAYS = DTYPES.flatmap(
    lambda dtype: np_st.arrays(dtype, np_st.array_shapes(min_dims=0, min_side=0, max_dims=4, max_side=4))
)


def reader(data):
    stream = io.BytesIO(data)

    def read(count):
        got = stream.read(count)
        if len(got) < count:
            raise EOFError
        return bytearray(got)

    return read


def joined(head, arrays):
    return b"".join(bytes(piece) for piece in wire.encode(head, arrays))


def framed(text):
    return struct.pack(">Q", len(text)) + text


@given(
    st.dictionaries(st.text(max_size=4), ARRAYS, max_size=3),
    st.dictionaries(st.text(max_size=4), st.integers() | st.text(), max_size=3),
)
def test_a_frame_comes_out_as_it_went_in(arrays, head):
    head.pop("arrays", None)
    got_head, got_arrays = wire.decode(reader(joined(head, arrays)))
    assert got_head == head
    assert list(got_arrays) == list(arrays)
    for name, array in arrays.items():
        assert got_arrays[name].dtype == array.dtype
        assert got_arrays[name].shape == array.shape
        assert got_arrays[name].tobytes() == array.tobytes()


def test_arrays_of_any_memory_order_travel_in_c_order_and_arrive_writable():
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    for view in (np.asfortranarray(array), array.T, array[::-1, ::2], array.astype(">f4")):
        _, arrays = wire.decode(reader(joined({}, {"a": view})))
        np.testing.assert_array_equal(arrays["a"], view)
        assert arrays["a"].flags.writeable


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"garbage of a library that prints", "a head of .* bytes"),
        (struct.pack(">Q", 0), "a head of 0 bytes"),
        (struct.pack(">Q", (16 << 20) + 1), "expected 2 to 16777216"),
        (framed(b"not json"), "is no JSON"),
        (framed(b"\xff\xfe"), "is no JSON"),
        (framed(b"[]"), "no object with a list of arrays"),
        (framed(b"{}"), "no object with a list of arrays"),
        (framed(b'{"arrays": [3]}'), "no usable name, dtype or shape"),
        (framed(b'{"arrays": [{"name": "a", "dtype": "object", "shape": [1]}]}'), "no usable name, dtype or shape"),
        (framed(b'{"arrays": [{"name": "a", "dtype": "float32", "shape": [-1]}]}'), "no usable name or shape"),
        (framed(b'{"arrays": [{"name": "a", "dtype": "float32", "shape": [true]}]}'), "no usable name or shape"),
        (framed(b'{"arrays": [{"name": "a", "dtype": "float32", "shape": [4294967296, 4]}]}'), "at most"),
    ],
)
def test_bytes_that_are_no_frame_are_a_protocol_error(data, message):
    with pytest.raises(wire.ProtocolError, match=message):
        wire.decode(reader(data))


@pytest.mark.parametrize("array", [np.array([None]), np.array(["a"]), np.zeros(1, np.complex64), np.zeros(1, bool)])
def test_an_array_outside_the_closed_list_of_dtypes_is_not_sent(array):
    with pytest.raises(wire.ProtocolError, match="has dtype"):
        wire.encode({}, {"a": array})


def test_the_case_of_the_wire_has_the_shapes_and_the_text_of_the_problem():
    problem = Problem(2, 4, 13, 12, 6, 3, 2, stride=(2, 3), pad=(0, 1), dilation=(2, 1), groups=2)
    case = wire.Case(fields(problem))
    assert (case.p, case.q) == (problem.p, problem.q)
    assert dict(case.operand_shapes) == {"dy": problem.y_shape, "w": problem.w_shape}
    assert case.result_shape == problem.x_shape
    assert case.text == f"backward_data/gemm/nchw/{problem.text}"


def test_a_case_without_a_field_names_the_field():
    without = fields(Problem(1, 1, 3, 3, 1, 1, 1))
    del without["stride"]
    with pytest.raises(wire.ProtocolError, match="stride"):
        wire.Case(without)


def fields(problem):
    words = {
        "workload": "convolution",
        "pass": "backward_data",
        "algorithm": "gemm",
        "dtype": "float32",
        "layout": "nchw",
    }
    devices = {"device_kind": "cpu", "device_count": 1, "threads": 1, "options": {}}
    sizes = {
        name: getattr(problem, name)
        for name in ("n", "c", "h", "w", "k", "r", "s", "groups", "stride", "pad", "dilation")
    }
    return json.loads(json.dumps({**words, **devices, **sizes}))
