"""MaxViT-T: convolution, attention within windows, and attention across a grid, in each layer.

Tu, Talebi, Zhang, Yang, Milanfar, Bovik, Li: MaxViT: Multi-Axis Vision Transformer, ECCV 2022
(table 1, MaxViT-T). At 224x224, which decides the size of the windows, it has
30,412,744 parameters for 3 channels and 10 classes.
"""

import torch
from torch import nn
from torch.nn import functional

from lemur_core.errors import ShapeError
from lemur_core.kinds.net import TRAINING, Classifier


def supported_hyperparameters():
    # Trained by AdamW in the paper, as transformers are.
    return TRAINING | {
        "optimizer": "adamw",
        "lr": "1e-4..3e-3 log",
        "weight_decay": 0.05,
        "dropout": "0..0.3",
        "attention_dropout": "0..0.3",
        "stochastic_depth_prob": "0..0.3",
        "norm_eps": "1e-5..1e-3 log",
        "norm_momentum": "0.01..0.1 log",
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


class SqueezeExcitation(nn.Module):
    """Scales each channel by what the means of all of them say."""

    def __init__(self, channels, squeezed):
        super().__init__()
        self.scale = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.SiLU(),
            nn.Conv2d(squeezed, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return self.scale(x) * x


class MBConv(nn.Module):
    """Widen four times, convolve each channel, excite, narrow; beside a shortcut."""

    def __init__(self, channels_in, channels, stride, probability, norm):
        super().__init__()
        wide = 4 * channels
        self.shortcut = nn.Sequential()
        if stride != 1:
            self.shortcut.append(nn.AvgPool2d(3, stride, padding=1))
            self.shortcut.append(nn.Conv2d(channels_in, channels, 1))
        self.branch = nn.Sequential(
            nn.BatchNorm2d(channels_in, **norm),
            nn.Conv2d(channels_in, wide, 1, bias=False),
            nn.BatchNorm2d(wide, **norm),
            nn.GELU(),
            nn.Conv2d(wide, wide, 3, stride, padding=1, groups=wide, bias=False),
            nn.BatchNorm2d(wide, **norm),
            nn.GELU(),
            SqueezeExcitation(wide, channels // 4),
            nn.Conv2d(wide, channels, 1),
            StochasticDepth(probability),
        )

    def forward(self, x):
        return self.shortcut(x) + self.branch(x)


def offsets(rows, columns):
    """Number the offset from each place of a window to each other."""
    down, right = torch.arange(rows), torch.arange(columns)
    down = down[:, None] - down + rows - 1
    right = right[:, None] - right + columns - 1
    numbers = down[:, None, :, None] * (2 * columns - 1) + right[None, :, None, :]
    return numbers.flatten(2).flatten(0, 1)


class RelativeAttention(nn.Module):
    """Self-attention within each window, a learned bias for each offset of two places."""

    def __init__(self, channels, window):
        super().__init__()
        rows, columns = window
        self.heads = channels // 32
        self.bias = nn.Parameter(torch.empty((2 * rows - 1) * (2 * columns - 1), self.heads))
        self.register_buffer("offsets", offsets(rows, columns), persistent=False)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.project = nn.Linear(channels, channels)
        nn.init.trunc_normal_(self.bias, std=0.02)

    def forward(self, x):
        # (batch, windows, places, channels) gives three of
        # (batch x windows, heads, places, channels of a head).
        qkv = self.qkv(x).flatten(0, 1).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        bias = self.bias[self.offsets].permute(2, 0, 1)[None]
        # By the channels of all heads, as torchvision does, whose weights this net takes.
        scale = x.shape[-1] ** -0.5
        attended = functional.scaled_dot_product_attention(*qkv.unbind(), bias, scale=scale)
        return self.project(attended.transpose(1, 2).reshape(x.shape))


class MultiAxis(nn.Module):
    """Attention within groups of as many places as a window has, then an MLP.

    The places of a group are neighbours, the block of the paper; or, ``spread``, as far apart as
    the map allows, its grid.
    """

    def __init__(self, channels, window, spread, probability, dropout, attention_dropout):
        super().__init__()
        self.window, self.spread = window, spread
        self.norm1 = nn.LayerNorm(channels)
        self.attention = RelativeAttention(channels, window)
        self.attention_dropout = nn.Dropout(attention_dropout)
        self.stochastic_depth = StochasticDepth(probability)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 4 * channels),
            nn.GELU(),
            nn.Linear(4 * channels, channels),
            nn.Dropout(dropout),
        )

    def forward(self, x):
        rows, columns = self.window
        if self.spread:
            x = x.unflatten(3, (columns, -1)).unflatten(2, (rows, -1)).permute(0, 3, 5, 2, 4, 1)
        else:
            x = x.unflatten(3, (-1, columns)).unflatten(2, (-1, rows)).permute(0, 2, 4, 3, 5, 1)
        groups = x.shape[1:3]
        x = self.mix(x.flatten(3, 4).flatten(1, 2))
        x = x.unflatten(2, self.window).unflatten(1, groups)
        x = x.permute((0, 5, 3, 1, 4, 2) if self.spread else (0, 5, 1, 3, 2, 4))
        return x.flatten(4, 5).flatten(2, 3)

    def mix(self, x):
        """Map (batch, groups, places of one, channels) to the same shape."""
        attended = self.attention_dropout(self.attention(self.norm1(x)))
        x = x + self.stochastic_depth(attended)
        return x + self.stochastic_depth(self.mlp(self.norm2(x)))


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        _, image_channels, height, width = in_shape
        if height % 32 or width % 32:
            raise ShapeError(
                f"MaxVit: images of {height}x{width}; expected multiples of 32, so that windows "
                "cover every stage's map; choose a transform to such a size, norm_64 for one"
            )
        # As large as the map of the last stage: 7x7 at 224, as in the paper.
        window = height // 32, width // 32
        norm = {"eps": prm["norm_eps"], "momentum": prm["norm_momentum"]}
        dropouts = prm["dropout"], prm["attention_dropout"]
        widths, depths = (64, 128, 256, 512), (2, 2, 5, 2)
        # The deeper a layer, the more often it is dropped.
        step = prm["stochastic_depth_prob"] / (sum(depths) - 1)
        rates = (step * layer for layer in range(sum(depths)))
        self.stem = nn.Sequential(
            nn.Conv2d(image_channels, 64, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(64, **norm),
            nn.GELU(),
            nn.Conv2d(64, 64, 3, padding=1),
        )
        self.stages = nn.Sequential()
        channels_in = 64
        for channels, depth in zip(widths, depths, strict=True):
            for layer in range(depth):
                rate, stride = next(rates), 2 if layer == 0 else 1
                self.stages.append(MBConv(channels_in, channels, stride, rate, norm))
                self.stages.append(MultiAxis(channels, window, False, rate, *dropouts))
                self.stages.append(MultiAxis(channels, window, True, rate, *dropouts))
                channels_in = channels
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.LayerNorm(512),
            nn.Linear(512, 512),
            nn.Tanh(),
            nn.Linear(512, out_shape[0], bias=False),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, images):
        return self.head(self.stages(self.stem(images)))
