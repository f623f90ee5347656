"""Resized, scaled to 0..1 and normalised by the data set's mean and standard deviation.

What LEMUR calls ``norm_<px>_flip`` crops at random too, in scoring as well as in training; here a
name says all that is done, and nothing is drawn in scoring.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from lemur_vision_cls.transforms.sizes import SIZES

if TYPE_CHECKING:
    from lemur_core.kinds.transform import Normalisation


class Norm(nn.Module):
    """Images, uint8 ``(batch, channels, H, W)``, to float32 ``(batch, channels, size, size)``.

    Args:
        normalisation: Mean and standard deviation of each channel, of values in 0 to 1.
        size: Height and width, in pixels; bilinear, antialiased where it shrinks. None keeps the
            images' own.
        flip: Mirror each training image with a probability of one half.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, normalisation: Normalisation, size: int | None = None, *, flip: bool = False
    ) -> None:
        super().__init__()
        self.size, self.flip = size, flip
        # Of 0..255, so that scaling and normalising are one pass.
        for name, values in zip(("mean", "std"), normalisation, strict=True):
            self.register_buffer(name, 255 * torch.tensor(values)[:, None, None])

    def forward(self, images: Tensor) -> Tensor:
        """Return the images as the net is fed them."""
        if self.flip and self.training:
            images = mirrored(images)
        pixels = images.to(torch.float32, copy=True)
        if self.size is not None and pixels.shape[-2:] != (self.size, self.size):
            pixels = interpolate(pixels, (self.size, self.size), mode="bilinear", antialias=True)
        return pixels.sub_(self.mean.to(pixels.device)).div_(self.std.to(pixels.device))


def mirrored(images: Tensor) -> Tensor:
    """Return the images, uint8, each mirrored with a probability of one half."""
    drawn = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
    # All bits where it was drawn, else none. On bytes, bit by bit, twice as fast as torch.where.
    mask = drawn.to(torch.uint8).neg_()
    return images.flip(-1).bitwise_xor_(images).bitwise_and_(mask).bitwise_xor_(images)


norm, norm_flip = Norm, partial(Norm, flip=True)
globals().update({f"norm_{size}": partial(Norm, size=size) for size in SIZES})
globals().update({f"norm_{size}_flip": partial(Norm, size=size, flip=True) for size in SIZES})
