"""FCN-16s on VGG-16: scores of the last map, joined by those of the fourth pooling.

Long, Shelhamer, Darrell: Fully Convolutional Networks for Semantic Segmentation, CVPR 2015 (figure
3); Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR
2015 (table 1, D). Kept: the convolutions and the five poolings of VGG-16; scores of one of them
are added to those of the last map, upsampled by a learned filter that begins as the bilinear one;
the last upsampling, by 16, is bilinear. Changed: one 3x3 convolution of 128 channels with batch
normalisation is in the place of the two layers of 4,096; the image is padded at each convolution,
not once by 100 pixels; all is trained at once, not by way of FCN-32s.
15,309,196 parameters for 3 channels and 6 classes.
"""

import torch
from torch import nn
from torch.nn.functional import interpolate

from lemur_core.kinds.net import TRAINING, Classifier
from lemur_core.kinds.pretrained import load_backbone

# torchvision's weights of ImageNet.
WEIGHTS = "vgg16-397923af.pth"
# Channels of the convolutions of each block; a pooling ends it.
BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


def supported_hyperparameters():
    # Without normalisation layers VGG-16 takes small steps only.
    return TRAINING | {
        "optimizer": "adam",
        "lr": "1e-5..3e-4 log",
        "dropout": "0..0.5",
        "bn_momentum": 0.1,
        "pretrained": 0,
    }


def convolutions(channels_in):
    for block in BLOCKS:
        for channels in block:
            yield nn.Conv2d(channels_in, channels, 3, padding=1)
            yield nn.ReLU(inplace=True)
            channels_in = channels
        yield nn.MaxPool2d(2)


class Doubling(nn.ConvTranspose2d):
    """Upsampling by 2: a transposed convolution that begins as the bilinear one of each class."""

    def __init__(self, classes):
        super().__init__(classes, classes, 4, stride=2, padding=1, bias=False)
        slope = torch.tensor([0.25, 0.75, 0.75, 0.25])
        nn.init.zeros_(self.weight)
        with torch.no_grad():
            self.weight[range(classes), range(classes)] = slope[:, None] * slope


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.features = nn.Sequential(*convolutions(in_shape[1]))
        self.classifier = nn.Sequential(
            nn.Conv2d(512, 128, 3, padding=1, bias=False),
            nn.BatchNorm2d(128, momentum=prm["bn_momentum"]),
            nn.ReLU(inplace=True),
            nn.Dropout(prm["dropout"]),
            nn.Conv2d(128, out_shape[0], 1),
        )
        self.score4 = nn.Conv2d(512, out_shape[0], 1)
        self.up4 = Doubling(out_shape[0])
        for module in self.features:
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(module.bias)
        if prm["pretrained"]:
            load_backbone(self.features, WEIGHTS, "features")

    def forward(self, images):
        x, pools = images, []
        for layer in self.features:
            x = layer(x)
            if isinstance(layer, nn.MaxPool2d):
                pools.append(x)
        scores = self.classifier(x)
        # A map of an odd size was pooled to less than its half: the skip's size says which it was.
        scores = self.score4(pools[3]) + self.up4(scores, pools[3].shape[-2:])
        return interpolate(scores, size=images.shape[-2:], mode="bilinear")
