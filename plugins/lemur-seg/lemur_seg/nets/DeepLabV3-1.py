"""DeepLabV3 on ResNet-50: a dilated backbone, seen by convolutions of several dilations at once.

Chen, Papandreou, Schroff, Adam: Rethinking Atrous Convolution for Semantic Image Segmentation,
2017 (figure 5); He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016
(table 1, 50 layers). Kept: the pyramid of dilations 12, 24 and 36 and of the whole image's mean,
for a map of an eighth of the image. Changed, as torchvision's deeplabv3_resnet50 has it: the last
stage dilates evenly, and a 3x3 convolution precedes the scores.
39,635,014 parameters for 3 channels and 6 classes.
"""

from collections import OrderedDict

import torch
from torch import nn
from torch.nn.functional import interpolate

from lemur_core.kinds.net import TRAINING, Classifier
from lemur_core.kinds.pretrained import load_backbone

# torchvision's weights of ImageNet.
WEIGHTS = "resnet50-0676ba61.pth"
# Of each stage: width within, blocks, stride, dilation in the first block and in the others.
STAGES = ((64, 3, 1, 1, 1), (128, 4, 2, 1, 1), (256, 6, 1, 1, 2), (512, 3, 1, 2, 4))
# Dilations of the pyramid.
RATES = (12, 24, 36)


def supported_hyperparameters():
    return TRAINING | {
        "optimizer": "adam",
        "lr": "1e-4..1e-2 log",
        "dropout": "0..0.5",
        "bn_momentum": 0.1,
        "pretrained": 0,
    }


class Bottleneck(nn.Module):
    """Narrow, convolve, widen four times; beside a shortcut, projected where the shape changes."""

    def __init__(self, channels_in, width, stride, dilation, bn_momentum):
        super().__init__()
        channels = 4 * width
        self.conv1 = nn.Conv2d(channels_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width, momentum=bn_momentum)
        self.conv2 = nn.Conv2d(width, width, 3, stride, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(width, momentum=bn_momentum)
        self.conv3 = nn.Conv2d(width, channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels, momentum=bn_momentum)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = nn.Sequential()
        if stride != 1 or channels_in != channels:
            self.downsample.append(nn.Conv2d(channels_in, channels, 1, stride, bias=False))
            self.downsample.append(nn.BatchNorm2d(channels, momentum=bn_momentum))

    def forward(self, x):
        branch = self.relu(self.bn1(self.conv1(x)))
        branch = self.relu(self.bn2(self.conv2(branch)))
        return self.relu(self.bn3(self.conv3(branch)) + self.downsample(x))


def resnet(channels_in, bn_momentum):
    """Return the backbone; its parts are named as those of the weights."""
    parts = OrderedDict(
        conv1=nn.Conv2d(channels_in, 64, 7, stride=2, padding=3, bias=False),
        bn1=nn.BatchNorm2d(64, momentum=bn_momentum),
        relu=nn.ReLU(inplace=True),
        maxpool=nn.MaxPool2d(3, stride=2, padding=1),
    )
    channels = 64
    for number, (width, blocks, stride, first, others) in enumerate(STAGES, 1):
        stage = nn.Sequential(Bottleneck(channels, width, stride, first, bn_momentum))
        channels = 4 * width
        for _ in range(blocks - 1):
            stage.append(Bottleneck(channels, width, 1, others, bn_momentum))
        parts[f"layer{number}"] = stage
    return nn.Sequential(parts)


def conv(channels_in, channels, kernel, bn_momentum, dilation=1):
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, kernel, 1, padding, dilation, bias=False),
        nn.BatchNorm2d(channels, momentum=bn_momentum),
        nn.ReLU(inplace=True),
    )


class Pyramid(nn.Module):
    """Atrous spatial pyramid pooling: a map seen near, at each dilation, and as a whole."""

    def __init__(self, channels_in, bn_momentum, dropout):
        super().__init__()
        self.near = conv(channels_in, 256, 1, bn_momentum)
        self.dilated = nn.ModuleList(conv(channels_in, 256, 3, bn_momentum, rate) for rate in RATES)
        self.whole = nn.Sequential(nn.AdaptiveAvgPool2d(1), *conv(channels_in, 256, 1, bn_momentum))
        self.join = conv(256 * (2 + len(RATES)), 256, 1, bn_momentum)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        whole = self.whole(x).expand(-1, -1, *x.shape[-2:])
        seen = [self.near(x), *(conv(x) for conv in self.dilated), whole]
        return self.dropout(self.join(torch.cat(seen, dim=1)))


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        momentum = prm["bn_momentum"]
        self.backbone = resnet(in_shape[1], momentum)
        self.classifier = nn.Sequential(
            Pyramid(2048, momentum, prm["dropout"]),
            conv(256, 256, 3, momentum),
            nn.Conv2d(256, out_shape[0], 1),
        )
        for module in self.backbone.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if prm["pretrained"]:
            load_backbone(self.backbone, WEIGHTS)

    def forward(self, images):
        scores = self.classifier(self.backbone(images))
        return interpolate(scores, size=images.shape[-2:], mode="bilinear")
