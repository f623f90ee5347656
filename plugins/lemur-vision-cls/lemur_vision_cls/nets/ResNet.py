"""ResNet-18: residual blocks of two 3x3 convolutions.

He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016 (table 1, 18 layers).
11,181,642 parameters for 3 channels and 10 classes.
"""

from torch import nn
from torch.nn.functional import relu

from lemur_core.kinds.net import TRAINING, Classifier


def supported_hyperparameters():
    return TRAINING


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut, which is projected where the shape changes."""

    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Sequential()
        if stride != 1 or channels_in != channels:
            self.shortcut.append(nn.Conv2d(channels_in, channels, 1, stride, bias=False))
            self.shortcut.append(nn.BatchNorm2d(channels))

    def forward(self, x):
        residual = self.norm2(self.conv2(relu(self.norm1(self.conv1(x)))))
        return relu(residual + self.shortcut(x))


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.stem = nn.Sequential(
            nn.Conv2d(in_shape[1], 64, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        self.stages = nn.Sequential(
            *(Residual(64, 64, 1), Residual(64, 64, 1)),
            *(Residual(64, 128, 2), Residual(128, 128, 1)),
            *(Residual(128, 256, 2), Residual(256, 256, 1)),
            *(Residual(256, 512, 2), Residual(512, 512, 1)),
        )
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, out_shape[0])
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images):
        return self.head(self.stages(self.stem(images)))
