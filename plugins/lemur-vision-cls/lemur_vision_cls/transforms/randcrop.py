"""Shift by up to an eighth, mirror at random, and normalise.

He et al., CVPR 2016, section 4.2: at 32 px, 4 black pixels on each side and a crop of 32.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import pad
from torchvision.transforms.v2.functional import resize

from lemur_core.kinds.transform import by_size
from lemur_vision_cls.transforms.norm import Norm


class RandCropFlip(Norm):
    """Transform images as `Norm` does, and shift each training image before."""

    def forward(self, images: Tensor) -> Tensor:
        """Return the net's inputs for images, uint8, shape ``(batch, channels, H, W)``."""
        if self.training:
            assert self.size is not None
            images = shifted(resize(images, [self.size, self.size]), self.size // 8)
        return super().forward(images)


def shifted(images: Tensor, distance: int) -> Tensor:
    """Return square images shifted by up to ``distance`` pixels in both directions.

    Each image is shifted by its own random amount. The pixels that come in are black.
    """
    count, _, _, size = images.shape
    padded = pad(images, (distance,) * 4)
    offsets = torch.randint(2 * distance + 1, (2, count, 1), device=images.device)
    rows, columns = offsets + torch.arange(size, device=images.device)
    index = torch.arange(count, device=images.device)[:, None, None]
    # Indexing on both sides of the channels puts them last.
    return padded[index, :, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2).contiguous()


__getattr__ = by_size({"randcrop_flip_N": partial(RandCropFlip, flip=True)})
