"""MLP in PyTorch: two hidden linear layers, each with layer normalisation and an activation."""

from torch import nn

from lemur_twins.backends.pytorch import PyTorchClassifier, activation
from lemur_twins.hyperparameters import TRAINING


def supported_hyperparameters():
    return TRAINING | {"activation": "gelu,relu,leaky_relu,tanh,sigmoid", "width": 64}


class Net(PyTorchClassifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        _, channels, height, width = in_shape
        self.activation = activation(prm["activation"])
        self.flatten = nn.Flatten()
        self.linear1 = nn.Linear(channels * height * width, prm["width"])
        self.norm1 = nn.LayerNorm(prm["width"])
        self.linear2 = nn.Linear(prm["width"], prm["width"])
        self.norm2 = nn.LayerNorm(prm["width"])
        self.linear3 = nn.Linear(prm["width"], out_shape[0])

    def forward(self, images):
        x = self.activation(self.norm1(self.linear1(self.flatten(images))))
        x = self.activation(self.norm2(self.linear2(x)))
        return self.linear3(x)
