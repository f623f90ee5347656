"""VGG in PyTorch: stages of 3x3 convolutions, each ended by a pooling, and three linear layers.

Simonyan, Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015.
``stages`` is the number of convolutions of each stage, ``2-2-3-3-3`` for VGG16; ``width`` the
channels of the first stage, which double up to eightfold. The linear layers read what the last
pooling leaves: VGG16 has 33,638,218 parameters for images of 32x32 pixels, 3 channels and 10
classes. ``norm`` is ``none``, ``batch`` or ``group``: a normalisation after each convolution, which
then has no bias.
"""

from itertools import chain

from torch import nn
from torch.nn.functional import max_pool2d, relu

from lemur_twins.backends.pytorch import PyTorchClassifier
from lemur_twins.hyperparameters import TRAINING

GROUPS = 4


def supported_hyperparameters():
    return TRAINING | {"stages": "1-1-2", "width": 16, "hidden": 64, "norm": "none"}


def convolutions(channels, prm):
    """Yield for each stage, for each of its convolutions, its number and channels."""
    for stage, depth in enumerate(map(int, prm["stages"].split("-"))):
        widths = [channels, *[prm["width"] * 2 ** min(stage, 3)] * depth]
        yield [
            (f"{stage + 1}_{number + 1}", *widths[number : number + 2]) for number in range(depth)
        ]
        channels = widths[-1]


def flattened(in_shape, prm):
    """Return the number of features that the last pooling leaves."""
    *_, last = convolutions(in_shape[1], prm)
    halved = 2 ** len(prm["stages"].split("-"))
    return last[-1][-1] * (in_shape[2] // halved) * (in_shape[3] // halved)


class Net(PyTorchClassifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.stages = list(convolutions(in_shape[1], prm))
        self.has_norm = prm["norm"] != "none"
        for number, channels_in, channels in chain(*self.stages):
            conv = nn.Conv2d(channels_in, channels, 3, padding=1, bias=not self.has_norm)
            self.add_module(f"conv{number}", conv)
            if self.has_norm:
                batch = prm["norm"] == "batch"
                norm = nn.BatchNorm2d(channels) if batch else nn.GroupNorm(GROUPS, channels)
                self.add_module(f"norm{number}", norm)
        self.flatten = nn.Flatten()
        self.linear1 = nn.Linear(flattened(in_shape, prm), prm["hidden"])
        self.linear2 = nn.Linear(prm["hidden"], prm["hidden"])
        self.linear3 = nn.Linear(prm["hidden"], out_shape[0])

    def forward(self, images):
        x = images
        for stage in self.stages:
            for number, *_ in stage:
                x = self.get_submodule(f"conv{number}")(x)
                x = relu(self.get_submodule(f"norm{number}")(x) if self.has_norm else x)
            x = max_pool2d(x, 2)
        x = relu(self.linear1(self.flatten(x)))
        return self.linear3(relu(self.linear2(x)))
