"""Scores of members, computed by PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lemur_zoo.members import Scores

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lemur_zoo.members import SplitArrays

# Samples that are scored at once.
SCORED = 500


def tensors(images: SplitArrays, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the images and classes of a split on a device."""
    return torch.from_numpy(images.inputs).to(device), torch.from_numpy(images.targets).to(device)


def scored_batches(images: SplitArrays, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the images and classes of a split, so many as are scored at once."""
    inputs, targets = tensors(images, device)
    return zip(inputs.split(SCORED), targets.split(SCORED), strict=True)


def sums_of(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the sum of the losses and the number of hits of each member.

    Args:
        outputs: Class scores of shape (members, samples, classes).
        targets: Classes of shape (members, samples).

    Returns:
        Shape (2, members), float64.
    """
    losses = -outputs.double().log_softmax(-1).gather(-1, targets[..., None])[..., 0]
    right = (outputs.argmax(-1) == targets) & ~outputs.isnan().any(-1)
    return torch.stack([losses.sum(-1), right.double().sum(-1)])


def scores_of(sums: list[Tensor], samples: int) -> Scores:
    """Return the scores of members, given what `sums_of` returned of some of them each."""
    return Scores(*(torch.cat(sums, dim=1) / samples).cpu().numpy())
