"""SqueezeNet 1.1: fire modules, with smaller first convolutions and earlier pooling than 1.0.

Iandola, Han, Moskewicz, Ashraf, Dally, Keutzer: SqueezeNet: AlexNet-level accuracy with 50x fewer
parameters and <0.5MB model size, 2016; version 1.1 is of the authors' code, and needs 2.4 times
fewer operations. 727,626 parameters for 3 channels and 10 classes.
"""

import torch
from torch import nn
from torch.nn.functional import relu

from lemur_core.kinds.net import TRAINING, Classifier


def supported_hyperparameters():
    # Without normalisation layers it takes small steps only, and SGD then needs many epochs.
    return TRAINING | {"optimizer": "adam", "lr": "1e-4..1e-3 log", "dropout": "0..0.5"}


class Fire(nn.Module):
    """Squeeze to few channels, then expand to as many by 1x1 as by 3x3."""

    def __init__(self, channels_in, squeezed, expanded):
        super().__init__()
        self.squeeze = nn.Conv2d(channels_in, squeezed, 1)
        self.expand1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x):
        x = relu(self.squeeze(x))
        return relu(torch.cat([self.expand1(x), self.expand3(x)], dim=1))


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.features = nn.Sequential(
            nn.Conv2d(in_shape[1], 64, 3, stride=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            Fire(64, 16, 64),
            Fire(128, 16, 64),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            Fire(128, 32, 128),
            Fire(256, 32, 128),
            nn.MaxPool2d(3, stride=2, ceil_mode=True),
            Fire(256, 48, 192),
            Fire(384, 48, 192),
            Fire(384, 64, 256),
            Fire(512, 64, 256),
        )
        self.head = nn.Sequential(
            nn.Dropout(prm["dropout"]),
            nn.Conv2d(512, out_shape[0], 1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.head[1].weight, std=0.01)
        # Above 0, or else the ReLU that follows may never let a class be learned.
        nn.init.ones_(self.head[1].bias)

    def forward(self, images):
        return self.head(self.features(images))
