"""EfficientNetV2-S: full convolutions in the early stages, depthwise ones in the later.

Tan, Le: EfficientNetV2: Smaller Models and Faster Training, ICML 2021 (table 4).
20,190,298 parameters for 3 channels and 10 classes.
"""

from torch import nn
from torch.nn.functional import dropout

from lemur_core.kinds.net import TRAINING, Classifier

# Of each stage: whether its convolutions are fused, expansion, stride of the first block, channels,
# blocks.
STAGES = (
    (True, 1, 1, 24, 2),
    (True, 4, 2, 48, 4),
    (True, 4, 2, 64, 4),
    (False, 4, 2, 128, 6),
    (False, 6, 1, 160, 9),
    (False, 6, 2, 256, 15),
)


def supported_hyperparameters():
    # Depthwise convolutions learn slowly by SGD, whose steps are the same for all.
    return TRAINING | {
        "optimizer": "adam",
        "lr": "5e-4..1e-2 log",
        "dropout": "0..0.5",
        "stochastic_depth_prob": "0..0.3",
        "norm_eps": "1e-5..1e-3 log",
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


def conv(channels_in, channels, kernel, eps, stride=1, groups=1):
    padding = kernel // 2
    return [
        nn.Conv2d(channels_in, channels, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(channels, eps),
    ]


def conv_silu(channels_in, channels, kernel, eps, stride=1, groups=1):
    return [*conv(channels_in, channels, kernel, eps, stride, groups), nn.SiLU(inplace=True)]


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


def separated(channels_in, channels, expansion, stride, eps):
    """The layers of an MBConv block: widen, convolve each channel, excite, narrow."""
    wide = channels_in * expansion
    return [
        *conv_silu(channels_in, wide, 1, eps),
        *conv_silu(wide, wide, 3, eps, stride, groups=wide),
        SqueezeExcitation(wide, channels_in // 4),
        *conv(wide, channels, 1, eps),
    ]


def fused(channels_in, channels, expansion, stride, eps):
    """The layers of a fused MBConv block: widen by a full convolution, narrow."""
    if expansion == 1:
        return conv_silu(channels_in, channels, 3, eps, stride)
    wide = channels_in * expansion
    return [*conv_silu(channels_in, wide, 3, eps, stride), *conv(wide, channels, 1, eps)]


class Block(nn.Module):
    """Layers, added to their input where the shape stays."""

    def __init__(self, layers, residual, probability):
        super().__init__()
        self.residual = residual
        self.branch = nn.Sequential(*layers)
        self.stochastic_depth = StochasticDepth(probability)

    def forward(self, x):
        return x + self.stochastic_depth(self.branch(x)) if self.residual else self.branch(x)


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        eps = prm["norm_eps"]
        # The deeper a block, the more often it is dropped.
        step = prm["stochastic_depth_prob"] / sum(blocks for *_, blocks in STAGES)
        self.features = nn.Sequential(*conv_silu(in_shape[1], 24, 3, eps, stride=2))
        channels_in, number = 24, 0
        for is_fused, expansion, first, channels, blocks in STAGES:
            for block in range(blocks):
                stride = first if block == 0 else 1
                make = fused if is_fused else separated
                layers = make(channels_in, channels, expansion, stride, eps)
                residual = stride == 1 and channels_in == channels
                self.features.append(Block(layers, residual, step * number))
                channels_in, number = channels, number + 1
        self.features.extend(conv_silu(channels_in, 1280, 1, eps))
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
