"""A narrow U-Net, which a CPU trains in minutes: a fourth of the paper's widths.

Ronneberger, Fischer, Brox: U-Net: Convolutional Networks for Biomedical Image Segmentation, MICCAI
2015 (figure 1). Kept: both paths and the joins at each resolution. Changed: a fourth of the widths;
the 3x3 convolutions are padded, so that the output has the input's size, and each is followed by
batch normalisation; maps of odd sizes are padded where they are joined.
1,942,662 parameters for 3 channels and 6 classes.
"""

import torch
from torch import nn
from torch.nn.functional import pad

from lemur_core.kinds.net import TRAINING, Classifier


def supported_hyperparameters():
    return TRAINING | {
        "optimizer": "adam",
        "lr": "1e-4..1e-2 log",
        "dropout": "0..0.5",
        "bn_momentum": 0.1,
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


class Up(nn.Module):
    """Double the resolution and halve the channels, then join the map of the contracting path."""

    def __init__(self, channels, bn_momentum):
        super().__init__()
        self.up = nn.ConvTranspose2d(2 * channels, channels, 2, stride=2)
        self.convs = Twice(2 * channels, channels, bn_momentum)

    def forward(self, x, skip):
        x = self.up(x)
        # Pooling dropped the last row and column of an odd size.
        height, width = skip.shape[-2] - x.shape[-2], skip.shape[-1] - x.shape[-1]
        return self.convs(torch.cat([skip, pad(x, (0, width, 0, height))], dim=1))


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        momentum = prm["bn_momentum"]
        self.pool = nn.MaxPool2d(2)
        self.down1 = Twice(in_shape[1], 16, momentum)
        self.down2 = Twice(16, 32, momentum)
        self.down3 = Twice(32, 64, momentum)
        self.down4 = Twice(64, 128, momentum)
        self.bottom = Twice(128, 256, momentum)
        self.dropout = nn.Dropout2d(prm["dropout"])
        self.up4, self.up3 = Up(128, momentum), Up(64, momentum)
        self.up2, self.up1 = Up(32, momentum), Up(16, momentum)
        self.classifier = nn.Conv2d(16, out_shape[0], 1)

    def forward(self, images):
        x1 = self.down1(images)
        x2 = self.down2(self.pool(x1))
        x3 = self.down3(self.pool(x2))
        x4 = self.down4(self.pool(x3))
        x = self.dropout(self.bottom(self.pool(x4)))
        x = self.up4(x, x4)
        x = self.up3(x, x3)
        x = self.up2(x, x2)
        x = self.up1(x, x1)
        return self.classifier(x)
