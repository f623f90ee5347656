"""GoogLeNet: inception blocks of four branches, and two auxiliary heads that training sees.

Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke, Rabinovich: Going Deeper with
Convolutions, CVPR 2015 (table 1); as has become usual, normalised by batches, and with 3x3 where
the table says 5x5. 9,960,638 parameters for 3 channels and 10 classes.
"""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from lemur_core.kinds.net import TRAINING, Classifier

AUXILIARY_SHARE = 0.3


def supported_hyperparameters():
    return TRAINING | {"dropout": "0..0.5", "auxiliary_dropout": "0..0.7"}


def conv(channels_in, channels, kernel, stride=1):
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(channels, eps=1e-3),
        nn.ReLU(inplace=True),
    )


class Inception(nn.Module):
    """1x1, two of 1x1 and 3x3, and a pooling with 1x1: four branches, side by side."""

    def __init__(self, channels_in, channels1, reduced3, channels3, reduced5, channels5, pooled):
        super().__init__()
        self.branch1 = conv(channels_in, channels1, 1)
        self.branch3 = nn.Sequential(conv(channels_in, reduced3, 1), conv(reduced3, channels3, 3))
        self.branch5 = nn.Sequential(conv(channels_in, reduced5, 1), conv(reduced5, channels5, 3))
        self.pooled = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1), conv(channels_in, pooled, 1)
        )

    def forward(self, x):
        return torch.cat([self.branch1(x), self.branch3(x), self.branch5(x), self.pooled(x)], 1)


def auxiliary(channels_in, classes, dropout):
    """A head of its own upon a map in the middle."""
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(4),
        conv(channels_in, 128, 1),
        nn.Flatten(),
        nn.Linear(2048, 1024),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
        nn.Linear(1024, classes),
    )


def halve(kernel=3):
    return nn.MaxPool2d(kernel, stride=2, ceil_mode=True)


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        classes, aside = out_shape[0], prm["auxiliary_dropout"]
        self.to_4a = nn.Sequential(
            conv(in_shape[1], 64, 7, stride=2),
            halve(),
            conv(64, 64, 1),
            conv(64, 192, 3),
            halve(),
            Inception(192, 64, 96, 128, 16, 32, 32),
            Inception(256, 128, 128, 192, 32, 96, 64),
            halve(),
            Inception(480, 192, 96, 208, 16, 48, 64),
        )
        self.to_4d = nn.Sequential(
            Inception(512, 160, 112, 224, 24, 64, 64),
            Inception(512, 128, 128, 256, 24, 64, 64),
            Inception(512, 112, 144, 288, 32, 64, 64),
        )
        self.to_5b = nn.Sequential(
            Inception(528, 256, 160, 320, 32, 128, 128),
            halve(2),
            Inception(832, 256, 160, 320, 32, 128, 128),
            Inception(832, 384, 192, 384, 48, 128, 128),
        )
        self.auxiliary1 = auxiliary(512, classes, aside)
        self.auxiliary2 = auxiliary(528, classes, aside)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(prm["dropout"]),
            nn.Linear(1024, classes),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, images):
        map4a = self.to_4a(images)
        map4d = self.to_4d(map4a)
        outputs = self.head(self.to_5b(map4d))
        if self.training:
            return outputs, self.auxiliary1(map4a), self.auxiliary2(map4d)
        return outputs

    def loss(self, outputs, targets):
        """Add three tenths of each auxiliary head's loss to that of the net (section 5)."""
        main, *aside = outputs
        others = sum(cross_entropy(logits, targets) for logits in aside)
        return cross_entropy(main, targets) + AUXILIARY_SHARE * others

    def validation_loss(self, outputs, targets):
        """Return the loss of the logits that the net gives in evaluation."""
        return super().validation_loss(outputs, targets)
