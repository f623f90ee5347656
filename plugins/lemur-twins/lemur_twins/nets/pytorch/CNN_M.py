"""CNN-M in PyTorch: three convolutions and two linear layers.

The larger small net of the model zoos (Schürholt et al., NeurIPS 2022, table 4), without dropout
and with each framework's own initial weights. 10,853 parameters for images of 32x32 pixels, 3
channels and 10 classes.
"""

from torch import nn

from lemur_twins.backends.pytorch import PyTorchClassifier, activation
from lemur_twins.hyperparameters import TRAINING


def supported_hyperparameters():
    return TRAINING | {"activation": "tanh,relu,leaky_relu,gelu,sigmoid"}


def features(size):
    """Return how many of the pixels of a side are left."""
    for _ in range(3):
        size = (size - 2) // 2
    return size


class Net(PyTorchClassifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        height, width = map(features, in_shape[2:])
        self.conv1 = nn.Conv2d(in_shape[1], 16, 3)
        self.conv2 = nn.Conv2d(16, 32, 3)
        self.conv3 = nn.Conv2d(32, 15, 3)
        self.pool = nn.MaxPool2d(2)
        self.activation = activation(prm["activation"])
        self.flatten = nn.Flatten()
        self.linear1 = nn.Linear(15 * height * width, 20)
        self.linear2 = nn.Linear(20, out_shape[0])

    def forward(self, images):
        x = self.activation(self.pool(self.conv1(images)))
        x = self.activation(self.pool(self.conv2(x)))
        x = self.flatten(self.activation(self.pool(self.conv3(x))))
        return self.linear2(self.activation(self.linear1(x)))
