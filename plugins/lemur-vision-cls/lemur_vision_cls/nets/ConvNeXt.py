"""ConvNeXt-S: a ResNet made modern, of depthwise 7x7 convolutions and wide pointwise layers.

Liu, Mao, Wu, Feichtenhofer, Darrell, Xie: A ConvNet for the 2020s, CVPR 2022 (table 9, ConvNeXt-S).
49,462,378 parameters for 3 channels and 10 classes.
"""

import torch
from torch import nn
from torch.nn import functional

from lemur_core.kinds.net import TRAINING, Classifier

# Of each stage: channels, blocks.
STAGES = ((96, 3), (192, 3), (384, 27), (768, 3))


def supported_hyperparameters():
    # Trained by AdamW in the paper, as transformers are.
    return TRAINING | {
        "optimizer": "adamw",
        "lr": "1e-4..4e-3 log",
        "weight_decay": 0.05,
        "stochastic_depth_prob": "0..0.5",
        "norm_eps": "1e-6..1e-5 log",
    }


class StochasticDepth(nn.Module):
    """Drops, in training, the branch of some images of a batch, and scales up that of others."""

    def __init__(self, probability):
        super().__init__()
        self.probability = probability

    def forward(self, x):
        if not self.training or self.probability == 0:
            return x
        return x * functional.dropout(x.new_ones(len(x), *[1] * (x.ndim - 1)), self.probability)


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation of each place of a map, over its channels."""

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Block(nn.Module):
    """A convolution of each channel, then an MLP of each place; scaled, beside a shortcut."""

    def __init__(self, channels, probability, eps):
        super().__init__()
        # So small at first that a deep net begins as a shallow one.
        self.scale = nn.Parameter(torch.full((channels, 1, 1), 1e-6))
        self.conv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.mlp = nn.Sequential(
            nn.LayerNorm(channels, eps),
            nn.Linear(channels, 4 * channels),
            nn.GELU(),
            nn.Linear(4 * channels, channels),
        )
        self.stochastic_depth = StochasticDepth(probability)

    def forward(self, x):
        branch = self.mlp(self.conv(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        # In place, for the branch has no other use: a map less to write in each of 36 blocks.
        return self.stochastic_depth(self.scale * branch).add_(x)


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        eps = prm["norm_eps"]
        # The deeper a block, the more often it is dropped.
        step = prm["stochastic_depth_prob"] / (sum(blocks for _, blocks in STAGES) - 1)
        channels_in, number = STAGES[0][0], 0
        self.features = nn.Sequential(
            nn.Conv2d(in_shape[1], channels_in, 4, stride=4), ChannelNorm(channels_in, eps)
        )
        for channels, blocks in STAGES:
            if channels != channels_in:
                self.features.append(ChannelNorm(channels_in, eps))
                self.features.append(nn.Conv2d(channels_in, channels, 2, stride=2))
                channels_in = channels
            for _ in range(blocks):
                self.features.append(Block(channels, step * number, eps))
                number += 1
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.LayerNorm(channels_in, eps),
            nn.Linear(channels_in, out_shape[0]),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, images):
        return self.head(self.features(images))
