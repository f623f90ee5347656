"""CNN-S in PyTorch: three convolutions and two linear layers.

The small net of the model zoos (Schürholt et al., NeurIPS 2022, table 4), without dropout and with
each framework's own initial weights. 2,864 parameters for images of 28x28 pixels, 3 channels and 10
classes.
"""

from torch import nn

from lemur_twins.backends.pytorch import PyTorchClassifier, activation
from lemur_twins.hyperparameters import TRAINING


def supported_hyperparameters():
    return TRAINING | {"activation": "tanh,relu,leaky_relu,gelu,sigmoid"}


def features(height, width):
    """Return how many pixels the last convolution leaves."""
    return [((size - 4) // 2 - 4) // 2 - 1 for size in (height, width)]


class Net(PyTorchClassifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        height, width = features(*in_shape[2:])
        self.conv1 = nn.Conv2d(in_shape[1], 8, 5)
        self.conv2 = nn.Conv2d(8, 6, 5)
        self.conv3 = nn.Conv2d(6, 4, 2)
        self.pool = nn.MaxPool2d(2)
        self.activation = activation(prm["activation"])
        self.flatten = nn.Flatten()
        self.linear1 = nn.Linear(4 * height * width, 20)
        self.linear2 = nn.Linear(20, out_shape[0])

    def forward(self, images):
        x = self.activation(self.pool(self.conv1(images)))
        x = self.activation(self.pool(self.conv2(x)))
        x = self.flatten(self.activation(self.conv3(x)))
        return self.linear2(self.activation(self.linear1(x)))
