"""VGG-11 (A): eight 3x3 convolutions, a pooling after each one or two, and three linear layers.

Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015
(table 1, A). 128,807,306 parameters for 3 channels and 10 classes.
"""

from torch import nn

from lemur_core.kinds.net import TRAINING, Classifier

# Channels of the convolutions; the map is halved where it says so.
LAYERS = (64, "halve", 128, "halve", 256, 256, "halve", 512, 512, "halve", 512, 512, "halve")


def supported_hyperparameters():
    # Without normalisation layers it takes small steps only, and SGD then needs many epochs.
    return TRAINING | {"optimizer": "adam", "lr": "1e-5..3e-4 log", "dropout": "0..0.5"}


def convolutions(channels_in):
    for channels in LAYERS:
        if channels == "halve":
            yield nn.MaxPool2d(2)
        else:
            yield nn.Conv2d(channels_in, channels, 3, padding=1)
            yield nn.ReLU(inplace=True)
            channels_in = channels


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.features = nn.Sequential(*convolutions(in_shape[1]), nn.AdaptiveAvgPool2d(7))
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(512 * 7 * 7, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(prm["dropout"]),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(prm["dropout"]),
            nn.Linear(4096, out_shape[0]),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.01)
                nn.init.zeros_(module.bias)

    def forward(self, images):
        return self.classifier(self.features(images))
