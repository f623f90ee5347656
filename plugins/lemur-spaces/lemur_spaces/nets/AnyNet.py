"""AnyNet: a stem, four stages of residual bottlenecks, and a linear head, all given by numbers.

Radosavovic, Kosaraju, Girshick, He, Dollar: Designing Network Design Spaces, CVPR 2020 (section
3.2). Without other hyperparameters, it is RegNetX-200MF: 2,684,792 parameters for 3 channels and
1,000 classes.

Of stage i: ``depth_i`` blocks of ``width_i`` channels. The 3x3 convolution of a block has
``width_i / bottleneck_i`` channels in groups of ``group_i``. A stage without blocks is left out.
The first block of a stage halves height and width; that of the first does so if ``stride_1`` is 2.
``stem`` is ``simple``, a 3x3 convolution of stride 2; ``imagenet``, a 7x7 convolution and a 3x3
pooling, of stride 2 each; or ``cifar``, a 3x3 convolution of stride 1. Squeeze-and-excitation has
``se`` times as many channels as the block's input; with 0 there is none.
"""

from math import sqrt

from torch import nn
from torch.nn.functional import relu

from lemur_core.kinds.net import TRAINING, Classifier

STAGES = (1, 2, 3, 4)
STEMS = {"simple": (3, 2), "imagenet": (7, 2), "cifar": (3, 1)}


def supported_hyperparameters():
    design = {"stem": "simple", "stem_width": 32, "stride_1": 2, "se": 0.0}
    for stage, depth, width in zip(STAGES, (1, 1, 4, 7), (24, 56, 152, 368), strict=True):
        design |= {f"depth_{stage}": depth, f"width_{stage}": width}
        design |= {f"bottleneck_{stage}": 1, f"group_{stage}": 8}
    return TRAINING | design


def conv(channels_in, channels, kernel, stride=1, groups=1):
    padding = kernel // 2
    return [
        nn.Conv2d(channels_in, channels, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(channels),
    ]


class SqueezeExcitation(nn.Module):
    """Scales each channel by a factor that is computed from the means of all channels."""

    def __init__(self, channels, squeezed):
        super().__init__()
        self.scale = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(squeezed, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return x * self.scale(x)


class Bottleneck(nn.Module):
    """1x1, grouped 3x3, 1x1; beside a shortcut, which is projected where the shape changes."""

    def __init__(self, channels_in, channels, stride, inner, group, se):
        super().__init__()
        self.shortcut = nn.Sequential()
        if stride != 1 or channels_in != channels:
            self.shortcut.extend(conv(channels_in, channels, 1, stride))
        self.branch = nn.Sequential(
            *conv(channels_in, inner, 1),
            nn.ReLU(inplace=True),
            *conv(inner, inner, 3, stride, groups=inner // group),
            nn.ReLU(inplace=True),
        )
        if se:
            self.branch.append(SqueezeExcitation(inner, round(channels_in * se)))
        self.branch.extend(conv(inner, channels, 1))

    def forward(self, x):
        return relu(self.shortcut(x) + self.branch(x), inplace=True)


def stem_of(channels_in, prm):
    if prm["stem"] not in STEMS:
        raise ValueError(f"stem {prm['stem']!r}: expected {', '.join(STEMS)}")
    stem = conv(channels_in, prm["stem_width"], *STEMS[prm["stem"]])
    stem.append(nn.ReLU(inplace=True))
    if prm["stem"] == "imagenet":
        stem.append(nn.MaxPool2d(3, stride=2, padding=1))
    return nn.Sequential(*stem)


def stage_of(channels_in, stage, prm):
    depth, channels = prm[f"depth_{stage}"], prm[f"width_{stage}"]
    inner, rest = divmod(channels, prm[f"bottleneck_{stage}"])
    group = prm[f"group_{stage}"]
    if depth and (rest or inner < 1 or inner % group):
        raise ValueError(
            f"stage {stage}: width {channels}, bottleneck ratio {prm[f'bottleneck_{stage}']} and "
            f"group width {group} contradict each other; expected a width that the ratio divides, "
            "and a quotient that the group width divides"
        )
    blocks = nn.Sequential()
    for block in range(depth):
        stride = (prm["stride_1"] if stage == 1 else 2) if block == 0 else 1
        blocks.append(Bottleneck(channels_in, channels, stride, inner, group, prm["se"]))
        channels_in = channels
    return blocks


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        channels = prm["stem_width"]
        self.stem = stem_of(in_shape[1], prm)
        self.stages = nn.Sequential()
        for stage in STAGES:
            self.stages.append(stage_of(channels, stage, prm))
            channels = prm[f"width_{stage}"] if prm[f"depth_{stage}"] else channels
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, out_shape[0])
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
                nn.init.normal_(module.weight, std=sqrt(2 / fan_out))
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)

    def forward(self, images):
        return self.head(self.stages(self.stem(images)))
