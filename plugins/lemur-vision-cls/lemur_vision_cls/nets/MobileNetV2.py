"""MobileNetV2: inverted residuals, which widen, convolve each channel and narrow linearly.

Sandler, Howard, Zhu, Zhmoginov, Chen: MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR
2018 (table 2). 2,236,682 parameters for 3 channels and 10 classes.
"""

from torch import nn

from lemur_core.kinds.net import TRAINING, Classifier

# Of each stage: expansion, channels, blocks, stride of the first.
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def supported_hyperparameters():
    # Depthwise convolutions learn slowly by SGD, whose steps are the same for all.
    return TRAINING | {"optimizer": "adam", "lr": "5e-4..1e-2 log", "dropout": "0..0.5"}


def conv_relu6(channels_in, channels, kernel, stride=1, groups=1):
    padding = kernel // 2
    return [
        nn.Conv2d(channels_in, channels, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU6(inplace=True),
    ]


class InvertedResidual(nn.Module):
    """Widen, convolve each channel, narrow; added to the input where the shape stays."""

    def __init__(self, channels_in, channels, expansion, stride):
        super().__init__()
        wide = channels_in * expansion
        self.residual = stride == 1 and channels_in == channels
        self.branch = nn.Sequential(
            *(conv_relu6(channels_in, wide, 1) if expansion > 1 else ()),
            *conv_relu6(wide, wide, 3, stride, groups=wide),
            nn.Conv2d(wide, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x):
        return x + self.branch(x) if self.residual else self.branch(x)


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.features = nn.Sequential(*conv_relu6(in_shape[1], 32, 3, stride=2))
        channels_in = 32
        for expansion, channels, blocks, first in STAGES:
            for block in range(blocks):
                stride = first if block == 0 else 1
                self.features.append(InvertedResidual(channels_in, channels, expansion, stride))
                channels_in = channels
        self.features.extend(conv_relu6(channels_in, 1280, 1))
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(prm["dropout"]),
            nn.Linear(1280, out_shape[0]),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
        nn.init.normal_(self.head[-1].weight, std=0.01)
        nn.init.zeros_(self.head[-1].bias)

    def forward(self, images):
        return self.head(self.features(images))
