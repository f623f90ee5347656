"""ResNet-18 of the model zoos: a stem of one 3x3 convolution, for images of 32 and 64 pixels.

He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016, without the stem's
stride and pooling, as Schürholt et al., Model Zoos, NeurIPS 2022, trained it. 11,173,962 parameters
for 3 channels, 10 classes and a width of 64.
"""

from itertools import pairwise

from torch import nn

from lemur_core.kinds.net import TRAINING, Classifier

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "gelu": nn.GELU}
INITS = {
    "kaiming_uniform": nn.init.kaiming_uniform_,
    "kaiming_normal": nn.init.kaiming_normal_,
    "uniform": nn.init.uniform_,
    "normal": nn.init.normal_,
}


def supported_hyperparameters():
    # The width is the number of channels of the first stage.
    return TRAINING | {
        "activation": "relu,tanh,sigmoid,gelu",
        "dropout": "0..0.5",
        "init": "kaiming_uniform,kaiming_normal,uniform,normal",
        "width": "2^2..2^6",
    }


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut, which is projected where the shape changes."""

    def __init__(self, channels_in, channels, stride, activation):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Sequential()
        if stride != 1 or channels_in != channels:
            self.shortcut.append(nn.Conv2d(channels_in, channels, 1, stride, bias=False))
            self.shortcut.append(nn.BatchNorm2d(channels))
        self.activation = activation()

    def forward(self, x):
        residual = self.norm2(self.conv2(self.activation(self.norm1(self.conv1(x)))))
        return self.activation(residual + self.shortcut(x))


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        activation, width = ACTIVATIONS[prm["activation"]], prm["width"]
        self.stem = nn.Sequential(
            nn.Conv2d(in_shape[1], width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            activation(),
        )
        widths = (width, width, 2 * width, 4 * width, 8 * width)
        self.stages = nn.Sequential()
        for stage, (before, after) in enumerate(pairwise(widths)):
            stride = 2 if stage else 1
            self.stages.append(Residual(before, after, stride, activation))
            self.stages.append(Residual(after, after, 1, activation))
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(prm["dropout"]),
            nn.Linear(8 * width, out_shape[0]),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                INITS[prm["init"]](module.weight)
        nn.init.constant_(self.head[-1].bias, 0.01)

    def forward(self, images):
        return self.head(self.stages(self.stem(images)))
