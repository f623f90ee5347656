"""BagNet-17: a ResNet-50 of mostly 1x1 convolutions, whose features see 17x17 pixels each.

Brendel, Bethge: Approximating CNNs with Bag-of-local-Features models works surprisingly well on
ImageNet, ICLR 2019 (appendix, BagNet-17). 14,184,522 parameters for 3 channels and 10 classes.
"""

from torch import nn

from lemur_core.kinds.net import TRAINING, Classifier


def supported_hyperparameters():
    return TRAINING


def plain(channels_in, channels, kernel=1, stride=1):
    return [
        nn.Conv2d(channels_in, channels, kernel, stride, bias=False),
        nn.BatchNorm2d(channels),
    ]


def rectified(channels_in, channels, kernel=1, stride=1):
    return [*plain(channels_in, channels, kernel, stride), nn.ReLU(inplace=True)]


class Unit(nn.Module):
    """A bottleneck beside a shortcut.

    Nothing is padded, for padding would tell a feature where it is: the shortcut is cropped at the
    right and the bottom to the bottleneck's size.
    """

    def __init__(self, channels_in, channels, kernel, stride):
        super().__init__()
        narrow = channels // 4
        self.bottleneck = nn.Sequential(
            *rectified(channels_in, narrow),
            *rectified(narrow, narrow, kernel, stride),
            *plain(narrow, channels),
        )
        self.shortcut = nn.Sequential()
        if channels_in != channels:
            self.shortcut.extend(plain(channels_in, channels, stride=stride))
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        residual = self.bottleneck(x)
        height, width = residual.shape[2:]
        return self.relu(residual + self.shortcut(x)[:, :, :height, :width])


def stage(channels_in, channels, repeats, kernel, stride):
    rest = (Unit(channels, channels, 1, 1) for _ in range(repeats - 1))
    return nn.Sequential(Unit(channels_in, channels, kernel, stride), *rest)


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.stem = nn.Sequential(
            nn.Conv2d(in_shape[1], 64, 1, bias=False),
            *rectified(64, 64, 3),
        )
        self.stages = nn.Sequential(
            stage(64, 256, 3, kernel=3, stride=2),
            stage(256, 512, 4, kernel=3, stride=2),
            stage(512, 1024, 6, kernel=3, stride=2),
            stage(1024, 2048, 3, kernel=1, stride=1),
        )
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, out_shape[0])
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight)

    def forward(self, images):
        return self.head(self.stages(self.stem(images)))
