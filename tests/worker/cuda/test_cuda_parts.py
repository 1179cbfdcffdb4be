"""The parts of the CUDA layer: what is looked for, what an error says, the control's product, a capture that fails."""

from __future__ import annotations

import ctypes
import sys

import numpy as np
import pytest

from pytest_cnnperf.worker.cuda import calls, libraries, product
from pytest_cnnperf.worker.cuda.kernels import demangled
from pytest_cnnperf.worker.cuda.runtime import OutOfDeviceMemory, Runtime
from pytest_cnnperf.worker.cuda.timing import Timed, Timer


@pytest.fixture
def runtime(libraries):
    gpu, load = libraries()
    made = Runtime(load("cudart"))
    made.gpu = gpu
    made.start()
    return made


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """No library of CUDA, wherever it is looked for."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(libraries.loaded, "paths", lambda _fragment: [])
    monkeypatch.setattr(libraries, "NAMES", {"cudart": ("libcnnperf-no-such.so.13",)})
    return tmp_path


def test_a_library_that_is_nowhere_says_where_it_was_looked_for(nowhere):
    with pytest.raises(libraries.LibraryNotFound) as error:
        libraries.load("cudart")

    assert "neither among the libraries of this process, nor in nvidia/*/lib in the 1 folders" in str(error.value)
    assert str(nowhere) in str(error.value)
    assert str(error.value).endswith(
        "by the loader as libcnnperf-no-such.so.13; next: python -m pip install -U nvidia-cuda-runtime"
    )


def test_a_library_that_is_there_and_cannot_be_loaded_says_why(nowhere):
    file = nowhere / "nvidia" / "cu13" / "lib" / "libcnnperf-no-such.so.13"
    file.parent.mkdir(parents=True)
    file.write_text("no library")

    with pytest.raises(libraries.LibraryNotFound, match=r"cannot be loaded: .*libcnnperf-no-such.so.13: "):
        libraries.load("cudart")


def test_wheels_are_looked_through_newest_first(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    for folder, name in (("cuda_runtime", "libcudart.so.12"), ("cu13", "libcudart.so.13")):
        (tmp_path / "nvidia" / folder / "lib").mkdir(parents=True)
        (tmp_path / "nvidia" / folder / "lib" / name).touch()

    found = libraries.in_wheels("cudart")

    assert [path.rpartition("/")[2] for path in found] == ["libcudart.so.13", "libcudart.so.12"]


def test_what_the_process_has_loaded_is_known_by_its_whole_name(monkeypatch):
    maps = ["/a/libcudnn.so.9", "/a/libcudnn_ops.so.9", "/b/libcudnn-1a2b3c.so.9", "/c/libcudnnother.so"]
    monkeypatch.setattr(libraries.loaded, "paths", lambda _fragment: maps)

    assert libraries.already_loaded("cudnn") == ["/a/libcudnn.so.9", "/b/libcudnn-1a2b3c.so.9"]


def test_a_library_that_lacks_a_function_is_named_with_what_is_expected():
    with pytest.raises(calls.MissingFunction, match=r"cudnn \(None\) has no function cudnnNoSuch; expected CUDA 12 or"):
        calls.Calls(ctypes.CDLL(None), {"cudnnNoSuch": ()}, CallableError, title="cudnn")


def CallableError(function, status):  # noqa: N802 (it stands for a class)
    return calls.CallFailed(function, status, "a status")


@pytest.mark.parametrize(
    ("name", "plain"),
    # As c++filt prints them; "_Zonk" only begins like one.
    [("_ZN2at6kernelIfEEvPT_", "void at::kernel<float>(float*)"), ("sm80_fprop", "sm80_fprop"), ("_Zonk", "_Zonk")],
)
def test_a_kernels_name_is_told_as_in_its_source(name, plain):
    assert demangled(name) == plain


def test_a_function_of_a_real_library_gets_whole_addresses_and_sizes():
    signature = (calls.ADDRESS, calls.ADDRESS, calls.SIZE)
    call = calls.Calls(ctypes.CDLL(None), {"memcmp": signature}, CallableError, title="cudart")
    blocks = [ctypes.create_string_buffer(text) for text in (b"abc", b"abc", b"abd")]
    first, same, other = map(ctypes.addressof, blocks)

    # Without types an integer travels as 32 bits, and an address as half of itself.
    assert call.functions["memcmp"].argtypes == list(signature)
    call("memcmp", first, same, 3)
    with pytest.raises(calls.CallFailed, match=r"memcmp: a status \(-?1\)"):
        call("memcmp", first, other, 3)


def test_memory_goes_in_and_out_whole(runtime):
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    memory = runtime.allocate(values.nbytes, "a test")
    # Not in C order: its bytes must lie as its elements are counted.
    runtime.copy_in(memory, values.transpose(2, 0, 1))
    back = np.empty((4, 2, 3), np.float32)
    runtime.copy_out(memory, back)

    assert np.array_equal(back, values.transpose(2, 0, 1))
    with pytest.raises(ValueError, match="copy of 4 bytes; expected the block's 96"):
        runtime.copy_out(memory, np.empty(1, np.float32))


def test_memory_given_back_twice_is_given_back_once(runtime):
    free, _ = runtime.memory_bytes()
    memory = runtime.allocate(1000, "a test")
    assert runtime.memory_bytes() == (free - 1000, runtime.gpu.total_bytes)

    memory.free()
    memory.free()

    assert runtime.memory_bytes()[0] == free


def test_too_much_memory_is_said_with_its_purpose(runtime):
    with pytest.raises(
        OutOfDeviceMemory, match=rf"{1 << 50} bytes asked for a test, \d+ of {80 << 30} free; next: a sm"
    ):
        runtime.allocate(1 << 50, "a test")


def test_a_call_that_raises_while_captured_leaves_the_stream_usable(runtime, model):
    timer = Timer(runtime)

    with pytest.raises(RuntimeError, match="of the call"):
        runtime.capture(timer.stream, fail)

    again = Timed(timer, lambda: runtime.set_bytes(timer.flush.memory, 0, timer.stream))
    assert again.nanoseconds(2, "device_cold") == 2 * model.FLUSH_NS


def fail():
    raise RuntimeError("of the call")


def test_only_the_two_graphs_used_last_are_kept(runtime):
    timer = Timer(runtime)
    timed = Timed(timer, lambda: runtime.set_bytes(timer.flush.memory, 0, timer.stream))
    for count in (1, 5, 1, 6):
        timed.nanoseconds(count, "device_hot")

    assert list(timed.graphs) == [1, 6]
    assert len(runtime.gpu.graphs) == 2
    timed.close()
    assert not runtime.gpu.graphs


def test_a_timer_gives_back_all_that_it_made(runtime):
    free = runtime.gpu.free_bytes()
    timer = Timer(runtime)
    timer.pairs(3)

    timer.close()

    assert (runtime.gpu.free_bytes(), list(runtime.gpu.waiting), runtime.gpu.events) == (free, [0], {})


def test_the_first_product_of_the_control_is_in_no_capture(libraries):
    # The model's cuBLAS, as the real one may, refuses a first call that is captured.
    gpu, load = libraries()
    runtime = Runtime(load("cudart"))
    runtime.start()
    control = product.Product(runtime, load("cublas"), side=16)

    assert gpu.log == ["product"]
    assert runtime.capture(control.timer.stream, control.timed.enqueue)


def test_the_first_call_of_anything_is_in_no_capture(runtime):
    timer, log = Timer(runtime), []
    timed = Timed(timer, lambda: log.append(bool(runtime.gpu.capturing)))

    timed.nanoseconds(2, "device_hot")
    timed.nanoseconds(2, "device_hot")

    assert log == [False, True, True]


def test_the_flush_is_several_times_the_cache(runtime, model):
    assert Timer(runtime).flush.memory.size_bytes >= 4 * model.L2_BYTES


def test_the_control_computes_a_product_of_two_matrices_without_a_pattern(libraries):
    gpu, load = libraries()
    runtime = Runtime(load("cudart"))
    runtime.start()
    a, b = product.matrices(16)

    control = product.Product(runtime, load("cublas"), side=16)
    control.nanoseconds(1, "device_cold")

    # cuBLAS counts columns first, so that it has the transposes of both.
    assert np.allclose(control.output(), a.T @ b.T, rtol=1e-5)
    assert len(np.unique(a)) == a.size
    assert not np.array_equal(a, b)
    assert load("cublas").math == 2  # CUBLAS_PEDANTIC_MATH
    assert load("cublas").workspace_bytes == 32 << 20
    before = gpu.free_bytes()
    control.close()
    assert gpu.free_bytes() == before + 3 * 4 * 16 * 16 + (32 << 20)
