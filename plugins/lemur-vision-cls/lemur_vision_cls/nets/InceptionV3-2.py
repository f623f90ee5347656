"""Inception v3 with its auxiliary head: convolutions factored into smaller and lopsided ones.

Szegedy, Vanhoucke, Ioffe, Shlens, Wojna: Rethinking the Inception Architecture for Computer Vision,
CVPR 2016 (table 1, figures 5 to 8 and 10). 24,371,444 parameters for 3 channels and 10 classes.
"""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from lemur_core.kinds.net import TRAINING, Classifier

AUXILIARY_SHARE = 0.4


def supported_hyperparameters():
    return TRAINING | {"dropout": "0..0.5"}


def conv(channels_in, channels, kernel, stride=1, padding=0):
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, kernel, stride, padding, bias=False),
        nn.BatchNorm2d(channels, eps=1e-3),
        nn.ReLU(inplace=True),
    )


def wide(channels_in, channels, length):
    return conv(channels_in, channels, (1, length), padding=(0, length // 2))


def tall(channels_in, channels, length):
    return conv(channels_in, channels, (length, 1), padding=(length // 2, 0))


def pooled(channels_in, channels):
    return nn.Sequential(nn.AvgPool2d(3, stride=1, padding=1), conv(channels_in, channels, 1))


class Branches(nn.ModuleList):
    """Branches that see the same map; their maps are put side by side."""

    def forward(self, x):
        return torch.cat([branch(x) for branch in self], dim=1)


def inception_a(channels_in, pool):
    """Figure 5."""
    return Branches(
        [
            conv(channels_in, 64, 1),
            nn.Sequential(conv(channels_in, 48, 1), conv(48, 64, 5, padding=2)),
            nn.Sequential(
                conv(channels_in, 64, 1), conv(64, 96, 3, padding=1), conv(96, 96, 3, padding=1)
            ),
            pooled(channels_in, pool),
        ]
    )


def reduction_a(channels_in):
    """Figure 10: half the size, beside a pooling."""
    return Branches(
        [
            conv(channels_in, 384, 3, stride=2),
            nn.Sequential(
                conv(channels_in, 64, 1), conv(64, 96, 3, padding=1), conv(96, 96, 3, stride=2)
            ),
            nn.MaxPool2d(3, stride=2),
        ]
    )


def inception_b(width):
    """Figure 6, of 7x7 factored into 1x7 and 7x1."""
    return Branches(
        [
            conv(768, 192, 1),
            nn.Sequential(conv(768, width, 1), wide(width, width, 7), tall(width, 192, 7)),
            nn.Sequential(
                conv(768, width, 1),
                tall(width, width, 7),
                wide(width, width, 7),
                tall(width, width, 7),
                wide(width, 192, 7),
            ),
            pooled(768, 192),
        ]
    )


def reduction_b():
    return Branches(
        [
            nn.Sequential(conv(768, 192, 1), conv(192, 320, 3, stride=2)),
            nn.Sequential(
                conv(768, 192, 1), wide(192, 192, 7), tall(192, 192, 7), conv(192, 192, 3, stride=2)
            ),
            nn.MaxPool2d(3, stride=2),
        ]
    )


def inception_c(channels_in):
    """Figure 7: 3x3 split into 1x3 and 3x1 side by side."""
    return Branches(
        [
            conv(channels_in, 320, 1),
            nn.Sequential(
                conv(channels_in, 384, 1), Branches([wide(384, 384, 3), tall(384, 384, 3)])
            ),
            nn.Sequential(
                conv(channels_in, 448, 1),
                conv(448, 384, 3, padding=1),
                Branches([wide(384, 384, 3), tall(384, 384, 3)]),
            ),
            pooled(channels_in, 192),
        ]
    )


def auxiliary(classes):
    """Figure 8: a head of its own upon the last map of 17x17."""
    return nn.Sequential(
        nn.AvgPool2d(5, stride=3),
        conv(768, 128, 1),
        conv(128, 768, 5),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(768, classes),
    )


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.to_17x17 = nn.Sequential(
            conv(in_shape[1], 32, 3, stride=2),
            conv(32, 32, 3),
            conv(32, 64, 3, padding=1),
            nn.MaxPool2d(3, stride=2),
            conv(64, 80, 1),
            conv(80, 192, 3),
            nn.MaxPool2d(3, stride=2),
            inception_a(192, 32),
            inception_a(256, 64),
            inception_a(288, 64),
            reduction_a(288),
            *(inception_b(width) for width in (128, 160, 160, 192)),
        )
        self.auxiliary = auxiliary(out_shape[0])
        self.to_8x8 = nn.Sequential(reduction_b(), inception_c(1280), inception_c(2048))
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(prm["dropout"]),
            nn.Linear(2048, out_shape[0]),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, images):
        middle = self.to_17x17(images)
        outputs = self.head(self.to_8x8(middle))
        return (outputs, self.auxiliary(middle)) if self.training else outputs

    def loss(self, outputs, targets):
        """Add four tenths of the auxiliary head's loss to that of the net."""
        main, aside = outputs
        return cross_entropy(main, targets) + AUXILIARY_SHARE * cross_entropy(aside, targets)

    def validation_loss(self, outputs, targets):
        """Return the loss of the logits that the net gives in evaluation."""
        return super().validation_loss(outputs, targets)
