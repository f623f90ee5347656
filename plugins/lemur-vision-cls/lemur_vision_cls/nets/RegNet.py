"""RegNetY-400MF: bottlenecks with squeeze-and-excitation, their widths on a quantised line.

Radosavovic, Kosaraju, Girshick, He, Dollar: Designing Network Design Spaces, CVPR 2020 (table 4 and
figure 11, RegNetY-400MF). 3,907,554 parameters for 3 channels and 10 classes.
"""

from math import sqrt

from torch import nn
from torch.nn.functional import relu

from lemur_core.kinds.net import TRAINING, Classifier

# Of each stage: width, blocks.
STAGES = ((48, 1), (104, 3), (208, 6), (440, 6))
GROUP_WIDTH = 8


def supported_hyperparameters():
    return TRAINING


class SqueezeExcitation(nn.Module):
    """Scales each channel by what the means of all of them say."""

    def __init__(self, channels, squeezed):
        super().__init__()
        self.scale = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.ReLU(),
            nn.Conv2d(squeezed, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.scale(x) * x


class Block(nn.Module):
    """1x1, grouped 3x3, excitation, 1x1; beside a shortcut, projected where the shape changes."""

    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.shortcut = nn.Sequential()
        if stride != 1 or channels_in != channels:
            self.shortcut.append(nn.Conv2d(channels_in, channels, 1, stride, bias=False))
            self.shortcut.append(nn.BatchNorm2d(channels))
        groups = channels // GROUP_WIDTH
        self.branch = nn.Sequential(
            nn.Conv2d(channels_in, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, stride, padding=1, groups=groups, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            SqueezeExcitation(channels, channels_in // 4),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x):
        return relu(self.shortcut(x) + self.branch(x), inplace=True)


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.features = nn.Sequential(
            nn.Conv2d(in_shape[1], 32, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(inplace=True),
        )
        channels_in = 32
        for channels, blocks in STAGES:
            for block in range(blocks):
                self.features.append(Block(channels_in, channels, 2 if block == 0 else 1))
                channels_in = channels
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels_in, out_shape[0])
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
                nn.init.normal_(module.weight, std=sqrt(2 / fan_out))
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)

    def forward(self, images):
        return self.head(self.features(images))
