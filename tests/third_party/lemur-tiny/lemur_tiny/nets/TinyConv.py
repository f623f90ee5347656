"""TinyConv: two convolutions and a linear layer."""

from torch import nn

from lemur_core.kinds.net import TRAINING, Classifier


def supported_hyperparameters():
    return TRAINING | {"width": "8..16 int"}


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        width = prm["width"]
        self.layers = nn.Sequential(
            nn.Conv2d(in_shape[1], width, 3, stride=2, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Linear(32 * width, *out_shape),
        )

    def forward(self, images):
        return self.layers(images)
