"""EfficientNet-B0: inverted residuals with squeeze-and-excitation, scaled evenly in all sizes.

Tan, Le: EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML 2019
(table 1). 4,020,358 parameters for 3 channels and 10 classes.
"""

from torch import nn
from torch.nn.functional import dropout

from lemur_core.kinds.net import TRAINING, Classifier

# Of each stage: expansion, kernel, stride of the first block, channels, blocks.
STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)


def supported_hyperparameters():
    # Depthwise convolutions learn slowly by SGD, whose steps are the same for all.
    return TRAINING | {
        "optimizer": "adam",
        "lr": "5e-4..1e-2 log",
        "dropout": "0..0.5",
        "stochastic_depth_prob": "0..0.3",
    }


class StochasticDepth(nn.Module):
    """Drops, in training, the branch of some images of a batch, and scales up that of others."""

    def __init__(self, probability):
        super().__init__()
        self.probability = probability

    def forward(self, x):
        if not self.training or self.probability == 0:
            return x
        return x * dropout(x.new_ones(len(x), *[1] * (x.ndim - 1)), self.probability)


def conv_silu(channels_in, channels, kernel, stride=1, groups=1):
    padding = kernel // 2
    return [
        nn.Conv2d(channels_in, channels, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(channels),
        nn.SiLU(inplace=True),
    ]


class SqueezeExcitation(nn.Module):
    """Scales each channel by what the means of all of them say."""

    def __init__(self, channels, squeezed):
        super().__init__()
        self.scale = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.SiLU(inplace=True),
            nn.Conv2d(squeezed, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.scale(x) * x


class MBConv(nn.Module):
    """Widen, convolve each channel, excite, narrow; added to the input where the shape stays."""

    def __init__(self, channels_in, channels, expansion, kernel, stride, probability):
        super().__init__()
        wide = channels_in * expansion
        self.residual = stride == 1 and channels_in == channels
        self.branch = nn.Sequential(
            *(conv_silu(channels_in, wide, 1) if expansion > 1 else ()),
            *conv_silu(wide, wide, kernel, stride, groups=wide),
            SqueezeExcitation(wide, channels_in // 4),
            nn.Conv2d(wide, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.stochastic_depth = StochasticDepth(probability)

    def forward(self, x):
        return x + self.stochastic_depth(self.branch(x)) if self.residual else self.branch(x)


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        # The deeper a block, the more often it is dropped.
        step = prm["stochastic_depth_prob"] / sum(blocks for *_, blocks in STAGES)
        self.features = nn.Sequential(*conv_silu(in_shape[1], 32, 3, stride=2))
        channels_in, number = 32, 0
        for expansion, kernel, first, channels, blocks in STAGES:
            for block in range(blocks):
                sizes = channels_in, channels, expansion, kernel, first if block == 0 else 1
                self.features.append(MBConv(*sizes, step * number))
                channels_in, number = channels, number + 1
        self.features.extend(conv_silu(channels_in, 1280, 1))
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(prm["dropout"]),
            nn.Linear(1280, out_shape[0]),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        bound = out_shape[0] ** -0.5
        nn.init.uniform_(self.head[-1].weight, -bound, bound)
        nn.init.zeros_(self.head[-1].bias)

    def forward(self, images):
        return self.head(self.features(images))
