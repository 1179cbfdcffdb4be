"""Reads and writes that end by a deadline."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from pytest_cnnperf.host.pipes import Deadline, DeadlineExpired, PipeClosed, Pipes, StderrTail


@pytest.fixture
def pipes():
    """Pipes as the host holds them, and the child's two descriptors: what it reads and what it writes."""
    child_reads, host_writes = os.pipe()
    host_reads, child_writes = os.pipe()
    made = Pipes(os.fdopen(host_writes, "wb", 0), os.fdopen(host_reads, "rb", 0))
    with os.fdopen(child_reads, "rb", 0) as reads, os.fdopen(child_writes, "wb", 0) as writes:
        yield made, reads, writes
    made.close()


def test_bytes_that_arrive_in_pieces_are_put_together(pipes):
    made, _, writes = pipes
    writes.write(b"ab")
    writes.write(b"cdef")
    assert made.read(5, Deadline(10)) == b"abcde"
    assert made.read(1, Deadline(10)) == b"f"
    assert made.read(0, Deadline(10)) == b""


def test_a_silent_child_is_waited_for_until_the_deadline_only(pipes):
    made, _, writes = pipes
    writes.write(b"ab")
    with pytest.raises(DeadlineExpired):
        made.read(3, Deadline(0.01))


def test_a_child_that_does_not_read_is_waited_for_until_the_deadline_only(pipes):
    made, _, _ = pipes
    with pytest.raises(DeadlineExpired):
        made.write(b"x" * (8 << 20), Deadline(0.05))


def test_a_child_that_is_gone_is_told(pipes):
    made, reads, writes = pipes
    writes.close()
    reads.close()
    with pytest.raises(PipeClosed):
        made.read(1, Deadline(10))
    with pytest.raises(PipeClosed):
        made.write(b"x", Deadline(10))


def test_a_deadline_that_has_passed_is_an_error_before_any_waiting():
    with pytest.raises(DeadlineExpired):
        Deadline(0).remaining_ms()


def test_the_last_8_kib_of_stderr_are_kept():
    reads, writes = os.pipe()
    tail = StderrTail(os.fdopen(reads, "rb", 0))
    with os.fdopen(writes, "wb", 0) as stream:
        for _ in range(20):
            stream.write(b"x" * 5000)
        stream.write(b"\xff the end\n")
    text = tail.text()
    assert text.endswith("x\N{REPLACEMENT CHARACTER} the end")
    assert len(text) <= 8 << 10
    tail.close()


def test_an_interrupt_that_does_not_end_the_kernels_call_is_heard_all_the_same(pipes):
    """As one does that arrives just before that call: here another thread takes it."""
    made, _, _ = pipes

    def interrupt():
        time.sleep(0.05)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    began = time.monotonic()
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        made.read(1, Deadline(60))
    thread.join()
    assert time.monotonic() - began < 30
