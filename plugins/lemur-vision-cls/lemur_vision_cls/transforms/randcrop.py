"""Moved by up to an eighth and mirrored at random, then normalised.

He et al., CVPR 2016, section 4.2: at 32 px, 4 black pixels on each side and a crop of 32.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import pad
from torchvision.transforms.v2.functional import resize

from lemur_vision_cls.transforms.norm import Norm
from lemur_vision_cls.transforms.sizes import SIZES


class RandCropFlip(Norm):
    """Images, uint8 ``(batch, channels, H, W)``, as `Norm`; each training image is moved too."""

    def forward(self, images: Tensor) -> Tensor:
        """Return the images as the net is fed them."""
        if self.training:
            assert self.size is not None
            images = moved(resize(images, [self.size, self.size]), self.size // 8)
        return super().forward(images)


def moved(images: Tensor, most: int) -> Tensor:
    """Return square images, each moved by up to ``most`` pixels both ways; black comes in."""
    count, _, _, size = images.shape
    padded = pad(images, (most,) * 4)
    drawn = torch.randint(2 * most + 1, (2, count, 1), device=images.device)
    rows, columns = drawn + torch.arange(size, device=images.device)
    each = torch.arange(count, device=images.device)[:, None, None]
    # The channels come last where indices stand on both sides of them.
    return padded[each, :, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2).contiguous()


globals().update(
    {f"randcrop_flip_{size}": partial(RandCropFlip, size=size, flip=True) for size in SIZES}
)
