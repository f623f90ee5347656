"""Wide ResNet WRN-28-10: pre-activated residual blocks of ten times a ResNet's channels.

Zagoruyko, Komodakis: Wide Residual Networks, BMVC 2016 (table 1, figure 1 d), made for images of
32x32. 36,479,194 parameters for 3 channels and 10 classes.
"""

from torch import nn
from torch.nn.functional import relu

from lemur_core.kinds.net import TRAINING, Classifier


def supported_hyperparameters():
    return TRAINING | {"dropout": "0..0.4"}


class Residual(nn.Module):
    """Two 3x3 convolutions, each after its activation, beside a shortcut.

    Where the shape changes, the shortcut is a 1x1 convolution of what is activated already.
    """

    def __init__(self, channels_in, channels, stride, dropout):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.shortcut = None
        if channels_in != channels:
            self.shortcut = nn.Conv2d(channels_in, channels, 1, stride, bias=False)

    def forward(self, x):
        activated = relu(self.norm1(x), inplace=True)
        residual = relu(self.norm2(self.conv1(activated)), inplace=True)
        residual = self.conv2(self.dropout(residual))
        return residual + (x if self.shortcut is None else self.shortcut(activated))


def group(channels_in, channels, stride, dropout):
    rest = (Residual(channels, channels, 1, dropout) for _ in range(3))
    return nn.Sequential(Residual(channels_in, channels, stride, dropout), *rest)


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.features = nn.Sequential(
            nn.Conv2d(in_shape[1], 16, 3, padding=1, bias=False),
            group(16, 160, 1, prm["dropout"]),
            group(160, 320, 2, prm["dropout"]),
            group(320, 640, 2, prm["dropout"]),
            nn.BatchNorm2d(640),
            nn.ReLU(inplace=True),
        )
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(640, out_shape[0])
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images):
        return self.head(self.features(images))
