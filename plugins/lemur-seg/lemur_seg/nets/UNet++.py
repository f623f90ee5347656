"""UNet++: a U-Net whose skips are convolved, each with all that is at its resolution, and fused.

Zhou, Siddiquee, Tajbakhsh, Liang: UNet++: A Nested U-Net Architecture for Medical Image
Segmentation, 2018 (figure 1a, equation 1; table 3, 9.04 million). Kept: the widths, dense skips,
transposed convolutions and deep supervision, for which scores of the four nodes at full resolution
are learned alike, and their probabilities averaged when it is scored. Changed: cross-entropy and
softmax, for any number of classes; each 3x3 convolution is followed by batch normalisation, whose
scales are 3,648 parameters more; maps of odd sizes are padded where they are joined.
9,046,584 parameters for 3 channels and 6 classes.
"""

import torch
from torch import nn
from torch.nn.functional import cross_entropy, pad

from lemur_core.kinds.net import TRAINING, Classifier

WIDTHS = (32, 64, 128, 256, 512)


def supported_hyperparameters():
    return TRAINING | {
        "optimizer": "adam",
        "lr": "1e-4..1e-2 log",
        "dropout": "0..0.5",
        "bn_momentum": 0.1,
        "deep_supervision": 1,
    }


class Twice(nn.Sequential):
    """Two 3x3 convolutions."""

    def __init__(self, channels_in, channels, bn_momentum):
        super().__init__(
            nn.Conv2d(channels_in, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels, momentum=bn_momentum),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels, momentum=bn_momentum),
            nn.ReLU(inplace=True),
        )


class Node(nn.Module):
    """Join all maps that are at a resolution, and the upsampled one from below."""

    def __init__(self, joined, channels, bn_momentum):
        super().__init__()
        self.up = nn.ConvTranspose2d(2 * channels, channels, 2, stride=2)
        self.convs = Twice((joined + 1) * channels, channels, bn_momentum)

    def forward(self, maps, below):
        x = self.up(below)
        # Pooling dropped the last row and column of an odd size.
        height, width = maps[0].shape[-2] - x.shape[-2], maps[0].shape[-1] - x.shape[-1]
        return self.convs(torch.cat([*maps, pad(x, (0, width, 0, height))], dim=1))


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        momentum = prm["bn_momentum"]
        self.pool = nn.MaxPool2d(2)
        self.down = nn.ModuleList(
            Twice(channels_in, channels, momentum)
            for channels_in, channels in zip((in_shape[1], *WIDTHS), WIDTHS, strict=False)
        )
        # The lists are the columns of the paper's figure, from left to right.
        self.nodes = nn.ModuleList(
            nn.ModuleList(Node(joined, channels, momentum) for channels in WIDTHS[:-joined])
            for joined in range(1, len(WIDTHS))
        )
        self.dropout = nn.Dropout2d(prm["dropout"])
        scored = len(self.nodes) if prm["deep_supervision"] else 1
        self.heads = nn.ModuleList(nn.Conv2d(WIDTHS[0], out_shape[0], 1) for _ in range(scored))

    def forward(self, images):
        # Of each resolution, from the finest, all maps that there are.
        maps = [[self.down[0](images)]]
        for down in self.down[1:]:
            maps.append([down(self.pool(maps[-1][0]))])
        maps[-1][0] = self.dropout(maps[-1][0])
        for column in self.nodes:
            for level, node in enumerate(column):
                maps[level].append(node(maps[level], maps[level + 1][-1]))
        finest = maps[0][-len(self.heads) :]
        scores = [head(x) for head, x in zip(self.heads, finest, strict=True)]
        if self.training:
            return scores
        # The logarithm of the sum of their probabilities is that of the mean, but for a constant.
        return torch.stack(scores).log_softmax(2).logsumexp(0)

    def loss(self, outputs, targets):
        every = outputs if self.training else [outputs]
        return sum(cross_entropy(logits, targets) for logits in every) / len(every)

    def validation_loss(self, outputs, targets):
        """Return the loss of the logits that the net gives in evaluation."""
        return super().validation_loss(outputs, targets)
