"""MNASNet 0.75: inverted residuals of kernels 3 and 5, as a search for fast nets found them.

Tan, Chen, Pang, Vasudevan, Sandler, Howard, Le: MnasNet: Platform-Aware Neural Architecture Search
for Mobile, CVPR 2019 (figure 7 b, MNASNet-B1, depth multiplier 0.75).
1,902,018 parameters for 3 channels and 10 classes.
"""

from torch import nn

from lemur_core.kinds.net import TRAINING, Classifier

# Of each stage: channels, kernel, stride of the first block, expansion, blocks.
STAGES = (
    (24, 3, 2, 3, 3),
    (32, 5, 2, 3, 3),
    (64, 5, 2, 6, 3),
    (72, 3, 1, 6, 2),
    (144, 5, 2, 6, 4),
    (240, 3, 1, 6, 1),
)


def supported_hyperparameters():
    # Depthwise convolutions learn slowly by SGD, whose steps are the same for all. The published
    # momentum, 3e-4, needs thousands of steps before the statistics are of any use.
    return TRAINING | {
        "optimizer": "adam",
        "lr": "5e-4..1e-2 log",
        "dropout": "0..0.5",
        "norm_momentum": "3e-4..1e-1 log",
    }


class InvertedResidual(nn.Module):
    """Widen, convolve each channel, narrow; added to the input where the shape stays."""

    def __init__(self, channels_in, channels, kernel, stride, expansion, momentum):
        super().__init__()
        wide = channels_in * expansion
        self.residual = stride == 1 and channels_in == channels
        self.branch = nn.Sequential(
            nn.Conv2d(channels_in, wide, 1, bias=False),
            nn.BatchNorm2d(wide, momentum=momentum),
            nn.ReLU(inplace=True),
            nn.Conv2d(wide, wide, kernel, stride, kernel // 2, groups=wide, bias=False),
            nn.BatchNorm2d(wide, momentum=momentum),
            nn.ReLU(inplace=True),
            nn.Conv2d(wide, channels, 1, bias=False),
            nn.BatchNorm2d(channels, momentum=momentum),
        )

    def forward(self, x):
        return self.branch(x) + x if self.residual else self.branch(x)


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        momentum = prm["norm_momentum"]
        self.features = nn.Sequential(
            nn.Conv2d(in_shape[1], 24, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(24, momentum=momentum),
            nn.ReLU(inplace=True),
            nn.Conv2d(24, 24, 3, padding=1, groups=24, bias=False),
            nn.BatchNorm2d(24, momentum=momentum),
            nn.ReLU(inplace=True),
            nn.Conv2d(24, 16, 1, bias=False),
            nn.BatchNorm2d(16, momentum=momentum),
        )
        channels_in = 16
        for channels, kernel, first, expansion, blocks in STAGES:
            for block in range(blocks):
                sizes = channels_in, channels, kernel, first if block == 0 else 1, expansion
                self.features.append(InvertedResidual(*sizes, momentum))
                channels_in = channels
        self.features.extend(
            [
                nn.Conv2d(channels_in, 1280, 1, bias=False),
                nn.BatchNorm2d(1280, momentum=momentum),
                nn.ReLU(inplace=True),
            ]
        )
        self.head = nn.Sequential(nn.Dropout(prm["dropout"]), nn.Linear(1280, out_shape[0]))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.kaiming_uniform_(self.head[1].weight, mode="fan_out", nonlinearity="sigmoid")
        nn.init.zeros_(self.head[1].bias)

    def forward(self, images):
        return self.head(self.features(images).mean((2, 3)))
