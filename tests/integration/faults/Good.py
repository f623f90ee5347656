"""A small convolutional net, which the faulty ones are made of."""

import torch
from torch import nn

from lemur_core.kinds.net import TRAINING, Classifier


def supported_hyperparameters():
    return TRAINING


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.layers = nn.Sequential(
            nn.Conv2d(in_shape[1], 8, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Linear(128, *out_shape),
        )

    def forward(self, images):
        return self.layers(images)


class SecondEpoch(Net):
    """Goes wrong in its second epoch."""

    epochs = 0

    def learn(self, train_data):
        self.epochs += 1
        if self.epochs == 2:
            self.go_wrong()
        return super().learn(train_data)

    def go_wrong(self):
        raise NotImplementedError


def poison(net):
    with torch.no_grad():
        net.layers[0].bias[0] = torch.nan
