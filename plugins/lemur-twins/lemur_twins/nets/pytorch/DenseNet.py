"""DenseNet in PyTorch: a stem of stride 4, blocks whose layers read all before, a linear layer.

Huang, Liu, van der Maaten, Weinberger: Densely Connected Convolutional Networks, CVPR 2017.
``stages`` is the number of layers of each block, ``6-12-24-16`` for DenseNet121; ``width`` the
channels of the stem; ``growth`` the channels that a layer adds. DenseNet121 has 6,964,106
parameters, and 83,648 running means and variances, for 3 channels and 10 classes.
"""

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, max_pool2d, relu

from lemur_twins.backends.pytorch import PyTorchClassifier
from lemur_twins.hyperparameters import TRAINING

BOTTLENECK = 4


def supported_hyperparameters():
    return TRAINING | {"stages": "6-12-24-16", "width": 64, "growth": 32}


def layers_of(prm):
    """Yield the kind, name and input channels of each layer and transition."""
    channels, depths = prm["width"], [*map(int, prm["stages"].split("-"))]
    for stage, depth in enumerate(depths, 1):
        for number in range(1, depth + 1):
            yield "layer", f"layer{stage}_{number}", channels
            channels += prm["growth"]
        if stage < len(depths):
            yield "transition", f"transition{stage}", channels
            channels //= 2
    yield "end", "norm_end", channels


class Layer(nn.Module):
    def __init__(self, channels, growth):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, BOTTLENECK * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(BOTTLENECK * growth)
        self.conv2 = nn.Conv2d(BOTTLENECK * growth, growth, 3, padding=1, bias=False)

    def forward(self, x):
        out = self.conv2(relu(self.norm2(self.conv1(relu(self.norm1(x))))))
        return torch.cat([x, out], 1)


class Transition(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.conv = nn.Conv2d(channels, channels // 2, 1, bias=False)

    def forward(self, x):
        return avg_pool2d(self.conv(relu(self.norm(x))), 2)


class Net(PyTorchClassifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.conv = nn.Conv2d(in_shape[1], prm["width"], 7, stride=2, padding=3, bias=False)
        self.norm = nn.BatchNorm2d(prm["width"])
        self.parts = []
        for kind, name, channels in layers_of(prm):
            if kind == "layer":
                part = Layer(channels, prm["growth"])
            else:
                part = Transition(channels) if kind == "transition" else nn.BatchNorm2d(channels)
            self.add_module(name, part)
            self.parts.append(name)
        self.linear = nn.Linear(channels, out_shape[0])

    def forward(self, images):
        x = max_pool2d(relu(self.norm(self.conv(images))), 3, stride=2, padding=1)
        for name in self.parts:
            x = self.get_submodule(name)(x)
        return self.linear(relu(x).mean((2, 3)))
