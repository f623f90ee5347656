"""ConvNeXt V2 Atto: depthwise 7x7 convolutions, and channels that compete for a global response.

Woo, Debnath, Hu, Chen, Liu, Kweon, Xie: ConvNeXt V2: Co-designing and Scaling ConvNets with Masked
Autoencoders, CVPR 2023 (Atto). 3,390,610 parameters for 3 channels and 10 classes.
"""

import torch
from torch import nn
from torch.nn import functional

from lemur_core.kinds.net import TRAINING, Classifier


def supported_hyperparameters():
    # Trained by AdamW in the paper, as transformers are.
    return TRAINING | {
        "optimizer": "adamw",
        "lr": "1e-4..4e-3 log",
        "weight_decay": 0.05,
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
        return x * functional.dropout(x.new_ones(len(x), *[1] * (x.ndim - 1)), self.probability)


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation of the channels of each pixel."""

    def __init__(self, channels):
        super().__init__(channels, eps=1e-6)

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class GlobalResponseNorm(nn.Module):
    """Scales each channel by its norm over the image, relative to the channels' mean (eq. 1-3)."""

    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x):
        norms = x.norm(dim=(2, 3), keepdim=True)
        relative = norms / (norms.mean(dim=1, keepdim=True) + 1e-6)
        return x + torch.addcmul(self.bias, self.weight, x * relative)


class Block(nn.Module):
    """A depthwise convolution, then four times the channels and back, beside a shortcut."""

    def __init__(self, channels, probability):
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(channels, channels, 7, padding=3, groups=channels),
            ChannelNorm(channels),
            nn.Conv2d(channels, 4 * channels, 1),
            nn.GELU(),
            GlobalResponseNorm(4 * channels),
            nn.Conv2d(4 * channels, channels, 1),
            StochasticDepth(probability),
        )

    def forward(self, x):
        return self.branch(x) + x


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        widths, depths = (40, 80, 160, 320), (2, 2, 6, 2)
        # The deeper a block, the more often it is dropped.
        step = prm["stochastic_depth_prob"] / (sum(depths) - 1)
        rates = (step * block for block in range(sum(depths)))
        self.stages = nn.Sequential(nn.Conv2d(in_shape[1], 40, 4, stride=4), ChannelNorm(40))
        channels_in = 40
        for channels, depth in zip(widths, depths, strict=True):
            if channels != channels_in:
                self.stages.append(ChannelNorm(channels_in))
                self.stages.append(nn.Conv2d(channels_in, channels, 2, stride=2))
            self.stages.extend(Block(channels, next(rates)) for _ in range(depth))
            channels_in = channels
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), ChannelNorm(320), nn.Flatten(), nn.Linear(320, out_shape[0])
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, images):
        return self.head(self.stages(images))
