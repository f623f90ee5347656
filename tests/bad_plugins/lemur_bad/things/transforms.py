"""Transforms that are right but for one thing."""

import torch
from torch import nn
from torch.nn.functional import avg_pool2d


class Good(nn.Module):
    def __init__(self, normalisation):
        super().__init__()

    def forward(self, images):
        return images / 255


class AltersInput(Good):
    def forward(self, images):
        images[0] = 7
        return super().forward(images)


class RandomInEval(Good):
    def forward(self, images):
        return super().forward(images) + torch.rand(())


class WrongType(Good):
    def forward(self, images):
        return images.double() / 255


class NotFinite(Good):
    def forward(self, images):
        return super().forward(images) + float("inf")


class IgnoresTheSeed(Good):
    def __init__(self, normalisation):
        super().__init__(normalisation)
        self.generator = torch.Generator()

    def forward(self, images):
        noise = torch.rand((), generator=self.generator) if self.training else 0
        return super().forward(images) + noise


class InventsClass(nn.Module):
    def __init__(self, normalisation):
        super().__init__()

    def pair(self, image, mask):
        averaged = avg_pool2d(mask[None, None].float(), 3, stride=1, padding=1)
        return image.float() / 255, averaged[0, 0].round().long()
