"""The layers of a net are read from its modules, or it is said why they cannot be."""

from importlib import import_module

import pytest
import torch
from torch import nn

from lemur_zoo.layers import Activation, Conv, Dropout, Flatten, Linear, MaxPool, parameter_shapes
from lemur_zoo.modules import NotMadeOfLayersError, layers_of, net_of

PRM = {"dropout": 0.5, "init": "uniform", "activation": "gelu"}


def published(name, shape):
    net = import_module(f"lemur_vision_cls.nets.{name}").Net
    return net((1, *shape), (10,), PRM, torch.device("cpu"))


def test_the_small_net_of_the_zoos():
    gelu, dropout = Activation("gelu"), Dropout()
    assert layers_of(published("CNN-S", (1, 28, 28)), (1, 28, 28)) == (
        *(Conv(8, 5), MaxPool(2), gelu, dropout),
        *(Conv(6, 5), MaxPool(2), gelu, dropout),
        *(Conv(4, 2), gelu, Flatten()),
        *(Linear(20), gelu, dropout, Linear(10)),
    )


def test_the_medium_net_of_the_zoos():
    net = published("CNN-M", (3, 32, 32))
    layers = layers_of(net, (3, 32, 32))
    shapes = [tuple(parameter.shape) for parameter in net.parameters()]
    assert parameter_shapes(layers, (3, 32, 32)) == shapes
    assert [tuple(p.shape) for p in net_of(layers, (3, 32, 32)).parameters()] == shapes


def test_a_net_made_from_layers_has_these_layers():
    layers = (
        *(Conv(3, 3, stride=2, padding=1, bias=False), Activation("relu"), MaxPool(2)),
        *(Flatten(), Dropout(), Linear(4, bias=False), Activation("sigmoid"), Linear(2)),
    )
    assert layers_of(net_of(layers, (2, 9, 7)), (2, 9, 7)) == layers


def test_a_pooling_that_averages_is_not_left_out():
    with pytest.raises(NotMadeOfLayersError, match=r"'layers\.10', AdaptiveAvgPool2d"):
        layers_of(published("CNN-S", (1, 32, 32)), (1, 32, 32))


class Skipping(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        x = self.first(x.flatten(1))
        return x + self.second(x)


class Functional(Skipping):
    def forward(self, x):
        return self.second(torch.relu(self.first(x.flatten(1))))


class Unused(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(4, 4))
        self.weight = nn.Parameter(torch.zeros(1))


def twice():
    layer = nn.Linear(4, 4)
    return nn.Sequential(nn.Flatten(), layer, layer)


def flat(*modules):
    return nn.Sequential(nn.Flatten(), *modules)


@pytest.mark.parametrize(
    ("net", "reason"),
    [
        (Skipping(), "module 'first' does not get"),
        (nn.Sequential(nn.Flatten(), Functional()), "module '1.second' does not get"),
        (flat(Skipping()), "it changes what its last module returns"),
        (flat(nn.Linear(4, 4), nn.BatchNorm1d(4)), "module '2', BatchNorm1d"),
        (flat(nn.GELU(approximate="tanh"), nn.Linear(4, 2)), "module '1', GELU"),
        (Unused(), "its parameters are not those of its layers"),
        (twice(), "its parameters are not those of its layers"),
        (nn.Sequential(nn.Conv2d(1, 2, (1, 2))), "module '0', Conv2d"),
        (nn.Sequential(nn.Conv2d(1, 2, 2, padding_mode="circular", padding=1)), "'0', Conv2d"),
        (nn.Sequential(nn.MaxPool2d(2, 1)), "module '0', MaxPool2d"),
        (nn.Sequential(nn.Conv2d(1, 2, 1)), "it returns 2x2x2 numbers"),
        (flat(nn.Linear(5, 4)), "it cannot take images of 1x2x2: .*mat1 and mat2"),
    ],
)
def test_why_a_net_is_not_made_of_layers(net, reason):
    with pytest.raises(NotMadeOfLayersError, match=reason):
        layers_of(net, (1, 2, 2))


def test_reading_a_net_changes_neither_the_net_nor_the_generator():
    net = flat(nn.Dropout(), nn.Linear(4, 2)).eval()
    state = torch.get_rng_state()
    layers_of(net, (1, 2, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert not net.training
