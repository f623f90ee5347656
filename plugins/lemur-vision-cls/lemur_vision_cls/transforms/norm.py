"""Resize, scale to 0..1 and normalise by the dataset's mean and standard deviation.

LEMUR's ``norm_<px>_flip`` also crops at random, in scoring as well as in training. Here the name
describes everything that is done, and scoring draws no random numbers.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from lemur_core.kinds.transform import by_size

if TYPE_CHECKING:
    from lemur_core.kinds.transform import Normalisation


class Norm(nn.Module):
    """Transform uint8 images to float32, shape ``(batch, channels, size, size)``.

    Args:
        normalisation: Mean and standard deviation of each channel, for values in 0 to 1.
        size: Height and width in pixels; bilinear, antialiased when shrinking. None keeps the size.
        flip: Whether to mirror each training image with a probability of one half.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, normalisation: Normalisation, size: int | None = None, *, flip: bool = False
    ) -> None:
        super().__init__()
        self.size, self.flip = size, flip
        # For values in 0..255, so that scaling and normalising are one pass.
        for name, values in zip(("mean", "std"), normalisation, strict=True):
            self.register_buffer(name, 255 * torch.tensor(values)[:, None, None])

    def forward(self, images: Tensor) -> Tensor:
        """Return the net's inputs for images, uint8, shape ``(batch, channels, H, W)``."""
        if self.flip and self.training:
            images = mirrored(images)
        pixels = images.to(torch.float32, copy=True)
        if self.size is not None and pixels.shape[-2:] != (self.size, self.size):
            pixels = interpolate(pixels, (self.size, self.size), mode="bilinear", antialias=True)
        return pixels.sub_(self.mean.to(pixels.device)).div_(self.std.to(pixels.device))


def mirrored(images: Tensor) -> Tensor:
    """Return uint8 images, each mirrored with a probability of one half."""
    is_mirrored = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
    # The mask has all bits set for mirrored images, else none. Bitwise operations on bytes are
    # twice as fast as torch.where.
    mask = is_mirrored.to(torch.uint8).neg_()
    return images.flip(-1).bitwise_xor_(images).bitwise_and_(mask).bitwise_xor_(images)


norm, norm_flip = Norm, partial(Norm, flip=True)
__getattr__ = by_size({"norm_N": Norm, "norm_N_flip": norm_flip})
