"""Swin Transformer Swin-T: attention within windows, which every second layer shifts.

Liu, Lin, Cao, Hu, Wei, Zhang, Lin, Guo: Swin Transformer: Hierarchical Vision Transformer using
Shifted Windows, ICCV 2021 (table 7, Swin-T). 27,527,044 parameters for 3 channels and 10 classes.
"""

import torch
from torch import nn
from torch.nn import functional

from lemur_core.kinds.net import TRAINING, Classifier

WINDOW = 7


def supported_hyperparameters():
    # Trained by AdamW in the paper: SGD needs a warm-up and many more epochs.
    return TRAINING | {
        "optimizer": "adamw",
        "lr": "1e-4..2e-3 log",
        "weight_decay": 0.05,
        "dropout": "0..0.3",
        "attention_dropout": "0..0.3",
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


def offsets():
    """Number the offset from each place of a window to each other, from 0 to 168."""
    steps = torch.arange(WINDOW)
    steps = steps[:, None] - steps + WINDOW - 1
    numbers = steps[:, None, :, None] * (2 * WINDOW - 1) + steps[None, :, None, :]
    return numbers.flatten(2).flatten(0, 1)


def to_windows(x):
    """Map (batch, height, width, channels) to (batch, windows, places of one, channels)."""
    x = x.unflatten(2, (-1, WINDOW)).unflatten(1, (-1, WINDOW)).transpose(2, 3)
    return x.flatten(3, 4).flatten(1, 2)


def from_windows(x, height, width):
    x = x.unflatten(2, (WINDOW, WINDOW)).unflatten(1, (height // WINDOW, width // WINDOW))
    return x.transpose(2, 3).flatten(3, 4).flatten(1, 2)


def apart(height, width, shift_down, shift_right, device):
    """Return which places of a window must not see each other.

    They lie side by side in it, yet at opposite borders of the image, since shifting brings what
    leaves at one border in at the other.

    Returns:
        Bool, of shape (windows, places of one, places of one).
    """
    below = torch.arange(height, device=device) >= height - shift_down
    beyond = torch.arange(width, device=device) >= width - shift_right
    parts = to_windows((2 * below[:, None] + beyond)[None, :, :, None])[0]
    return parts != parts.transpose(1, 2)


class WindowAttention(nn.Module):
    """Self-attention within windows of 7x7, a learned bias for each offset of two places."""

    def __init__(self, channels, heads, shift, dropout, attention_dropout):
        super().__init__()
        self.heads, self.shift, self.attention_dropout = heads, shift, attention_dropout
        self.bias = nn.Parameter(torch.empty((2 * WINDOW - 1) ** 2, heads))
        self.register_buffer("offsets", offsets(), persistent=False)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.project = nn.Linear(channels, channels)
        self.dropout = nn.Dropout(dropout)
        nn.init.trunc_normal_(self.bias, std=0.02)

    def forward(self, x):
        height, width = x.shape[1:3]
        x = functional.pad(x, (0, 0, 0, -width % WINDOW, 0, -height % WINDOW))
        padded = x.shape[1:3]
        # Along an axis of one window there is nothing to shift.
        down, right = (self.shift if size > WINDOW else 0 for size in padded)
        bias = self.bias[self.offsets].permute(2, 0, 1)
        if down or right:
            x = x.roll((-down, -right), (1, 2))
            # (windows, heads, places, places)
            bias = bias - 100.0 * apart(*padded, down, right, x.device)[:, None]
        x = from_windows(self.attend(to_windows(x), bias), *padded)
        if down or right:
            x = x.roll((down, right), (1, 2))
        return x[:, :height, :width]

    def attend(self, x, bias):
        """Attend within each window: ``x`` has the shape (batch, windows, places, channels)."""
        windows = x.shape[1]
        # Three of (batch, windows, heads, places, channels of a head), whose windows are then
        # taken for heads: so the bias is that of one image, whatever the batch.
        qkv = self.qkv(x).unflatten(3, (3, self.heads, -1)).permute(3, 0, 1, 4, 2, 5)
        query, key, value = (part.flatten(1, 2) for part in qkv.unbind())
        bias = bias.expand(windows, -1, -1, -1).flatten(0, 1)
        dropout = self.attention_dropout if self.training else 0.0
        x = functional.scaled_dot_product_attention(query, key, value, bias, dropout)
        x = x.unflatten(1, (windows, self.heads)).transpose(2, 3).flatten(3)
        return self.dropout(self.project(x))


class Layer(nn.Module):
    """Attention, then an MLP, each on normalised places and beside a shortcut."""

    def __init__(self, channels, heads, shift, probability, dropout, attention_dropout):
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.attention = WindowAttention(channels, heads, shift, dropout, attention_dropout)
        self.stochastic_depth = StochasticDepth(probability)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 4 * channels),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(4 * channels, channels),
            nn.Dropout(dropout),
        )

    def forward(self, x):
        x = x + self.stochastic_depth(self.attention(self.norm1(x)))
        return x + self.stochastic_depth(self.mlp(self.norm2(x)))


class Merge(nn.Module):
    """Four neighbours become one place of twice the channels."""

    def __init__(self, channels):
        super().__init__()
        self.reduce = nn.Linear(4 * channels, 2 * channels, bias=False)
        self.norm = nn.LayerNorm(4 * channels)

    def forward(self, x):
        height, width = x.shape[1:3]
        x = functional.pad(x, (0, 0, 0, width % 2, 0, height % 2))
        # A square's left column from the top, then its right one.
        x = x.unflatten(2, (-1, 2)).unflatten(1, (-1, 2)).permute(0, 1, 3, 4, 2, 5).flatten(3)
        return self.reduce(self.norm(x))


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        depths, channels = (2, 2, 6, 2), 96
        dropouts = prm["dropout"], prm["attention_dropout"]
        # The deeper a layer, the more often it is dropped.
        step = prm["stochastic_depth_prob"] / (sum(depths) - 1)
        rates = (step * layer for layer in range(sum(depths)))
        self.patches = nn.Conv2d(in_shape[1], channels, 4, stride=4)
        self.patch_norm = nn.LayerNorm(channels)
        self.stages = nn.Sequential()
        for depth in depths:
            if len(self.stages) > 0:
                self.stages.append(Merge(channels))
                channels *= 2
            for layer in range(depth):
                shift = layer % 2 * (WINDOW // 2)
                self.stages.append(Layer(channels, channels // 32, shift, next(rates), *dropouts))
        self.norm = nn.LayerNorm(channels)
        self.head = nn.Linear(channels, out_shape[0])
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, images):
        x = self.stages(self.patch_norm(self.patches(images).permute(0, 2, 3, 1)))
        return self.head(self.norm(x).mean((1, 2)))
