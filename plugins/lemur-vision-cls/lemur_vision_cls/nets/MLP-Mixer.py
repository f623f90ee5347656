"""MLP-Mixer-S/16: MLPs that mix patches and channels in turn, and nothing else.

Tolstikhin, Houlsby, Kolesnikov, Beyer, Zhai, Unterthiner, Yung, Steiner, Keysers, Uszkoreit, Lucic,
Dosovitskiy: MLP-Mixer: An all-MLP Architecture for Vision, NeurIPS 2021 (table 1, S/16). At
224x224, which decides how many patches are mixed, it has
18,020,394 parameters for 3 channels and 10 classes.
"""

from torch import nn
from torch.nn import functional

from lemur_core.errors import ShapeError
from lemur_core.kinds.net import TRAINING, Classifier

PATCH = 16


def supported_hyperparameters():
    # Trained by Adam in the paper, as transformers are.
    return TRAINING | {
        "optimizer": "adamw",
        "lr": "1e-4..2e-3 log",
        "weight_decay": 0.1,
        "dropout": "0..0.3",
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


class MLP(nn.Sequential):
    """Two linear layers along the last axis."""

    def __init__(self, width, hidden, dropout):
        super().__init__(
            nn.Linear(width, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, width),
            nn.Dropout(dropout),
        )
        for linear in (self[0], self[3]):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.normal_(linear.bias, std=1e-6)


class Layer(nn.Module):
    """An MLP across the patches of each channel, then one across the channels of each."""

    def __init__(self, patches, channels, dropout, probability):
        super().__init__()
        self.norm1 = nn.LayerNorm(channels, eps=1e-6)
        self.patches = MLP(patches, 256, dropout)
        self.stochastic_depth = StochasticDepth(probability)
        self.norm2 = nn.LayerNorm(channels, eps=1e-6)
        self.channels = MLP(channels, 2048, dropout)

    def forward(self, x):
        mixed = self.patches(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        x = x + self.stochastic_depth(mixed)
        return x + self.stochastic_depth(self.channels(self.norm2(x)))


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        _, image_channels, height, width = in_shape
        if height % PATCH or width % PATCH:
            raise ShapeError(
                f"MLP-Mixer: images of {height}x{width}; expected multiples of {PATCH}, "
                "the size of a patch; choose a transform to such a size, norm_32 for one"
            )
        channels, depth = 512, 8
        patches = (height // PATCH) * (width // PATCH)
        # The deeper a layer, the more often it is dropped.
        rates = [prm["stochastic_depth_prob"] * layer / (depth - 1) for layer in range(depth)]
        self.patches = nn.Conv2d(image_channels, channels, PATCH, stride=PATCH)
        self.layers = nn.Sequential(
            *(Layer(patches, channels, prm["dropout"], rate) for rate in rates)
        )
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.head = nn.Linear(channels, out_shape[0])
        nn.init.kaiming_normal_(self.patches.weight, nonlinearity="linear")
        for parameter in (self.patches.bias, self.head.weight, self.head.bias):
            nn.init.zeros_(parameter)

    def forward(self, images):
        x = self.patches(images).flatten(2).transpose(1, 2)
        return self.head(self.norm(self.layers(x)).mean(dim=1))
