"""U-Net as a classifier: a contracting and an expanding path, joined at each resolution.

Ronneberger, Fischer, Brox: U-Net: Convolutional Networks for Biomedical Image Segmentation, MICCAI
2015 (figure 1). Kept: both paths with their widths, the crop of what is joined, the dropout at the
contracting path's end, the initialisation. Changed: the 3x3 convolutions are padded, so that small
images have a bottom; the last 1x1 convolution is a linear layer on the average of the last map.
31,032,330 parameters for 3 channels and 10 classes.
"""

import torch
from torch import nn

from lemur_core.kinds.net import TRAINING, Classifier


def supported_hyperparameters():
    # Without normalisation layers it takes small steps only, and SGD then needs many epochs.
    return TRAINING | {"optimizer": "adam", "lr": "1e-5..1e-3 log", "dropout": "0..0.5"}


def twice(channels_in, channels):
    return [
        nn.Conv2d(channels_in, channels, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.ReLU(inplace=True),
    ]


class Up(nn.Module):
    """Double the resolution and halve the channels, then join the map of the contracting path."""

    def __init__(self, channels):
        super().__init__()
        self.up = nn.Sequential(
            nn.ConvTranspose2d(2 * channels, channels, 2, stride=2), nn.ReLU(inplace=True)
        )
        self.convs = nn.Sequential(*twice(2 * channels, channels))

    def forward(self, x, skip):
        x = self.up(x)
        # Pooling dropped the last row and column of an odd size.
        height, width = x.shape[2:]
        return self.convs(torch.cat([skip[:, :, :height, :width], x], dim=1))


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.pool = nn.MaxPool2d(2)
        self.down1 = nn.Sequential(*twice(in_shape[1], 64))
        self.down2 = nn.Sequential(*twice(64, 128))
        self.down3 = nn.Sequential(*twice(128, 256))
        self.down4 = nn.Sequential(*twice(256, 512), nn.Dropout(prm["dropout"]))
        self.bottom = nn.Sequential(*twice(512, 1024), nn.Dropout(prm["dropout"]))
        self.up4, self.up3, self.up2, self.up1 = Up(512), Up(256), Up(128), Up(64)
        self.classifier = nn.Linear(64, out_shape[0])
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)
            if isinstance(module, nn.ConvTranspose2d):
                # At stride 2 each output sees one pixel of each channel, not a 2x2 window.
                nn.init.normal_(module.weight, std=(2 / module.in_channels) ** 0.5)
                nn.init.zeros_(module.bias)

    def forward(self, images):
        x1 = self.down1(images)
        x2 = self.down2(self.pool(x1))
        x3 = self.down3(self.pool(x2))
        x4 = self.down4(self.pool(x3))
        x = self.bottom(self.pool(x4))
        x = self.up4(x, x4)
        x = self.up3(x, x3)
        x = self.up2(x, x2)
        x = self.up1(x, x1)
        return self.classifier(x.mean((2, 3)))
