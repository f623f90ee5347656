"""ResNet in PyTorch: a stem of stride 4, four stages of bottlenecks, and a linear layer.

He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition, CVPR 2016. The stride of a
bottleneck is that of its 3x3 convolution, as in torchvision. ``stages`` is the number of
bottlenecks of each stage, ``3-4-6-3`` for ResNet50; ``width`` the channels of the stem. ResNet50
has 23,528,522 parameters, and 53,120 running means and variances, for 3 channels and 10 classes.
"""

from torch import nn
from torch.nn.functional import max_pool2d, relu

from lemur_twins.backends.pytorch import PyTorchClassifier
from lemur_twins.hyperparameters import TRAINING

EXPANSION = 4


def supported_hyperparameters():
    return TRAINING | {"stages": "3-4-6-3", "width": 64}


def bottlenecks(prm):
    """Yield the name, input channels, inner channels and stride of each bottleneck."""
    channels = prm["width"]
    for stage, depth in enumerate(map(int, prm["stages"].split("-"))):
        inner = prm["width"] * 2**stage
        for number in range(depth):
            stride = 2 if stage and number == 0 else 1
            yield f"block{stage + 1}_{number + 1}", channels, inner, stride
            channels = inner * EXPANSION


class Bottleneck(nn.Module):
    def __init__(self, channels, inner, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, inner, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, inner * EXPANSION, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(inner * EXPANSION)
        self.has_projection = stride != 1 or channels != inner * EXPANSION
        if self.has_projection:
            self.projection = nn.Conv2d(channels, inner * EXPANSION, 1, stride, bias=False)
            self.norm = nn.BatchNorm2d(inner * EXPANSION)

    def forward(self, x):
        out = relu(self.norm1(self.conv1(x)))
        out = relu(self.norm2(self.conv2(out)))
        out = self.norm3(self.conv3(out))
        return relu(out + (self.norm(self.projection(x)) if self.has_projection else x))


class Net(PyTorchClassifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        self.conv = nn.Conv2d(in_shape[1], prm["width"], 7, stride=2, padding=3, bias=False)
        self.norm = nn.BatchNorm2d(prm["width"])
        self.blocks = []
        for name, channels, inner, stride in bottlenecks(prm):
            self.add_module(name, Bottleneck(channels, inner, stride))
            self.blocks.append(name)
        self.linear = nn.Linear(inner * EXPANSION, out_shape[0])

    def forward(self, images):
        x = max_pool2d(relu(self.norm(self.conv(images))), 3, stride=2, padding=1)
        for name in self.blocks:
            x = self.get_submodule(name)(x)
        return self.linear(x.mean((2, 3)))
