"""FCN-32s on VGG-16: scores of the last map, upsampled by 32 in one step.

Long, Shelhamer, Darrell: Fully Convolutional Networks for Semantic Segmentation, CVPR 2015 (figure
3); Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR
2015 (table 1, D). Kept: the convolutions and the five poolings of VGG-16, scores of the last map,
bilinear upsampling. Changed: one 3x3 convolution of 128 channels with batch normalisation is in the
place of the two layers of 4,096; the image is padded at each convolution, not once by 100 pixels.
15,305,542 parameters for 3 channels and 6 classes.
"""

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
        for module in self.features:
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(module.bias)
        if prm["pretrained"]:
            load_backbone(self.features, WEIGHTS, "features")

    def forward(self, images):
        scores = self.classifier(self.features(images))
        return interpolate(scores, size=images.shape[-2:], mode="bilinear")
