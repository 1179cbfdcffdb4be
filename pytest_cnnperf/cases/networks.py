"""Networks as tables of layers: the shapes that are measured, each with its source."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import UnknownName
from .problem import Problem


@dataclass(frozen=True)
class Layer:
    """A convolution of a network, for one image; `repeats` layers of the network have this shape."""

    name: str
    problem: Problem
    repeats: int = 1


@dataclass(frozen=True)
class Dense:
    """A fully-connected layer with biases."""

    name: str
    inputs: int
    outputs: int


@dataclass(frozen=True)
class Network:
    """Convolutions and fully-connected layers of a network, and where their sizes are printed.

    `biases`: whether convolutions have one bias a filter (networks with batch normalisation have none).
    """

    name: str
    title: str
    layers: tuple[Layer, ...]
    dense: tuple[Dense, ...]
    source: str
    biases: bool = True

    def __getitem__(self, name: str) -> Layer:
        """The layer of this name.

        Raises: UnknownName that lists the layers.
        """
        for layer in self.layers:
            if layer.name == name:
                return layer
        known = ", ".join(layer.name for layer in self.layers)
        raise UnknownName(f"{self.title} has no layer {name!r}; known: {known}")

    @property
    def parameters(self) -> int:
        """Weights and biases of all convolutions and fully-connected layers."""
        return sum(layer.repeats * _parameters(layer.problem, biases=self.biases) for layer in self.layers) + sum(
            (layer.inputs + 1) * layer.outputs for layer in self.dense
        )

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one forward pass of one image."""
        convolutions = sum(layer.repeats * layer.problem.macs for layer in self.layers)
        return convolutions + sum(layer.inputs * layer.outputs for layer in self.dense)


def _parameters(problem: Problem, *, biases: bool) -> int:
    return problem.k * (problem.c // problem.groups * problem.r * problem.s + biases)


def _layer(
    name: str, c: int, size: int, *, k: int, kernel: int, stride: int = 1, pad: int = 0, repeats: int = 1
) -> Layer:
    """A layer with square images and kernels."""
    return Layer(name, Problem(1, c, size, size, k, kernel, kernel, stride, pad), repeats)


ALEXNET = Network(
    "alexnet",
    "AlexNet (ungrouped, 227x227)",
    (
        _layer("conv1", 3, 227, k=96, kernel=11, stride=4),
        _layer("conv2", 96, 27, k=256, kernel=5, pad=2),
        _layer("conv3", 256, 13, k=384, kernel=3, pad=1),
        _layer("conv4", 384, 13, k=384, kernel=3, pad=1),
        _layer("conv5", 384, 13, k=256, kernel=3, pad=1),
    ),
    (Dense("fc6", 256 * 6 * 6, 4096), Dense("fc7", 4096, 4096), Dense("fc8", 4096, 1000)),
    "Krizhevsky, Sutskever, Hinton, NIPS 2012, without its groups, as 62 M parameters of Kim, Nam, Jung, Lee, "
    "ISPASS 2017 imply",
)

VGG_A = Network(
    "vgg_a",
    "VGG-A",
    (
        _layer("conv1", 3, 224, k=64, kernel=3, pad=1),
        _layer("conv2", 64, 112, k=128, kernel=3, pad=1),
        _layer("conv3", 128, 56, k=256, kernel=3, pad=1),
        _layer("conv4", 256, 56, k=256, kernel=3, pad=1),
        _layer("conv5", 256, 28, k=512, kernel=3, pad=1),
        _layer("conv6", 512, 28, k=512, kernel=3, pad=1),
        _layer("conv7", 512, 14, k=512, kernel=3, pad=1, repeats=2),
    ),
    (Dense("fc1", 512 * 7 * 7, 4096), Dense("fc2", 4096, 4096), Dense("fc3", 4096, 1000)),
    "Simonyan, Zisserman, ICLR 2015 (arXiv 1409.1556), table 1, column A; conv7 stands for conv8 too",
)

OVERFEAT = Network(
    "overfeat",
    "OverFeat (fast model)",
    (
        _layer("conv1", 3, 231, k=96, kernel=11, stride=4),
        _layer("conv2", 96, 28, k=256, kernel=5),
        _layer("conv3", 256, 12, k=512, kernel=3, pad=1),
        _layer("conv4", 512, 12, k=1024, kernel=3, pad=1),
        _layer("conv5", 1024, 12, k=1024, kernel=3, pad=1),
    ),
    (Dense("fc6", 1024 * 6 * 6, 3072), Dense("fc7", 3072, 4096), Dense("fc8", 4096, 1000)),
    "Sermanet, Eigen, Zhang, Mathieu, Fergus, LeCun, ICLR 2014 (arXiv 1312.6229), table 1",
)


def _bottleneck_stage(name: str, c: int, size: int, *, width: int, blocks: int, stride: int) -> tuple[Layer, ...]:
    """The distinct shapes of one stage; the stride is in the first 1x1 layer and in the projection."""
    out, wide = size // stride, 4 * width
    return (
        _layer(f"{name}_reduce1", c, size, k=width, kernel=1, stride=stride),
        _layer(f"{name}_conv", width, out, k=width, kernel=3, pad=1, repeats=blocks),
        _layer(f"{name}_expand", width, out, k=wide, kernel=1, repeats=blocks),
        _layer(f"{name}_project", c, size, k=wide, kernel=1, stride=stride),
        _layer(f"{name}_reduce", wide, out, k=width, kernel=1, repeats=blocks - 1),
    )


def _distinct(*layers: Layer) -> tuple[Layer, ...]:
    """One layer for each shape, named after its first, repeated as often as all of them."""
    names: dict[Problem, str] = {}
    repeats: dict[Problem, int] = {}
    for layer in layers:
        names.setdefault(layer.problem, layer.name)
        repeats[layer.problem] = repeats.get(layer.problem, 0) + layer.repeats
    return tuple(Layer(name, problem, repeats[problem]) for problem, name in names.items())


RESNET_50 = Network(
    "resnet_50",
    "ResNet-50",
    _distinct(
        _layer("conv1", 3, 224, k=64, kernel=7, stride=2, pad=3),
        *_bottleneck_stage("conv2", 64, 56, width=64, blocks=3, stride=1),
        *_bottleneck_stage("conv3", 256, 56, width=128, blocks=4, stride=2),
        *_bottleneck_stage("conv4", 512, 28, width=256, blocks=6, stride=2),
        *_bottleneck_stage("conv5", 1024, 14, width=512, blocks=3, stride=2),
    ),
    (Dense("fc", 2048, 1000),),
    "He, Zhang, Ren, Sun, CVPR 2016 (arXiv 1512.03385), table 1, stride in the first 1x1 layer of a stage",
    biases=False,
)

NETWORKS = {network.name: network for network in (ALEXNET, VGG_A, OVERFEAT, RESNET_50)}
