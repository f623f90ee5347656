"""Draw a disc and locate its centre, to check that an image and its target share one grid."""

from __future__ import annotations

import torch
from torch import Tensor

from lemur_core.tasks.images import expect

# Radius, and position of the centre from the left and the top, as fractions of the height.
_RADIUS, _CENTRE = 0.15, (0.7, 0.45)
# Tolerance between the centre of a mask or box and that of its object, in pixels. A mask resized
# with "nearest" is off by about half a pixel.
_TOLERANCE_PX = 0.25


def draw_disc_for(size: int) -> tuple[Tensor, Tensor]:
    """Return a disc as `draw_disc` does, larger than a transform's ``size`` and with odd sides.

    With odd sides, no two pixels are equally close to a pixel of the resized image.
    """
    return draw_disc(5 * size // 4 | 1, 3 * size // 2 | 1)


def draw_disc(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return a bright disc on a dark background, and the pixels that it covers.

    Returns:
        The image, uint8, shape ``(3, height, width)``, and its mask, bool, shape
        ``(height, width)``.
    """
    # The centre is between pixels, where it coincides with the centre of the box.
    across, down = (round(height * fraction) for fraction in _CENTRE)
    rows, columns = torch.arange(height)[:, None] + 0.5, torch.arange(width) + 0.5
    mask = (rows - down) ** 2 + (columns - across) ** 2 <= (_RADIUS * height) ** 2
    return 255 * mask.to(torch.uint8).repeat(3, 1, 1), mask


def bright_pixels(fed: Tensor) -> Tensor:
    """Return which pixels are brighter than the middle between the extreme values.

    Args:
        fed: The input of a net, float32, shape ``(channels, height, width)``.

    Returns:
        bool, shape ``(height, width)``.
    """
    brightness = fed.mean(0)
    return brightness > (brightness.min() + brightness.max()) / 2


def box_of(mask: Tensor) -> Tensor:
    """Return the left, top, right and bottom of a mask, int64, shape ``(4,)``."""
    rows, columns = mask.any(1).nonzero(), mask.any(0).nonzero()
    return torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


def centre_of(mask: Tensor) -> Tensor:
    """Return the mean position of the pixels of a mask, x and y, float32, shape ``(2,)``."""
    return mask.nonzero().float().mean(0).flip(0) + 0.5


def whole_disc(fed: Tensor) -> Tensor | None:
    """Return the pixels of a disc in the input of a net; None if it may be cropped."""
    mask = bright_pixels(fed)
    border = torch.stack([mask[0].any(), mask[-1].any(), mask[:, 0].any(), mask[:, -1].any()])
    return mask if mask.any() and not border.any() else None


def check_centred(disc: Tensor, name: str, moved: Tensor) -> None:
    """Check that the target of a disc has the same centre as the disc.

    Args:
        disc: Pixels of the disc in the image, bool, shape ``(height, width)``.
        name: ``"mask"`` or ``"box"``.
        moved: The mask, bool, of the same shape; or the left, top, right and bottom of the box.

    Raises:
        ContractError: The centres differ.
    """
    expect(moved.any(), f"drops the {name} of a disc")
    disc_centre = centre_of(disc)
    centre = (moved[:2] + moved[2:]) / 2 if name == "box" else centre_of(moved)
    expect(
        (centre - disc_centre).abs().max() < _TOLERANCE_PX,
        f"moves the centre of a disc to {_coordinates(disc_centre)} in the image and to "
        f"{_coordinates(centre)} in its {name}; "
        "resize both on the same grid, masks with nearest-exact",
    )


def _coordinates(centre: Tensor) -> str:
    return "x={:.2f} y={:.2f}".format(*centre.tolist())
