"""Two convolutions and a linear layer: 6,990 parameters for one channel and ten classes."""

from torch import nn

from lemur_core.kinds.net import TRAINING, Classifier


def supported_hyperparameters():
    return TRAINING


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.layers = nn.Sequential(
            nn.Conv2d(in_shape[1], 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 44, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(44, *out_shape),
        )

    def forward(self, images):
        return self.layers(images)
