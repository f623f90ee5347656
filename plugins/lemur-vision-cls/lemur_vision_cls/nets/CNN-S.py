"""CNN-S: the small net of the model zoos, of three convolutions and two linear layers.

Schürholt, Taskiran, Knyazev, Giró-i-Nieto, Borth: Model Zoos: A Dataset of Diverse Populations of
Neural Network Models, NeurIPS 2022 (table 4). Made for images of 28x28 pixels, where the last
pooling changes nothing; it averages larger maps to the 3x3 that are read there.
2,864 parameters for 3 channels and 10 classes.
"""

from torch import nn

from lemur_core.kinds.net import TRAINING, Classifier

ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid, "gelu": nn.GELU}
INITS = {
    "kaiming_uniform": nn.init.kaiming_uniform_,
    "kaiming_normal": nn.init.kaiming_normal_,
    "uniform": nn.init.uniform_,
    "normal": nn.init.normal_,
}


def supported_hyperparameters():
    # What the zoos vary; without normalisation layers SGD needs many epochs.
    return TRAINING | {
        "optimizer": "adam",
        "lr": "1e-4..1e-2 log",
        "activation": "tanh,relu,sigmoid,gelu",
        "dropout": "0..0.5",
        "init": "kaiming_uniform,kaiming_normal,uniform,normal",
    }


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        activation, dropout = ACTIVATIONS[prm["activation"]], prm["dropout"]
        self.layers = nn.Sequential(
            nn.Conv2d(in_shape[1], 8, 5),
            nn.MaxPool2d(2),
            activation(),
            nn.Dropout(dropout),
            nn.Conv2d(8, 6, 5),
            nn.MaxPool2d(2),
            activation(),
            nn.Dropout(dropout),
            nn.Conv2d(6, 4, 2),
            activation(),
            nn.AdaptiveAvgPool2d(3),
            nn.Flatten(),
            nn.Linear(4 * 3 * 3, 20),
            activation(),
            nn.Dropout(dropout),
            nn.Linear(20, out_shape[0]),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                INITS[prm["init"]](module.weight)
                nn.init.constant_(module.bias, 0.01)

    def forward(self, images):
        return self.layers(images)
