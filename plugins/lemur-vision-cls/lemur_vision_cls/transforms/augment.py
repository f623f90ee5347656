"""Resize, distort by policies that need no search, and normalise.

Müller, Hutter: TrivialAugment, ICCV 2021 (wide); Cubuk, Zoph, Shlens, Le: RandAugment, NeurIPS 2020
(two operations of magnitude 9 of 30).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from lemur_core.kinds.transform import by_size
from lemur_vision_cls.transforms.norm import Norm

if TYPE_CHECKING:
    from lemur_core.kinds.transform import Normalisation


class Augment(Norm):
    """Transform images as `Norm` does, and distort each training image before.

    Args:
        normalisation: Mean and standard deviation of each channel, for values in 0 to 1.
        policy: Distorts one image, uint8, shape ``(channels, size, size)``.
        size: Height and width in pixels.
    """

    def __init__(self, normalisation: Normalisation, policy: nn.Module, size: int) -> None:
        super().__init__(normalisation, size)
        self.policy = policy

    def forward(self, images: Tensor) -> Tensor:
        """Return the net's inputs for images, uint8, shape ``(batch, channels, H, W)``."""
        if self.training:
            images = v2.functional.resize(images, [self.size, self.size])
            # A policy draws random numbers once per call, so it is called for each image.
            images = torch.stack([self.policy(image) for image in images])
        return super().forward(images)


def trivialaugment(normalisation: Normalisation, size: int) -> Augment:
    """Return a transform that distorts each image by one random operation of random strength."""
    return Augment(normalisation, v2.TrivialAugmentWide(), size)


def randaugment(normalisation: Normalisation, size: int) -> Augment:
    """Return a transform that distorts each image by two random operations."""
    return Augment(normalisation, v2.RandAugment(num_ops=2, magnitude=9), size)


__getattr__ = by_size({"trivialaugment_N": trivialaugment, "randaugment_N": randaugment})
