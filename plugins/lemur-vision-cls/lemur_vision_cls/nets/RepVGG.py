"""RepVGG-A0 in its training form: 3x3, 1x1 and identity branches, summed in every layer.

Ding, Zhang, Ma, Han, Ding, Sun: RepVGG: Making VGG-style ConvNets Great Again, CVPR 2021 (tables 2
and 3, RepVGG-A0). After training each layer can be merged into one 3x3 convolution; this form has
7,840,778 parameters for 3 channels and 10 classes.
"""

from torch import nn
from torch.nn.functional import relu

from lemur_core.kinds.net import TRAINING, Classifier


def supported_hyperparameters():
    return TRAINING


class Layer(nn.Module):
    """Three branches, each normalised; without the identity where the shape changes."""

    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.identity = None
        if stride == 1 and channels_in == channels:
            self.identity = nn.BatchNorm2d(channels)
        self.conv3 = nn.Sequential(
            nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.conv1 = nn.Sequential(
            nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x):
        summed = self.conv1(x) + self.conv3(x)
        if self.identity is not None:
            summed += self.identity(x)
        return relu(summed, inplace=True)


def stage(channels_in, channels, depth):
    rest = (Layer(channels, channels, 1) for _ in range(depth - 1))
    return nn.Sequential(Layer(channels_in, channels, 2), *rest)


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.stages = nn.Sequential(
            stage(in_shape[1], 48, 1),
            stage(48, 48, 2),
            stage(48, 96, 4),
            stage(96, 192, 14),
            stage(192, 1280, 1),
        )
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, out_shape[0])
        )

    def forward(self, images):
        return self.head(self.stages(images))
