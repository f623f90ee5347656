"""MobileNetV4 Conv-S: inverted bottlenecks with up to two depthwise convolutions each.

Qin, Leichner, Delakis, Fornoni, Luo, Yang, Wang, Banbury, Ye, Akin, Aggarwal, Zhu, Moro, Howard:
MobileNetV4: Universal Models for the Mobile Ecosystem, ECCV 2024 (MNv4-Conv-S).
2,505,834 parameters for 3 channels and 10 classes.
"""

from torch import nn

from lemur_core.kinds.net import TRAINING, Classifier


def supported_hyperparameters():
    # Depthwise convolutions learn slowly by SGD, whose steps are the same for all.
    return TRAINING | {"optimizer": "adamw", "lr": "5e-4..1e-2 log", "dropout": "0..0.5"}


def conv(channels_in, channels, kernel, stride=1, groups=1):
    """A convolution that keeps the size but for its stride, and a normalisation."""
    padding = kernel // 2
    return [
        nn.Conv2d(channels_in, channels, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(channels),
    ]


def conv_relu(channels_in, channels, kernel, stride=1, groups=1):
    return [*conv(channels_in, channels, kernel, stride, groups), nn.ReLU(inplace=True)]


class UniversalInvertedBottleneck(nn.Module):
    """Expand and project, with a depthwise convolution before, between, both or neither.

    A kernel of 0 leaves its convolution out: (0, k) is the inverted bottleneck of MobileNetV2,
    (k, 0) a block as ConvNeXt has, (k, k) is called extra depthwise.
    """

    def __init__(self, channels_in, channels, expansion, before, between, stride=1):
        super().__init__()
        wide = channels_in * expansion
        self.residual = stride == 1 and channels_in == channels
        self.branch = nn.Sequential()
        if before:
            self.branch.extend(conv(channels_in, channels_in, before, groups=channels_in))
        self.branch.extend(conv_relu(channels_in, wide, 1))
        if between:
            self.branch.extend(conv_relu(wide, wide, between, stride, groups=wide))
        self.branch.extend(conv(wide, channels, 1))

    def forward(self, x):
        return self.branch(x) + x if self.residual else self.branch(x)


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        bottleneck = UniversalInvertedBottleneck
        self.features = nn.Sequential(
            *conv_relu(in_shape[1], 32, 3, stride=2),
            *conv_relu(32, 32, 3, stride=2),
            *conv_relu(32, 32, 1),
            *conv_relu(32, 96, 3, stride=2),
            *conv_relu(96, 64, 1),
            bottleneck(64, 96, 3, 5, 5, stride=2),
            *(bottleneck(96, 96, 2, 0, 3) for _ in range(4)),
            bottleneck(96, 96, 4, 3, 0),
            bottleneck(96, 128, 6, 3, 3, stride=2),
            bottleneck(128, 128, 4, 5, 5),
            bottleneck(128, 128, 4, 0, 5),
            bottleneck(128, 128, 3, 0, 5),
            bottleneck(128, 128, 4, 0, 3),
            bottleneck(128, 128, 4, 0, 3),
            *conv_relu(128, 960, 1),
        )
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            *conv_relu(960, 1280, 1),
            nn.Flatten(),
            nn.Dropout(prm["dropout"]),
            nn.Linear(1280, out_shape[0]),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.weight[:, 0].numel() // module.groups
                nn.init.normal_(module.weight, std=(2 / fan_out) ** 0.5)

    def forward(self, images):
        return self.head(self.features(images))
