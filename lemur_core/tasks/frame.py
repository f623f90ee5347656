"""Find where a transform moves an image, and move boxes back into the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lemur_core.errors import MisfitError

if TYPE_CHECKING:
    from lemur_core.kinds.task import ImageOutput

# The sides of the probing boxes as shares of the image's; they are in its centre, so that a
# transform that crops the centre does not clip them.
_SHARES = (0.5, 0.25)
# Distance by which the second box may differ from where the first one predicts it, in pixels.
_TOLERANCE_PX = 1


def probe_boxes(height: int, width: int) -> Tensor:
    """Return boxes in the centre of an image, float32, shape ``(2, 4)``, in pixels of the image."""
    sides = torch.tensor([width, height] * 2, dtype=torch.float32)
    relative = [[0.5 - share / 2] * 2 + [0.5 + share / 2] * 2 for share in _SHARES]
    return torch.tensor(relative) * sides


def to_image(boxes: Tensor, moved: Tensor, predicted: ImageOutput) -> Tensor:
    """Return boxes in pixels of the image, clipped to it.

    Args:
        boxes: Boxes in the net's input, shape ``(boxes, 4)``: left, top, right and bottom.
        moved: The boxes of `probe_boxes`, as the transform moved them, shape ``(2, 4)``.
        predicted: The sizes of image and input.

    Raises:
        MisfitError: The transform does more than to resize and shift the image.
    """
    height, width = predicted.image_size
    probes = probe_boxes(height, width)
    if moved.shape != probes.shape:
        raise MisfitError(_text(predicted))
    scale = (moved[0, 2:] - moved[0, :2]) / (probes[0, 2:] - probes[0, :2])
    shift = moved[0, :2] - probes[0, :2] * scale
    expected = probes[1] * scale.repeat(2) + shift.repeat(2)
    if not bool(((moved[1] - expected).abs() <= _TOLERANCE_PX).all() and (scale > 0).all()):
        raise MisfitError(_text(predicted))
    limits = torch.tensor([width, height] * 2, dtype=torch.float32)
    placed: Tensor = ((boxes - shift.repeat(2)) / scale.repeat(2)).clamp(min=0)
    return placed.minimum(limits)


def _text(predicted: ImageOutput) -> str:
    height, width = predicted.image_size
    return (
        f"boxes cannot be placed in the image of {width}x{height} pixels, because the transform "
        "leaves little of it or does more than to resize and shift it"
    )
