import pytest

from pytest_cnnperf.cases.networks import ALEXNET


@pytest.mark.cnnperf_convolutions(ALEXNET)
def test_convolution(cnnperf, case):
    cnnperf.check(case)
