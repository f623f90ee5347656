"""AirNeXt-50 (32x4d, r=2): grouped bottlenecks weighted by attention that sees twice as far.

Yang, Hu, Chen, Xu: Attention Inspiring Receptive-Fields Network for Learning Invariant
Representations, IEEE Transactions on Neural Networks and Learning Systems, 2019 (50 layers, 32
paths of 4 channels, compression by 2). 25,575,786 parameters for 3 channels and 10 classes.
"""

from torch import nn
from torch.nn.functional import interpolate

from lemur_core.kinds.net import TRAINING, Classifier

PATHS = 32
COMPRESSION = 2


def supported_hyperparameters():
    return TRAINING


def plain(channels_in, channels, kernel, stride=1, groups=1):
    padding = kernel // 2
    return [
        nn.Conv2d(channels_in, channels, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(channels),
    ]


def rectified(channels_in, channels, kernel, stride=1, groups=1):
    return [*plain(channels_in, channels, kernel, stride, groups), nn.ReLU(inplace=True)]


class Attention(nn.Module):
    """A weight from 0 to 1 for each value of a bottleneck, found at half the resolution."""

    def __init__(self, channels_in, channels):
        super().__init__()
        squeezed, groups = channels // COMPRESSION, PATHS // COMPRESSION
        self.coarse = nn.Sequential(
            *rectified(channels_in, squeezed, 1),
            nn.MaxPool2d(3, stride=2, padding=1),
            *rectified(squeezed, squeezed, 3, groups=groups),
        )
        self.expand = nn.Sequential(*plain(squeezed, channels, 1), nn.Sigmoid())

    def forward(self, x):
        coarse = self.coarse(x)
        # To the size of x, which is odd where the pooling rounded up.
        return self.expand(interpolate(coarse, x.shape[2:], mode="bilinear", align_corners=True))


class Unit(nn.Module):
    """A bottleneck beside a shortcut; with attention where the resolution stays and is not least.

    The grouped 3x3 convolution's outputs are multiplied by the attention.
    """

    def __init__(self, channels_in, channels, stride):
        super().__init__()
        narrow = channels // 2
        self.attends = stride == 1 and narrow < 1024
        self.inner = nn.Sequential(
            *rectified(channels_in, narrow, 1),
            *rectified(narrow, narrow, 3, stride, groups=PATHS),
        )
        self.outer = nn.Sequential(*plain(narrow, channels, 1))
        if self.attends:
            self.attention = Attention(channels_in, narrow)
        self.shortcut = nn.Sequential()
        if channels_in != channels:
            self.shortcut.extend(plain(channels_in, channels, 1, stride))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        inner = self.inner(x)
        if self.attends:
            inner = inner * self.attention(x)
        return self.relu(self.outer(inner) + self.shortcut(x))


def stage(channels_in, channels, repeats, stride):
    rest = (Unit(channels, channels, 1) for _ in range(repeats - 1))
    return nn.Sequential(Unit(channels_in, channels, stride), *rest)


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.stem = nn.Sequential(
            *rectified(in_shape[1], 32, 3, 2),
            *rectified(32, 32, 3),
            *rectified(32, 64, 3),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        self.stages = nn.Sequential(
            stage(64, 256, 3, 1),
            stage(256, 512, 4, 2),
            stage(512, 1024, 6, 2),
            stage(1024, 2048, 3, 2),
        )
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, out_shape[0])
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight)

    def forward(self, images):
        return self.head(self.stages(self.stem(images)))
