"""One linear layer."""

from math import prod

from torch import nn

from lemur_core.kinds.net import TRAINING, Classifier


def supported_hyperparameters():
    return TRAINING | {"width": "1..4 int"}


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(prod(in_shape), prm["width"]),
            nn.Linear(prm["width"], *out_shape),
        )

    def forward(self, images):
        return self.layers(images)
