"""Where the swept memory begins: on a huge page in every process, since calls after it feel where it began."""

import numpy as np
import pytest

from pytest_cnnperf.worker import eviction, memory


def test_the_sweep_begins_on_a_huge_page_and_reads_pages_of_its_own():
    sweep = eviction.Sweep()
    assert sweep.memory.nbytes == eviction.SWEPT_BYTES
    assert sweep.memory.ctypes.data % eviction.HUGE_PAGE_BYTES == 0
    assert sweep.run() == 1


@pytest.mark.parametrize("boundary", [64, 128, 4096])
def test_an_array_begins_on_the_boundary_that_is_asked_for(boundary):
    for _ in range(10):
        array = memory.empty((3, 5), np.float32, boundary=boundary)
        assert (array.shape, array.ctypes.data % boundary) == ((3, 5), 0)
