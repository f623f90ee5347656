"""Removal of repeated layers before the graph of a net is captured."""

import torch
from torch import nn

from lemur_core.testing.repeats import without_repeats

INPUTS = torch.zeros(2, 4)


class Shifted(nn.Module):
    def __init__(self, shift):
        super().__init__()
        self.shift = shift
        self.linear = nn.Linear(4, 4)

    def forward(self, inputs):
        return self.linear(inputs.roll(1, 1) if self.shift else inputs)


class ByNumber(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(*(nn.Linear(4, 4) for _ in range(3)))

    def forward(self, inputs):
        return self.layers[2](inputs)


def layers(*built):
    return len(without_repeats(lambda: nn.Sequential(*built), INPUTS))


def test_a_run_of_equal_layers_becomes_one_layer():
    assert layers(nn.Linear(4, 4), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4)) == 3


def test_layers_with_other_settings_or_widths_are_not_removed():
    assert layers(Shifted(True), Shifted(False), Shifted(True)) == 3
    assert layers(nn.Linear(4, 4), nn.Linear(4, 8), nn.Linear(8, 4)) == 3
    assert layers(nn.Linear(4, 4), nn.Linear(4, 4, bias=False)) == 2
    assert layers(nn.Sequential(nn.Linear(4, 4), nn.Tanh()), nn.Sequential(nn.Linear(4, 4))) == 2


def test_repeated_layers_within_layers_are_removed():
    blocks = [nn.Sequential(Shifted(True), Shifted(True)) for _ in range(3)]
    net = without_repeats(lambda: nn.Sequential(*blocks), INPUTS)
    assert len([module for module in net.modules() if isinstance(module, Shifted)]) == 1


def test_a_net_that_indexes_its_layers_is_not_changed():
    net = without_repeats(ByNumber, INPUTS)
    assert len(net.layers) == 3
    assert not net.training
