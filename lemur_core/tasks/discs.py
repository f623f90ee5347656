"""A disc in an image, and where its centre lies: whether an image and its target share one grid."""

from __future__ import annotations

import torch
from torch import Tensor

from lemur_core.tasks.images import expect

# Of the height: the radius, and the place of the centre from the left and from the top.
_RADIUS, _CENTRE = 0.15, (0.7, 0.45)
# In pixels: so far the centre of a mask or box may be from that of its object. A mask resized by
# "nearest" is off by about a half.
_CENTRED = 0.25


def draw_disc_for(size: int) -> tuple[Tensor, Tensor]:
    """Return what `draw_disc` does, larger than a transform's ``size`` and of odd sides.

    Of odd sides no two pixels are equally near to one of the result.
    """
    return draw_disc(5 * size // 4 | 1, 3 * size // 2 | 1)


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


def whole_disc(fed: Tensor) -> Tensor | None:
    """Return the pixels of a disc in the input of a net; None if it may be cut at the border."""
    mask = bright(fed)
    border = torch.stack([mask[0].any(), mask[-1].any(), mask[:, 0].any(), mask[:, -1].any()])
    return mask if mask.any() and not border.any() else None


def check_centred(disc: Tensor, name: str, place: Tensor) -> None:
    """Check that the target of a disc has the disc's centre.

    Args:
        disc: The disc's pixels in the image, bool, shape ``(height, width)``.
        name: ``"mask"`` or ``"box"``.
        place: The mask, bool, of the same shape; or left, top, right and bottom of the box.

    Raises:
        ContractError: It has another.
    """
    expect(place.any(), f"drops the {name} of a disc")
    lies = centre_of(disc)
    centre = (place[:2] + place[2:]) / 2 if name == "box" else centre_of(place)
    expect(
        (centre - lies).abs().max() < _CENTRED,
        f"moves the centre of a disc to {_words(lies)} in the image and to {_words(centre)} in its "
        f"{name}; resize both on one grid, masks by nearest-exact",
    )


def _words(centre: Tensor) -> str:
    return "x={:.2f} y={:.2f}".format(*centre.tolist())
