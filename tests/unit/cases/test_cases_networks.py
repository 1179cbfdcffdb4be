"""The networks are those of their papers: parameters and work are computed from the tables and compared with print."""

from __future__ import annotations

import pytest

from pytest_cnnperf.cases.networks import ALEXNET, NETWORKS, OVERFEAT, RESNET_50, VGG_A
from pytest_cnnperf.errors import UnknownName


@pytest.mark.parametrize(
    ("network", "parameters"),
    [
        # "62 M parameters, 250 MB" (Kim et al., ISPASS 2017) fits only the ungrouped 227x227 net: 249.5 MB.
        (ALEXNET, 62_378_344),
        # 133 million: Simonyan and Zisserman, table 2, "A"; to the last digit as torchvision's vgg11.
        (VGG_A, 132_863_336),
        # Sum of the layers of Sermanet et al., table 1; the paper says 145 million (table 4).
        (OVERFEAT, 145_920_872),
        # torchvision's resnet50 has 25 557 032, of which 2 * 26 560 belong to batch normalisation.
        (RESNET_50, 25_557_032 - 2 * 26_560),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_network_has_as_many_parameters_as_its_source_says(network, parameters):
    assert network.parameters == parameters


def test_alexnet_weighs_250_megabytes():
    assert ALEXNET.parameters * 4 / 1e6 == pytest.approx(249.5, abs=0.05)


@pytest.mark.parametrize(
    ("name", "parameters", "mmacs", "y_shape"),
    # FACTS of the ungrouped net: parameters with biases, 10^6 multiply-accumulates an image, output.
    [
        ("conv1", 34_944, 105.4, (1, 96, 55, 55)),
        ("conv2", 614_656, 447.9, (1, 256, 27, 27)),
        ("conv3", 885_120, 149.5, (1, 384, 13, 13)),
        ("conv4", 1_327_488, 224.3, (1, 384, 13, 13)),
        ("conv5", 884_992, 149.5, (1, 256, 13, 13)),
    ],
)
def test_a_layer_of_alexnet_has_its_budget(name, parameters, mmacs, y_shape):
    problem = ALEXNET[name].problem
    assert problem.k * (problem.c * problem.r * problem.s + 1) == parameters
    assert problem.macs / 1e6 == pytest.approx(mmacs, abs=0.05)
    assert problem.y_shape == y_shape


def test_alexnet_spends_95_percent_of_its_work_in_convolutions():
    convolutions = sum(layer.problem.macs for layer in ALEXNET.layers)
    assert convolutions / 1e6 == pytest.approx(1076.6, abs=0.05)
    assert (ALEXNET.macs - convolutions) / 1e6 == pytest.approx(58.6, abs=0.05)


def test_skipping_the_data_gradient_of_conv1_saves_3_percent_of_a_step():
    # A step is three passes of everything: 3406 MMAC an image.
    assert ALEXNET["conv1"].problem.macs / (3 * ALEXNET.macs) == pytest.approx(0.031, abs=0.0005)


def test_resnet_50_has_53_convolutions_and_3_8_billion_multiply_accumulates():
    # He et al., table 1: 3.8e9 "FLOPs (multiply-adds)"; 49 layers on the main path, 4 projections.
    assert sum(layer.repeats for layer in RESNET_50.layers) == 49 + 4
    assert RESNET_50.macs / 1e9 == pytest.approx(3.8, abs=0.06)


@pytest.mark.parametrize("network", NETWORKS.values(), ids=lambda network: network.name)
def test_a_network_lists_each_shape_once_for_one_image_and_says_where_it_is_from(network):
    problems = [layer.problem for layer in network.layers]
    assert len(set(problems)) == len(problems)
    assert len({layer.name for layer in network.layers}) == len(problems)
    assert {problem.n for problem in problems} == {1}
    assert network.source


def test_networks_are_found_by_their_names():
    assert list(NETWORKS) == ["alexnet", "vgg_a", "overfeat", "resnet_50"]
    assert all(network.name == name for name, network in NETWORKS.items())


def test_a_layer_takes_a_batch():
    assert ALEXNET["conv2"].problem.with_batch(128).text == "n128c96h27w27k256r5s5_pad2"


def test_a_wrong_layer_name_is_answered_with_the_known_ones():
    with pytest.raises(UnknownName, match=r"AlexNet .* has no layer 'conv6'; known: conv1, conv2, conv3, conv4, conv5"):
        ALEXNET["conv6"]
