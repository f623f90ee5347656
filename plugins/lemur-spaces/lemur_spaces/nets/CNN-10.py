"""CNN-10: up to ten convolutions and a hidden linear layer, all given by numbers.

The architectures on which lemur's estimators are evaluated, after Rorabaugh et al., PEng4NN
(arXiv:2101.04185). ``layers`` lists the convolutions: ``16k3s1p1-8k5s2p0`` has 16 filters of 3x3
pixels with stride 1 and padding 1, then 8 of 5x5 with stride 2. ``hidden`` is the number of hidden
units, 0 for none. There is no normalisation.
"""

import re

from torch import nn

from lemur_core.kinds.net import TRAINING, Classifier

LAYER = re.compile(r"(\d+)k(\d+)s(\d+)p(\d+)")


def supported_hyperparameters():
    return TRAINING | {"layers": "16k3s1p1-16k3s2p1-16k3s2p1", "hidden": 32}


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        channels, side = in_shape[1], in_shape[2]
        self.features = nn.Sequential()
        for text in prm["layers"].split("-"):
            match = LAYER.fullmatch(text)
            if match is None:
                raise ValueError(f"layer {text!r}: expected filters, kernel, stride and padding")
            filters, kernel, stride, padding = map(int, match.groups())
            side = (side + 2 * padding - kernel) // stride + 1
            if side < 1:
                raise ValueError(f"layer {text!r}: its output is empty for {in_shape[2]} px")
            self.features.append(nn.Conv2d(channels, filters, kernel, stride, padding))
            self.features.append(nn.ReLU())
            channels = filters
        features = channels * side * side
        self.head = nn.Sequential(nn.Flatten())
        if prm["hidden"]:
            self.head.extend([nn.Linear(features, prm["hidden"]), nn.ReLU()])
        self.head.append(nn.Linear(prm["hidden"] or features, out_shape[0]))

    def forward(self, images):
        return self.head(self.features(images))
