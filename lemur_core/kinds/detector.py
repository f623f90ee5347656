"""The contract of nets that detect objects, and a base class that trains them.

A target is a dictionary, as for torchvision's detectors: ``boxes``, float32, shape ``(n, 4)``,
left, top, right and bottom in pixels; ``labels``, int64, shape ``(n,)``, 1 and above; and, if the
dataset has them, ``iscrowd``, int64, shape ``(n,)``, and ``masks``, uint8, shape ``(n, H, W)``.
Class 0 is the background, which ``out_shape`` counts. The optional keys may be present in some
targets of a batch and missing from others.

An output is a dictionary too: ``boxes`` and ``labels`` as in targets, with boxes inside the image;
``scores``, float32, shape ``(n,)``, 0 to 1, in descending order; and, if the net predicts masks,
``masks``, float32, shape ``(n, 1, H, W)``, the probability of each pixel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lemur_core.kinds.net import Prm, Shape, Trainable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Objects = dict[str, Tensor]

# The keys of a target that have one element for each object.
_OF_OBJECTS = ("boxes", "labels", "masks")


class Detector(Trainable):
    """A detector that is trained on the weighted sum of its losses.

    The hyperparameters in `TRAINING` configure the optimizer and the scheduler. The weight of the
    loss ``name`` is the hyperparameter ``name_weight``. A subclass builds its layers and defines
    `losses` and `detections`.
    """

    def __init__(self, in_shape: Shape, out_shape: Shape, prm: Prm, device: torch.device) -> None:
        super().__init__(in_shape, out_shape, prm, device)
        self.prm = prm

    def losses(self, images: Tensor, targets: list[Objects]) -> dict[str, Tensor]:
        """Return the losses by name, each a scalar, the mean over the batch.

        Args:
            images: float32, shape ``(batch, C, H, W)``.
            targets: The objects of each image, as returned by `to_learn`; an image may have none.
        """
        raise NotImplementedError

    def detections(self, images: Tensor) -> list[Objects]:
        """Return the objects detected in each image.

        Args:
            images: float32, shape ``(batch, C, H, W)``.
        """
        raise NotImplementedError

    def forward(
        self, images: Tensor, targets: list[Objects] | None = None
    ) -> list[Objects] | dict[str, Tensor]:
        """Return the losses if targets are given, otherwise the detections."""
        # Wrappers of a net, such as torch.compile, wrap forward(); it therefore serves both cases.
        return self.detections(images) if targets is None else self.losses(images, targets)

    def batch_loss(self, inputs: Tensor, targets: Sequence[Mapping[str, Any]]) -> Tensor:
        """Return the weighted sum of a batch's losses."""
        objects = [to_learn(target, self.device) for target in targets]
        losses = self(inputs.to(self.device), objects)
        weighted = [self.prm[f"{name}_weight"] * loss for name, loss in losses.items()]
        return torch.stack(weighted).sum()


def to_learn(target: Mapping[str, Any], device: torch.device) -> Objects:
    """Return the objects of a target that a net learns from, as plain tensors on a device.

    Crowds, which are not single objects, and boxes that are not finite or have no area are left
    out.
    """
    given = {name: target[name].as_subclass(Tensor) for name in _OF_OBJECTS if name in target}
    boxes = given["boxes"]
    kept = boxes.isfinite().all(1) & (boxes[:, 2:] > boxes[:, :2]).all(1)
    if "iscrowd" in target:
        kept &= target["iscrowd"] == 0
    return {name: value[kept].to(device) for name, value in given.items()}
