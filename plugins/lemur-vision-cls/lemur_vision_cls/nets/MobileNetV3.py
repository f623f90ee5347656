"""MobileNetV3-Small: inverted residuals with squeeze-and-excitation and hard swish.

Howard, Sandler, Chu, Chen, Chen, Tan, Wang, Zhu, Pang, Vasudevan, Le, Adam: Searching for
MobileNetV3, ICCV 2019 (table 2). 1,528,106 parameters for 3 channels and 10 classes.
"""

from torch import nn

from lemur_core.kinds.net import TRAINING, Classifier

# Of each block: kernel, width within, channels, the squeezed ones (0: not excited), hard swish
# (else ReLU), stride.
BLOCKS = (
    (3, 16, 16, 8, False, 2),
    (3, 72, 24, 0, False, 2),
    (3, 88, 24, 0, False, 1),
    (5, 96, 40, 24, True, 2),
    (5, 240, 40, 64, True, 1),
    (5, 240, 40, 64, True, 1),
    (5, 120, 48, 32, True, 1),
    (5, 144, 48, 40, True, 1),
    (5, 288, 96, 72, True, 2),
    (5, 576, 96, 144, True, 1),
    (5, 576, 96, 144, True, 1),
)


def supported_hyperparameters():
    # Depthwise convolutions learn slowly by SGD, whose steps are the same for all.
    return TRAINING | {
        "optimizer": "adam",
        "lr": "5e-4..1e-2 log",
        "dropout": "0..0.5",
        "norm_eps": "1e-5..1e-3 log",
        "norm_momentum": "0.01..0.1 log",
    }


def conv(channels_in, channels, kernel, stride, groups, activation, norm):
    padding = kernel // 2
    return [
        nn.Conv2d(channels_in, channels, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(channels, **norm),
        *activation,
    ]


class SqueezeExcitation(nn.Module):
    """Scales each channel by what the means of all of them say."""

    def __init__(self, channels, squeezed):
        super().__init__()
        self.scale = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.ReLU(),
            nn.Conv2d(squeezed, channels, 1),
            nn.Hardsigmoid(),
        )

    def forward(self, x):
        return self.scale(x) * x


class InvertedResidual(nn.Module):
    """Widen, convolve each channel, excite, narrow; added to the input where the shape stays."""

    def __init__(self, channels_in, kernel, wide, channels, squeezed, swish, stride, norm):
        super().__init__()
        activation = [nn.Hardswish(inplace=True) if swish else nn.ReLU(inplace=True)]
        self.residual = stride == 1 and channels_in == channels
        self.branch = nn.Sequential()
        if wide != channels_in:
            self.branch.extend(conv(channels_in, wide, 1, 1, 1, activation, norm))
        self.branch.extend(conv(wide, wide, kernel, stride, wide, activation, norm))
        if squeezed:
            self.branch.append(SqueezeExcitation(wide, squeezed))
        self.branch.extend(conv(wide, channels, 1, 1, 1, [], norm))

    def forward(self, x):
        return self.branch(x) + x if self.residual else self.branch(x)


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        norm = {"eps": prm["norm_eps"], "momentum": prm["norm_momentum"]}
        swish = [nn.Hardswish(inplace=True)]
        self.features = nn.Sequential(*conv(in_shape[1], 16, 3, 2, 1, swish, norm))
        channels = 16
        for block in BLOCKS:
            self.features.append(InvertedResidual(channels, *block, norm))
            channels = block[2]
        self.features.extend(conv(channels, 576, 1, 1, 1, swish, norm))
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(576, 1024),
            nn.Hardswish(inplace=True),
            nn.Dropout(prm["dropout"]),
            nn.Linear(1024, out_shape[0]),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)

    def forward(self, images):
        return self.head(self.features(images))
