"""DPN-131: blocks of two paths, a residual and a densely connected one; the deepest.

Chen, Li, Xiao, Jin, Yan, Feng: Dual Path Networks, NeurIPS 2017 (figure 2 d and table 1; the sizes
are those of DPN-131 in the authors' code). 76,592,394 parameters for 3 channels and 10 classes.
"""

import torch
from torch import nn

from lemur_core.kinds.net import TRAINING, Classifier

# Of each stage: blocks, the bottleneck's width, the residual path, the growth of the dense path.
STAGES = (
    (4, 160, 256, 16),
    (8, 320, 512, 32),
    (28, 640, 1024, 32),
    (3, 1280, 2048, 128),
)
GROUPS = 40


def supported_hyperparameters():
    return TRAINING | {"norm_eps": "1e-5..1e-3 log"}


def activated(channels_in, channels, kernel, stride, groups, eps):
    """A convolution of what is normalised and activated."""
    padding = kernel // 2
    return nn.Sequential(
        nn.BatchNorm2d(channels_in, eps=eps),
        nn.ReLU(inplace=True),
        nn.Conv2d(channels_in, channels, kernel, stride, padding, groups=groups, bias=False),
    )


class DualPath(nn.Module):
    """A bottleneck whose output is added to the residual path and appended to the dense one.

    The first ``residual`` channels of its input and its output are the residual path, all others
    the dense path, which grows by ``growth``; by twice as much more where a stage begins, whose
    first block projects its input.
    """

    def __init__(self, channels_in, width, residual, growth, stride, projects, eps):
        super().__init__()
        self.residual = residual
        self.shortcut = nn.Sequential()
        if projects:
            self.shortcut = activated(channels_in, residual + 2 * growth, 1, stride, 1, eps)
        self.branch = nn.Sequential(
            activated(channels_in, width, 1, 1, 1, eps),
            activated(width, width, 3, stride, GROUPS, eps),
            activated(width, residual + growth, 1, 1, 1, eps),
        )

    def forward(self, x):
        shortcut, branch = self.shortcut(x), self.branch(x)
        residual = shortcut[:, : self.residual] + branch[:, : self.residual]
        dense = shortcut[:, self.residual :], branch[:, self.residual :]
        return torch.cat([residual, *dense], dim=1)


class Net(Classifier):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__(in_shape, out_shape, prm, device)
        eps = prm["norm_eps"]
        self.features = nn.Sequential(
            nn.Conv2d(in_shape[1], 128, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(128, eps=eps),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        channels = 128
        for stage, (depth, width, residual, growth) in enumerate(STAGES):
            for block in range(depth):
                stride = 2 if block == 0 and stage > 0 else 1
                sizes = width, residual, growth, stride
                self.features.append(DualPath(channels, *sizes, block == 0, eps))
                channels = residual + 3 * growth if block == 0 else channels + growth
        self.head = nn.Sequential(
            nn.BatchNorm2d(channels, eps=eps),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, out_shape[0], 1),
            nn.Flatten(),
        )

    def forward(self, images):
        return self.head(self.features(images))
