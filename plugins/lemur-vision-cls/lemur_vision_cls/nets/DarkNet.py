"""DarkNet-53: residual blocks of a 1x1 and a 3x3 convolution, the backbone of YOLOv3.

Redmon, Farhadi: YOLOv3: An Incremental Improvement, 2018 (table 1).
40,595,178 parameters for 3 channels and 10 classes.
"""

from torch import nn

from lemur_core.kinds.net import TRAINING, Classifier

SLOPE = 0.1


def supported_hyperparameters():
    return TRAINING


def conv(channels_in, channels, kernel, stride=1):
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(channels),
        nn.LeakyReLU(SLOPE, inplace=True),
    )


class Residual(nn.Module):
    """Halve the channels by 1x1, convolve back to as many; nothing follows the sum."""

    def __init__(self, channels):
        super().__init__()
        self.branch = nn.Sequential(
            conv(channels, channels // 2, 1), conv(channels // 2, channels, 3)
        )

    def forward(self, x):
        return self.branch(x) + x


def stage(channels, blocks):
    """A convolution that halves the size and doubles the channels to ``channels``, then blocks."""
    return nn.Sequential(
        conv(channels // 2, channels, 3, stride=2), *(Residual(channels) for _ in range(blocks))
    )


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.features = nn.Sequential(
            conv(in_shape[1], 32, 3),
            stage(64, 1),
            stage(128, 2),
            stage(256, 8),
            stage(512, 8),
            stage(1024, 4),
        )
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1024, out_shape[0])
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, a=SLOPE)

    def forward(self, images):
        return self.head(self.features(images))
