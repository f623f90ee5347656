"""DeiT-Ti, data-efficient image transformer: a small ViT that is trained with stochastic depth.

Touvron, Cord, Douze, Massa, Sablayrolles, Jegou: Training data-efficient image transformers &
distillation through attention, ICML 2021 (table 1, DeiT-Ti, without the token of distillation). At
224x224, which decides how many positions are learned, it has
5,526,346 parameters for 3 channels and 10 classes.
"""

import torch
from torch import nn
from torch.nn.functional import dropout, scaled_dot_product_attention

from lemur_core.errors import ShapeError
from lemur_core.kinds.net import TRAINING, Classifier

PATCH = 16


def supported_hyperparameters():
    # The paper's table 9: AdamW, no dropout, a stochastic depth of 0.1.
    return TRAINING | {
        "optimizer": "adamw",
        "lr": "1e-4..2e-3 log",
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
        return x * dropout(x.new_ones(len(x), *[1] * (x.ndim - 1)), self.probability)


class Attention(nn.Module):
    """Self-attention of several heads, each of which sees its share of the channels."""

    def __init__(self, channels, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.project = nn.Linear(channels, channels)

    def forward(self, x):
        # (batch, tokens, channels) gives three of (batch, heads, tokens, channels of a head).
        qkv = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        x = scaled_dot_product_attention(*qkv.unbind())
        return self.project(x.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """Attention, then an MLP, each on normalised tokens and beside a shortcut."""

    def __init__(self, channels, heads, probability):
        super().__init__()
        self.norm1 = nn.LayerNorm(channels, eps=1e-6)
        self.attention = Attention(channels, heads)
        self.stochastic_depth = StochasticDepth(probability)
        self.norm2 = nn.LayerNorm(channels, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 4 * channels), nn.GELU(), nn.Linear(4 * channels, channels)
        )

    def forward(self, x):
        x = x + self.stochastic_depth(self.attention(self.norm1(x)))
        return x + self.stochastic_depth(self.mlp(self.norm2(x)))


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        _, image_channels, height, width = in_shape
        if height % PATCH or width % PATCH:
            raise ShapeError(
                f"DeiT: images of {height}x{width}; expected multiples of {PATCH}, "
                "the size of a patch; choose a transform to such a size, norm_32 for one"
            )
        channels, heads, depth = 192, 3, 12
        tokens = 1 + (height // PATCH) * (width // PATCH)
        # The deeper a layer, the more often it is dropped.
        rates = [prm["stochastic_depth_prob"] * layer / (depth - 1) for layer in range(depth)]
        self.class_token = nn.Parameter(torch.empty(1, 1, channels))
        self.positions = nn.Parameter(torch.empty(1, tokens, channels))
        self.patches = nn.Conv2d(image_channels, channels, PATCH, stride=PATCH)
        self.layers = nn.Sequential(*(Layer(channels, heads, rate) for rate in rates))
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.head = nn.Linear(channels, out_shape[0])
        for parameter in (self.class_token, self.positions):
            nn.init.trunc_normal_(parameter, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)

    def forward(self, images):
        patches = self.patches(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_token.expand(len(images), -1, -1), patches], dim=1)
        x = self.norm(self.layers(x + self.positions))
        return self.head(x[:, 0])
