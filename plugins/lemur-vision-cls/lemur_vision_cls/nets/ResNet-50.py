"""ResNet-50: residual bottlenecks of 1x1, 3x3 and 1x1 convolutions.

He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016 (table 1, 50 layers);
the 3x3 convolution takes the stride, as has become usual.
23,528,522 parameters for 3 channels and 10 classes.
"""

from torch import nn
from torch.nn.functional import relu

from lemur_core.kinds.net import TRAINING, Classifier


def supported_hyperparameters():
    return TRAINING


class Bottleneck(nn.Module):
    """Narrow, convolve, widen four times; beside a shortcut, projected where the shape changes."""

    def __init__(self, channels_in, width, stride):
        super().__init__()
        channels = 4 * width
        self.branch = nn.Sequential(
            nn.Conv2d(channels_in, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.shortcut = nn.Sequential()
        if stride != 1 or channels_in != channels:
            self.shortcut.append(nn.Conv2d(channels_in, channels, 1, stride, bias=False))
            self.shortcut.append(nn.BatchNorm2d(channels))

    def forward(self, x):
        return relu(self.branch(x) + self.shortcut(x), inplace=True)


def stage(channels_in, width, blocks, stride):
    rest = (Bottleneck(4 * width, width, 1) for _ in range(blocks - 1))
    return nn.Sequential(Bottleneck(channels_in, width, stride), *rest)


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.stem = nn.Sequential(
            nn.Conv2d(in_shape[1], 64, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        self.stages = nn.Sequential(
            stage(64, 64, 3, stride=1),
            stage(256, 128, 4, stride=2),
            stage(512, 256, 6, stride=2),
            stage(1024, 512, 3, stride=2),
        )
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, out_shape[0])
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images):
        return self.head(self.stages(self.stem(images)))
