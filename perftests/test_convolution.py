"""Convolutions, layer by layer, in every framework and by every algorithm that it offers.

The paper measures AlexNet (ungrouped, 227 × 227: 62 378 344 parameters); the other networks are those of its
neighbours, soumith/convnet-benchmarks (VGG-A, OverFeat) and today's yardstick (ResNet-50). Each table in
`pytest_cnnperf.cases.networks` names its source.
"""

import pytest

from pytest_cnnperf.cases.networks import ALEXNET, OVERFEAT, RESNET_50, VGG_A


@pytest.mark.cnnperf_convolutions(ALEXNET)
def test_alexnet_convolution(cnnperf, case):
    cnnperf.check(case)


@pytest.mark.cnnperf_convolutions(VGG_A, OVERFEAT, RESNET_50, presets=("nightly", "paper"))
def test_convolution_of_other_networks(cnnperf, case):
    cnnperf.check(case)
