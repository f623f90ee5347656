"""ShuffleNet V2 x1.0: units that split their channels, convolve one half, and shuffle.

Ma, Zhang, Zheng, Sun: ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design,
ECCV 2018 (table 5, figure 3 c and d). 1,263,854 parameters for 3 channels and 10 classes.
"""

import torch
from torch import nn

from lemur_core.kinds.net import TRAINING, Classifier


def supported_hyperparameters():
    # Depthwise convolutions learn slowly by SGD, whose steps are the same for all.
    return TRAINING | {"optimizer": "adam", "lr": "5e-4..1e-2 log"}


def pointwise(channels_in, channels):
    return [
        nn.Conv2d(channels_in, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
    ]


def depthwise(channels, stride):
    return [
        nn.Conv2d(channels, channels, 3, stride, padding=1, groups=channels, bias=False),
        nn.BatchNorm2d(channels),
    ]


class Unit(nn.Module):
    """Figure 3 (c); with stride 2, (d), where both branches see all channels."""

    def __init__(self, channels_in, channels, stride):
        super().__init__()
        half = channels // 2
        self.splits = stride == 1
        self.shortcut = nn.Sequential()
        if not self.splits:
            self.shortcut = nn.Sequential(
                *depthwise(channels_in, stride), *pointwise(channels_in, half)
            )
        self.branch = nn.Sequential(
            *pointwise(half if self.splits else channels_in, half),
            *depthwise(half, stride),
            *pointwise(half, half),
        )

    def forward(self, x):
        kept, convolved = x.chunk(2, dim=1) if self.splits else (x, x)
        # Stacked between the halves, the channels of both come out in turn: the shuffle.
        pairs = torch.stack([self.shortcut(kept), self.branch(convolved)], dim=2)
        return pairs.flatten(1, 2)


def stage(channels_in, channels, repeats):
    rest = (Unit(channels, channels, 1) for _ in range(repeats - 1))
    return nn.Sequential(Unit(channels_in, channels, 2), *rest)


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.stem = nn.Sequential(
            nn.Conv2d(in_shape[1], 24, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(24),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        self.stages = nn.Sequential(stage(24, 116, 4), stage(116, 232, 8), stage(232, 464, 4))
        self.last = nn.Sequential(*pointwise(464, 1024))
        self.classifier = nn.Linear(1024, out_shape[0])

    def forward(self, images):
        x = self.last(self.stages(self.stem(images)))
        return self.classifier(x.mean((2, 3)))
