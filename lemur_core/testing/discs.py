"""A disc in an image, and where its centre lies: whether an image and its target share one grid."""

from __future__ import annotations

import torch
from torch import Tensor

# Of the height: the radius, and the place of the centre from the left and from the top.
_RADIUS, _CENTRE = 0.15, (0.7, 0.45)


def draw_disc(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return a bright disc on dark ground, and the pixels that it covers.

    Returns:
        The image, uint8, shape ``(3, height, width)``, and its mask, bool, shape
        ``(height, width)``.
    """
    # Between pixels, so that its box has the same centre.
    across, down = (round(height * place) for place in _CENTRE)
    rows, columns = torch.arange(height)[:, None] + 0.5, torch.arange(width) + 0.5
    mask = (rows - down) ** 2 + (columns - across) ** 2 <= (_RADIUS * height) ** 2
    return 255 * mask.to(torch.uint8).repeat(3, 1, 1), mask


def bright(fed: Tensor) -> Tensor:
    """Return which pixels are brighter than the middle of all values.

    Args:
        fed: The input of a net, float32, shape ``(channels, height, width)``.

    Returns:
        bool, shape ``(height, width)``.
    """
    light = fed.mean(0)
    return light > (light.min() + light.max()) / 2


def box_of(mask: Tensor) -> Tensor:
    """Return left, top, right and bottom of the pixels of a mask, int64, shape ``(4,)``."""
    rows, columns = mask.any(1).nonzero(), mask.any(0).nonzero()
    return torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


def centre_of(mask: Tensor) -> Tensor:
    """Return the mean place of the pixels of a mask, x and y, float32, shape ``(2,)``."""
    return mask.nonzero().float().mean(0).flip(0) + 0.5


def is_whole(mask: Tensor) -> bool:
    """Return whether a mask has pixels, and none at the border, where a disc may be cut."""
    border = torch.stack([mask[0].any(), mask[-1].any(), mask[:, 0].any(), mask[:, -1].any()])
    return bool(mask.any()) and not bool(border.any())
