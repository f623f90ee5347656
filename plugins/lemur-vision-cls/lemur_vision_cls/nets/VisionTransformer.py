"""Vision Transformer ViT-B/16: an encoder that reads patches of 16x16 pixels as words.

Dosovitskiy, Beyer, Kolesnikov, Weissenborn, Zhai, Unterthiner, Dehghani, Minderer, Heigold, Gelly,
Uszkoreit, Houlsby: An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale,
ICLR 2021 (table 1, ViT-Base). At 224x224, which decides how many positions are learned, it has
85,806,346 parameters for 3 channels and 10 classes.
"""

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from lemur_core.errors import ShapeError
from lemur_core.kinds.net import TRAINING, Classifier

PATCH = 16


def supported_hyperparameters():
    # Trained by Adam in the paper: SGD needs a warm-up and many more epochs.
    return TRAINING | {
        "optimizer": "adamw",
        "lr": "5e-5..1e-3 log",
        "weight_decay": 0.1,
        "dropout": "0..0.3",
        "attention_dropout": "0..0.3",
    }


class Attention(nn.Module):
    """Self-attention of several heads, each of which sees its share of the channels."""

    def __init__(self, channels, heads, dropout):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.qkv = nn.Linear(channels, 3 * channels)
        self.project = nn.Linear(channels, channels)
        nn.init.xavier_uniform_(self.qkv.weight)
        nn.init.zeros_(self.qkv.bias)
        nn.init.zeros_(self.project.bias)

    def forward(self, x):
        # (batch, tokens, channels) gives three of (batch, heads, tokens, channels of a head).
        qkv = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0
        x = scaled_dot_product_attention(*qkv.unbind(), dropout_p=dropout)
        return self.project(x.transpose(1, 2).flatten(2))


class MLP(nn.Sequential):
    """Two linear layers on each token, four times as wide between them."""

    def __init__(self, channels, dropout):
        super().__init__(
            nn.Linear(channels, 4 * channels),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(4 * channels, channels),
            nn.Dropout(dropout),
        )
        for linear in (self[0], self[3]):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.normal_(linear.bias, std=1e-6)


class Layer(nn.Module):
    """Attention, then an MLP, each on normalised tokens and beside a shortcut."""

    def __init__(self, channels, heads, dropout, attention_dropout):
        super().__init__()
        self.norm1 = nn.LayerNorm(channels, eps=1e-6)
        self.attention = Attention(channels, heads, attention_dropout)
        self.dropout = nn.Dropout(dropout)
        self.norm2 = nn.LayerNorm(channels, eps=1e-6)
        self.mlp = MLP(channels, dropout)

    def forward(self, x):
        x = x + self.dropout(self.attention(self.norm1(x)))
        return x + self.mlp(self.norm2(x))


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        _, image_channels, height, width = in_shape
        if height % PATCH or width % PATCH:
            raise ShapeError(
                f"VisionTransformer: images of {height}x{width}; expected multiples of {PATCH}, "
                "the size of a patch; choose a transform to such a size, norm_32 for one"
            )
        channels, heads, depth = 768, 12, 12
        dropouts = prm["dropout"], prm["attention_dropout"]
        tokens = 1 + (height // PATCH) * (width // PATCH)
        self.class_token = nn.Parameter(torch.zeros(1, 1, channels))
        self.positions = nn.Parameter(torch.empty(1, tokens, channels).normal_(std=0.02))
        self.patches = nn.Conv2d(image_channels, channels, PATCH, stride=PATCH)
        self.dropout = nn.Dropout(prm["dropout"])
        self.layers = nn.Sequential(*(Layer(channels, heads, *dropouts) for _ in range(depth)))
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.head = nn.Linear(channels, out_shape[0])
        nn.init.trunc_normal_(self.patches.weight, std=(image_channels * PATCH**2) ** -0.5)
        for parameter in (self.patches.bias, self.head.weight, self.head.bias):
            nn.init.zeros_(parameter)

    def forward(self, images):
        patches = self.patches(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_token.expand(len(images), -1, -1), patches], dim=1)
        x = self.norm(self.layers(self.dropout(x + self.positions)))
        return self.head(x[:, 0])
