"""Resized, scaled to 0..1 and normalised by the data set's mean and standard deviation."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from lemur_core.kinds.transform import Normalisation


class Norm(nn.Module):
    """Images, uint8 ``(batch, channels, H, W)``, to float32 ``(batch, channels, size, size)``.

    Args:
        normalisation: Mean and standard deviation of each channel, of values in 0 to 1.
        size: Height and width, in pixels; bilinear, antialiased where it shrinks.
        flip: Mirror each training image with a probability of one half.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, normalisation: Normalisation, size: int, *, flip: bool = False) -> None:
        super().__init__()
        self.size, self.flip = size, flip
        # Of 0..255, so that scaling and normalising are one pass.
        for name, values in zip(("mean", "std"), normalisation, strict=True):
            self.register_buffer(name, 255 * torch.tensor(values)[:, None, None])

    def forward(self, images: Tensor) -> Tensor:
        """Return the images as the net is fed them."""
        if self.flip and self.training:
            images = _mirrored(images)
        pixels = images.to(torch.float32, copy=True)
        if pixels.shape[-2:] != (self.size, self.size):
            pixels = interpolate(pixels, (self.size, self.size), mode="bilinear", antialias=True)
        return pixels.sub_(self.mean.to(pixels.device)).div_(self.std.to(pixels.device))


def _mirrored(images: Tensor) -> Tensor:
    """Return the images, uint8, each mirrored with a probability of one half."""
    drawn = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
    # All bits where it was drawn, else none. On bytes, bit by bit, twice as fast as torch.where.
    mask = drawn.to(torch.uint8).neg_()
    return images.flip(-1).bitwise_xor_(images).bitwise_and_(mask).bitwise_xor_(images)


def norm_32(normalisation: Normalisation) -> Norm:
    """32 px."""
    return Norm(normalisation, 32)


def norm_64(normalisation: Normalisation) -> Norm:
    """64 px."""
    return Norm(normalisation, 64)


def norm_32_flip(normalisation: Normalisation) -> Norm:
    """32 px, mirrored at random."""
    return Norm(normalisation, 32, flip=True)
