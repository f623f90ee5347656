"""DenseNet-121: each layer sees the maps of all layers before it in its block.

Huang, Liu, van der Maaten, Weinberger: Densely Connected Convolutional Networks, CVPR 2017
(table 1, 121 layers, growth rate 32). 6,964,106 parameters for 3 channels and 10 classes.
"""

import torch
from torch import nn
from torch.nn.functional import dropout

from lemur_core.kinds.net import TRAINING, Classifier

BLOCKS = (6, 12, 24, 16)
GROWTH = 32


def supported_hyperparameters():
    return TRAINING | {"dropout": "0..0.3"}


def activated(channels_in, channels, kernel, stride=1, padding=0):
    """A convolution of what is normalised and activated."""
    return nn.Sequential(
        nn.BatchNorm2d(channels_in),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels_in, channels, kernel, stride, padding, bias=False),
    )


class Layer(nn.Module):
    """A 1x1 and a 3x3 convolution, whose maps are appended to the input."""

    def __init__(self, channels_in, probability):
        super().__init__()
        self.bottleneck = activated(channels_in, 4 * GROWTH, 1)
        self.conv = activated(4 * GROWTH, GROWTH, 3, padding=1)
        self.dropout = probability

    def forward(self, x):
        maps = dropout(self.conv(self.bottleneck(x)), self.dropout, self.training)
        return torch.cat([x, maps], dim=1)


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.features = nn.Sequential(
            nn.Conv2d(in_shape[1], 64, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        channels = 64
        for block, layers in enumerate(BLOCKS):
            if block > 0:
                self.features.append(activated(channels, channels // 2, 1))
                self.features.append(nn.AvgPool2d(2))
                channels //= 2
            for _ in range(layers):
                self.features.append(Layer(channels, prm["dropout"]))
                channels += GROWTH
        self.head = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(channels, out_shape[0]),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
            elif isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(self, images):
        return self.head(self.features(images))
