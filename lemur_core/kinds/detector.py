"""Nets that find objects: what one takes and gives, and a base class that trains it.

A target is a dictionary, as torchvision's detectors take it: ``boxes`` float32, shape ``(n, 4)``,
left, top, right and bottom in pixels; ``labels`` int64, shape ``(n,)``, 1 and above; where the
data set has them ``iscrowd`` int64, shape ``(n,)``, and ``masks`` uint8, shape ``(n, H, W)``. Class
0 is the background, which ``out_shape`` counts. Optional parts may be in some targets of a batch
and not in others.

An output is a dictionary too: ``boxes`` likewise, inside the image, ``labels`` likewise, ``scores``
float32, shape ``(n,)``, 0 to 1, falling; ``masks`` of those that give them float32, shape
``(n, 1, H, W)``, the probability of each pixel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lemur_core.kinds.net import Prm, Shape, Trainable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Objects = dict[str, Tensor]

# What describes each object of a target, and is chosen with it.
_OF_OBJECTS = ("boxes", "labels", "masks")


class Detector(Trainable):
    """A detector, trained by the sum of its losses, weighted, and by what `TRAINING` names.

    A subclass builds its layers and defines `losses` and `detections`. The weight of the loss
    ``name`` is the hyperparameter ``name_weight``.
    """

    def __init__(self, in_shape: Shape, out_shape: Shape, prm: Prm, device: torch.device) -> None:
        super().__init__(in_shape, out_shape, prm, device)
        self.prm = prm

    def losses(self, images: Tensor, targets: list[Objects]) -> dict[str, Tensor]:
        """Return each loss by its name, a scalar, the mean of the batch.

        Args:
            images: float32, shape ``(batch, C, H, W)``.
            targets: The objects of each image that `to_learn` keeps; of an image there may be none.
        """
        raise NotImplementedError

    def detections(self, images: Tensor) -> list[Objects]:
        """Return the objects found in each image.

        Args:
            images: float32, shape ``(batch, C, H, W)``.
        """
        raise NotImplementedError

    def forward(
        self, images: Tensor, targets: list[Objects] | None = None
    ) -> list[Objects] | dict[str, Tensor]:
        """Return the losses where there are targets, else what is found."""
        # Both ways lead through here, for what wraps a net, compiling it say, wraps this.
        return self.detections(images) if targets is None else self.losses(images, targets)

    def batch_loss(self, inputs: Tensor, targets: Sequence[Mapping[str, Any]]) -> Tensor:
        """Return the weighted sum of a batch's losses."""
        objects = [to_learn(target, self.device) for target in targets]
        losses = self(inputs.to(self.device), objects)
        return torch.stack([self.prm[f"{name}_weight"] * one for name, one in losses.items()]).sum()


def to_learn(target: Mapping[str, Any], device: torch.device) -> Objects:
    """Return the objects of a target to learn from, as plain tensors on a device.

    Crowds, which are no single objects, and boxes that are not finite or have no area are left out.
    """
    given = {name: target[name].as_subclass(Tensor) for name in _OF_OBJECTS if name in target}
    boxes = given["boxes"]
    kept = boxes.isfinite().all(1) & (boxes[:, 2:] > boxes[:, :2]).all(1)
    if "iscrowd" in target:
        kept &= target["iscrowd"] == 0
    return {name: value[kept].to(device) for name, value in given.items()}
