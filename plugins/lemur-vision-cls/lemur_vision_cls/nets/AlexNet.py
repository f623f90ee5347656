"""AlexNet: five convolutions and three linear layers, in one column.

Krizhevsky: One weird trick for parallelizing convolutional neural networks, 2014; the net of
Krizhevsky, Sutskever, Hinton: ImageNet Classification with Deep Convolutional Neural Networks,
NeurIPS 2012, without its two columns. 57,044,810 parameters for 3 channels and 10 classes.
"""

from torch import nn

from lemur_core.kinds.net import TRAINING, Classifier


def supported_hyperparameters():
    # Without normalisation layers it takes small steps only, and SGD then needs many epochs.
    return TRAINING | {"optimizer": "adam", "lr": "1e-4..1e-3 log", "dropout": "0..0.5"}


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.features = nn.Sequential(
            nn.Conv2d(in_shape[1], 64, 11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.AdaptiveAvgPool2d(6),
        )
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(prm["dropout"]),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(),
            nn.Dropout(prm["dropout"]),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, out_shape[0]),
        )
        # By torch's default the signal shrinks from layer to layer, and the first epochs are lost.
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.classifier[-1].weight, std=0.01)

    def forward(self, images):
        return self.classifier(self.features(images))
