"""LR-ASPP on MobileNetV3-Large: two maps of a light backbone, the coarse one weighed by its mean.

Howard, Sandler, Chu, Chen, Chen, Tan, Wang, Zhu, Pang, Vasudevan, Le, Adam: Searching for
MobileNetV3, ICCV 2019 (table 1, figure 10). Kept: the backbone and the head, whose maps are a
sixteenth and an eighth of the image. Changed, as torchvision's lraspp_mobilenet_v3_large has it:
the coarse map is weighed by the mean of all of it and not of windows of 49x49, and the last blocks
have all their channels.
3,218,988 parameters for 3 channels and 6 classes.
"""

from torch import nn
from torch.nn.functional import interpolate

from lemur_core.kinds.net import TRAINING, Classifier
from lemur_core.kinds.pretrained import load_backbone

# torchvision's weights of ImageNet.
WEIGHTS = "mobilenet_v3_large-8738ca79.pth"
# Of each block: kernel, width within, channels, the squeezed ones (0: not excited), hard swish
# (else ReLU), stride, dilation.
BLOCKS = (
    (3, 16, 16, 0, False, 1, 1),
    (3, 64, 24, 0, False, 2, 1),
    (3, 72, 24, 0, False, 1, 1),
    (5, 72, 40, 24, False, 2, 1),
    (5, 120, 40, 32, False, 1, 1),
    (5, 120, 40, 32, False, 1, 1),
    (3, 240, 80, 0, True, 2, 1),
    (3, 200, 80, 0, True, 1, 1),
    (3, 184, 80, 0, True, 1, 1),
    (3, 184, 80, 0, True, 1, 1),
    (3, 480, 112, 120, True, 1, 1),
    (3, 672, 112, 168, True, 1, 1),
    (5, 672, 160, 168, True, 1, 2),
    (5, 960, 160, 240, True, 1, 2),
    (5, 960, 160, 240, True, 1, 2),
)
# The part of the backbone whose map, of 40 channels, the head takes beside the last.
FINE = 4


def supported_hyperparameters():
    # Depthwise convolutions learn slowly by SGD, whose steps are the same for all.
    return TRAINING | {
        "optimizer": "adam",
        "lr": "5e-4..1e-2 log",
        "norm_eps": 1e-3,
        "norm_momentum": "0.01..0.1 log",
        "pretrained": 0,
    }


def conv(channels_in, channels, kernel, activation, norm, stride=1, dilation=1, groups=1):
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, kernel, stride, padding, dilation, groups, bias=False),
        nn.BatchNorm2d(channels, **norm),
        *activation,
    )


class SqueezeExcitation(nn.Module):
    """Scales each channel by what the means of all of them say."""

    def __init__(self, channels, squeezed):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc1, self.relu = nn.Conv2d(channels, squeezed, 1), nn.ReLU()
        self.fc2, self.gate = nn.Conv2d(squeezed, channels, 1), nn.Hardsigmoid()

    def forward(self, x):
        return self.gate(self.fc2(self.relu(self.fc1(self.pool(x))))) * x


class InvertedResidual(nn.Module):
    """Widen, convolve each channel, excite, narrow; added to the input where the shape stays."""

    def __init__(
        self, channels_in, kernel, wide, channels, squeezed, swish, stride, dilation, norm
    ):
        super().__init__()
        activation = [nn.Hardswish(inplace=True) if swish else nn.ReLU(inplace=True)]
        self.residual = stride == 1 and channels_in == channels
        self.block = nn.Sequential()
        if wide != channels_in:
            self.block.append(conv(channels_in, wide, 1, activation, norm))
        self.block.append(conv(wide, wide, kernel, activation, norm, stride, dilation, wide))
        if squeezed:
            self.block.append(SqueezeExcitation(wide, squeezed))
        self.block.append(conv(wide, channels, 1, [], norm))

    def forward(self, x):
        return self.block(x) + x if self.residual else self.block(x)


def mobilenet(channels_in, norm):
    """Return the backbone; its parts are named as those of the weights."""
    swish = [nn.Hardswish(inplace=True)]
    features = nn.Sequential(conv(channels_in, 16, 3, swish, norm, stride=2))
    channels = 16
    for block in BLOCKS:
        features.append(InvertedResidual(channels, *block, norm))
        channels = block[2]
    return features.append(conv(channels, 960, 1, swish, norm))


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        norm = {"eps": prm["norm_eps"], "momentum": prm["norm_momentum"]}
        self.features = mobilenet(in_shape[1], norm)
        self.coarse = conv(960, 128, 1, [nn.ReLU(inplace=True)], {})
        self.weight = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(960, 128, 1, bias=False), nn.Sigmoid()
        )
        self.score_fine = nn.Conv2d(BLOCKS[FINE - 1][2], out_shape[0], 1)
        self.score_coarse = nn.Conv2d(128, out_shape[0], 1)
        for module in self.features.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        if prm["pretrained"]:
            load_backbone(self.features, WEIGHTS, "features")

    def forward(self, images):
        x = images
        for number, part in enumerate(self.features):
            x = part(x)
            if number == FINE:
                fine = x
        x = self.coarse(x) * self.weight(x)
        x = interpolate(x, size=fine.shape[-2:], mode="bilinear")
        scores = self.score_fine(fine) + self.score_coarse(x)
        return interpolate(scores, size=images.shape[-2:], mode="bilinear")
