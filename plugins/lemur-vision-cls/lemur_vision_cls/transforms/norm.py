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
        pixels = images.float()
        if pixels.shape[-2:] != (self.size, self.size):
            pixels = interpolate(pixels, (self.size, self.size), mode="bilinear", antialias=True)
        if self.flip and self.training:
            drawn = torch.rand(len(pixels), 1, 1, 1, device=pixels.device) < 0.5
            pixels = torch.where(drawn, pixels.flip(-1), pixels)
        return (pixels - self.mean.to(pixels.device)) / self.std.to(pixels.device)


def norm_32(normalisation: Normalisation) -> Norm:
    """32 px."""
    return Norm(normalisation, 32)


def norm_64(normalisation: Normalisation) -> Norm:
    """64 px."""
    return Norm(normalisation, 64)


def norm_32_flip(normalisation: Normalisation) -> Norm:
    """32 px, mirrored at random."""
    return Norm(normalisation, 32, flip=True)
