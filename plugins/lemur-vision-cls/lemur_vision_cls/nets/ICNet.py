"""ICNet as a classifier: an image at three resolutions, the coarser seen by the more layers.

Zhao, Qi, Shen, Shi, Jia: ICNet for Real-Time Semantic Segmentation on High-Resolution Images, ECCV
2018 (figures 2 and 3), on a ResNet-50 (v1b, D stem) of full width. Kept: the three branches, the
weights which the half and the quarter share, the pyramid pooling and both cascade feature fusions.
Left out: the label guidance of the fusions and the 1x1 convolution and enlarging at the end, for a
linear layer on the average of the last map. 47,483,178 parameters for 3 channels and 10 classes.
"""

import torch
from torch import nn
from torch.nn.functional import interpolate, relu

from lemur_core.kinds.net import TRAINING, Classifier


def supported_hyperparameters():
    return TRAINING | {"dropout": "0..0.5"}


def plain(channels_in, channels, kernel, stride=1, dilation=1):
    padding = dilation * (kernel // 2)
    return [
        nn.Conv2d(channels_in, channels, kernel, stride, padding, dilation, bias=False),
        nn.BatchNorm2d(channels),
    ]


def rectified(channels_in, channels, kernel, stride=1, dilation=1):
    return [*plain(channels_in, channels, kernel, stride, dilation), nn.ReLU(inplace=True)]


def resized(x, size):
    return interpolate(x, size, mode="bilinear", align_corners=True)


def halved(x):
    height, width = x.shape[2:]
    return resized(x, (height // 2, width // 2))


class Unit(nn.Module):
    """A bottleneck beside a shortcut, which is projected where the shape changes."""

    def __init__(self, channels_in, channels, stride, dilation):
        super().__init__()
        narrow = channels // 4
        self.bottleneck = nn.Sequential(
            *rectified(channels_in, narrow, 1),
            *rectified(narrow, narrow, 3, stride, dilation),
            *plain(narrow, channels, 1),
        )
        self.shortcut = nn.Sequential()
        if channels_in != channels:
            self.shortcut.extend(plain(channels_in, channels, 1, stride))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.relu(self.bottleneck(x) + self.shortcut(x))


def stage(channels_in, channels, repeats, stride=1, dilations=(1, 1)):
    """Return units of which the first has the first dilation, and the rest the second."""
    first, others = dilations
    rest = (Unit(channels, channels, 1, others) for _ in range(repeats - 1))
    return nn.Sequential(Unit(channels_in, channels, stride, first), *rest)


class PyramidPooling(nn.Module):
    """A map beside its averages over 1x1, 2x2, 3x3 and 6x6 parts, each with a quarter of it."""

    def __init__(self, channels):
        super().__init__()
        self.levels = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(parts), *rectified(channels, channels // 4, 1))
            for parts in (1, 2, 3, 6)
        )

    def forward(self, x):
        levels = [resized(level(x), x.shape[2:]) for level in self.levels]
        return torch.cat([x, *levels], dim=1)


class Fusion(nn.Module):
    """Cascade feature fusion: a coarse map is enlarged to a fine one and both are added."""

    def __init__(self, coarse, fine):
        super().__init__()
        self.coarse = nn.Sequential(*plain(coarse, 128, 3, dilation=2))
        self.fine = nn.Sequential(*plain(fine, 128, 1))

    def forward(self, coarse, fine):
        enlarged = resized(coarse, fine.shape[2:])
        return relu(self.coarse(enlarged) + self.fine(fine), inplace=True)


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.fine = nn.Sequential(
            *rectified(in_shape[1], 32, 3, 2), *rectified(32, 32, 3, 2), *rectified(32, 64, 3, 2)
        )
        self.middle = nn.Sequential(
            *rectified(in_shape[1], 64, 3, 2),
            *rectified(64, 64, 3),
            *rectified(64, 128, 3),
            nn.MaxPool2d(3, stride=2, padding=1),
            stage(128, 256, 3),
            stage(256, 512, 4, stride=2),
        )
        self.coarse = nn.Sequential(
            stage(512, 1024, 6, dilations=(1, 2)),
            stage(1024, 2048, 3, dilations=(2, 4)),
            PyramidPooling(2048),
            *rectified(4096, 512, 3),
            nn.Dropout(prm["dropout"]),
            *rectified(512, 256, 1),
        )
        self.narrow = nn.Sequential(*rectified(512, 256, 1))
        self.fuse_fine = Fusion(128, 64)
        self.fuse_middle = Fusion(256, 256)
        self.classifier = nn.Linear(128, out_shape[0])
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight)

    def forward(self, images):
        fine = self.fine(images)
        middle = self.middle(halved(images))
        coarse = self.coarse(halved(middle))
        x = self.fuse_middle(coarse, self.narrow(middle))
        x = self.fuse_fine(x, fine)
        return self.classifier(x.mean((2, 3)))
