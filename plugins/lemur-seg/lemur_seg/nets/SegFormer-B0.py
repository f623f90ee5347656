"""SegFormer-B0: a transformer of four resolutions without tables of positions, and a light decoder.

Xie, Wang, Yu, Anandkumar, Alvarez, Luo: SegFormer: Simple and Efficient Design for Semantic
Segmentation with Transformers, NeurIPS 2021 (figure 2, table 6, B0).
3,715,686 parameters for 3 channels and 6 classes.
"""

import torch
from torch import nn
from torch.nn.functional import dropout, interpolate, scaled_dot_product_attention

from lemur_core.kinds.net import TRAINING, Classifier

# Of each stage: kernel and stride of its patches, channels, heads, and how often smaller the map
# is along a side that each place attends to.
STAGES = ((7, 4, 32, 1, 8), (3, 2, 64, 2, 4), (3, 2, 160, 5, 2), (3, 2, 256, 8, 1))
LAYERS = 2
DECODED = 256


def supported_hyperparameters():
    # Trained by AdamW in the paper: SGD needs a warm-up and many more epochs.
    return TRAINING | {
        "optimizer": "adamw",
        "lr": "1e-4..2e-3 log",
        "weight_decay": 0.01,
        "dropout": "0..0.3",
        "stochastic_depth_prob": "0..0.2",
    }


class ChannelsFirst(nn.Module):
    """Apply a layer of (batch, channels, height, width) to (batch, height, width, channels)."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class StochasticDepth(nn.Module):
    """Drops, in training, the branch of some images of a batch, and scales up that of others."""

    def __init__(self, probability):
        super().__init__()
        self.probability = probability

    def forward(self, x):
        if not self.training or self.probability == 0:
            return x
        return x * dropout(x.new_ones(len(x), 1, 1, 1), self.probability)


class Attention(nn.Module):
    """Each place attends to all places of a smaller map."""

    def __init__(self, channels, heads, reduction):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(channels, channels)
        self.key, self.value = nn.Linear(channels, channels), nn.Linear(channels, channels)
        self.project = nn.Linear(channels, channels)
        self.reduce = nn.Sequential()
        if reduction > 1:
            self.reduce.append(ChannelsFirst(nn.Conv2d(channels, channels, reduction, reduction)))
            self.reduce.append(nn.LayerNorm(channels))

    def forward(self, x):
        seen = self.reduce(x)
        query, key, value = self.query(x), self.key(seen), self.value(seen)
        # (batch, heads, places, channels of a head)
        split = [
            projected.flatten(1, 2).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for projected in (query, key, value)
        ]
        attended = scaled_dot_product_attention(*split).transpose(1, 2).flatten(2)
        return self.project(attended).unflatten(1, x.shape[1:3])


class Layer(nn.Module):
    """Attention, then an MLP whose depthwise convolution tells places apart; beside shortcuts."""

    def __init__(self, channels, heads, reduction, probability):
        super().__init__()
        self.norm1 = nn.LayerNorm(channels)
        self.attention = Attention(channels, heads, reduction)
        self.stochastic_depth = StochasticDepth(probability)
        self.norm2 = nn.LayerNorm(channels)
        wide = 4 * channels
        self.mlp = nn.Sequential(
            nn.Linear(channels, wide),
            ChannelsFirst(nn.Conv2d(wide, wide, 3, padding=1, groups=wide)),
            nn.GELU(),
            nn.Linear(wide, channels),
        )

    def forward(self, x):
        x = x + self.stochastic_depth(self.attention(self.norm1(x)))
        return x + self.stochastic_depth(self.mlp(self.norm2(x)))


def stage(channels_in, kernel, stride, channels, heads, reduction, probabilities):
    """Map (batch, height, width, channels) to a smaller one, of overlapping patches."""
    patches = nn.Conv2d(channels_in, channels, kernel, stride, kernel // 2)
    layers = (Layer(channels, heads, reduction, probability) for probability in probabilities)
    return nn.Sequential(
        ChannelsFirst(patches), nn.LayerNorm(channels), *layers, nn.LayerNorm(channels)
    )


def initialise(module):
    """Draw a layer's weights as the authors do."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Conv2d):
        fan_out = module.kernel_size[0] ** 2 * module.out_channels // module.groups
        nn.init.normal_(module.weight, std=(2 / fan_out) ** 0.5)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        # The deeper a layer, the oftener it is dropped.
        dropped = torch.linspace(
            0, prm["stochastic_depth_prob"], LAYERS * len(STAGES), device="cpu"
        )
        self.stages, channels = nn.ModuleList(), in_shape[1]
        for config, probabilities in zip(STAGES, dropped.split(LAYERS), strict=True):
            self.stages.append(stage(channels, *config, probabilities.tolist()))
            channels = config[2]
        self.projections = nn.ModuleList(nn.Linear(config[2], DECODED) for config in STAGES)
        self.head = nn.Sequential(
            nn.Conv2d(len(STAGES) * DECODED, DECODED, 1, bias=False),
            nn.BatchNorm2d(DECODED),
            nn.ReLU(inplace=True),
            nn.Dropout(prm["dropout"]),
            nn.Conv2d(DECODED, out_shape[0], 1),
        )
        self.apply(initialise)

    def forward(self, images):
        x, maps = images.permute(0, 2, 3, 1), []
        for stage, project in zip(self.stages, self.projections, strict=True):
            x = stage(x)
            maps.append(project(x).permute(0, 3, 1, 2))
        finest = maps[0].shape[-2:]
        maps = [interpolate(features, size=finest, mode="bilinear") for features in maps]
        # The coarsest comes first.
        scores = self.head(torch.cat(maps[::-1], dim=1))
        return interpolate(scores, size=images.shape[-2:], mode="bilinear")
