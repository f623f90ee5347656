"""Detection of objects: a target says which objects are in an image, and where."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from lemur_core.kinds.task import MakePair, Shape, Task, WrongLabel
from lemur_core.labels import class_indices, first_outside
from lemur_core.tasks.discs import box_of, bright, check_centred, draw_disc_for, whole_disc
from lemur_core.tasks.images import EXAMPLE_CLASSES, check_image, expect, random_images
from lemur_core.tasks.objects import Objects, check_found, check_target, draw_objects, target_of

# How often a transform that draws at random is tried.
_DRAWS = 5
# In pixels: so far an edge may be from where its object ends, as pixels are whole.
_NEAR = 2


class Detection(Task):
    """``obj-detection``: targets and outputs are dictionaries, as torchvision's detectors'."""

    drawer = "lemur_core.tasks.drawing:detected"
    in_image = True

    def wrong_label(self, target: Any, classes: int) -> WrongLabel | None:
        """Return a label of ``target["labels"]`` that is not 1 to ``classes - 1``."""
        labels = target.get("labels") if isinstance(target, Mapping) else None
        value = first_outside(class_indices(labels), 1, classes)
        if value is None:
            return None
        return WrongLabel(
            value,
            f"has an object of class {value}; expected 1 to {classes - 1}, as 0 is the background",
        )

    def batch(self, count: int, channels: int, size: int, dtype: Any) -> tuple[Any, Any, Shape]:
        """Return random images with one, two or no objects."""
        targets = draw_objects(count, size, EXAMPLE_CLASSES)
        return random_images(count, channels, size, dtype), targets, (EXAMPLE_CLASSES,)

    def check_sample(self, inputs: Any, target: Any, out_shape: Shape) -> None:
        """Check that it is an image, and that a target says what is in it."""
        check_image(inputs)
        check_target(target, inputs, out_shape[0])

    def check_outputs(self, outputs: Any, inputs: Any, targets: Any, out_shape: Shape) -> None:
        """Check that outputs say what was found in each image."""
        check_found(outputs, inputs, *out_shape)

    def nothing(self, image: Tensor) -> Objects:
        """Return a target without objects."""
        return _annotated(target_of(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), 0), image)

    def check_pair(self, make: MakePair, size: int) -> None:
        """Check that boxes and masks move with their image, and all of an object with its box."""
        for training, seed in [(False, 0), *((True, seed) for seed in range(_DRAWS))]:
            _check_box(make, training, seed)
        for seed in range(_DRAWS):
            _check_belongings(make, seed)
        image, mask = draw_disc_for(size)
        target = target_of(box_of(mask).float()[None], torch.tensor([1]), 0)
        target = _annotated(target | {"masks": mask.to(torch.uint8)[None]}, image)
        for training, seed in [(False, 0), (True, 1), (True, 2)]:
            fed, moved = make(training=training, seed=seed)(image, target)
            disc = whole_disc(fed)
            if disc is not None and len(moved["boxes"]):
                check_centred(disc, "mask", moved["masks"].as_subclass(Tensor)[0] == 1)
                check_centred(disc, "box", moved["boxes"].as_subclass(Tensor)[0])


def _check_box(make: MakePair, training: bool, seed: int) -> None:
    """Check that a bright object on dark ground is where its box is, or both were cut away."""
    image = torch.zeros(3, 60, 90, dtype=torch.uint8)
    image[:, 15:45, 20:65] = 255
    target = target_of(torch.tensor([[20.0, 15, 65, 45]]), torch.tensor([1]), 0)
    fed, moved = make(training=training, seed=seed)(image, _annotated(target, image))
    expect(training or len(moved["boxes"]), "drops a box in eval()")
    check_target(moved, fed, 2)
    for box in moved["boxes"]:
        lies = box_of(bright(fed))
        expect(
            (box - lies).abs().max() < _NEAR,
            f"gives the box {box.tolist()} of an object at {lies.tolist()}",
        )


def _check_belongings(make: MakePair, seed: int) -> None:
    """Check that where boxes are left out, their labels and all the rest are left out with them."""
    image = torch.zeros(3, 60, 90, dtype=torch.uint8)
    at = torch.arange(24)
    corners = torch.stack([15 * (at % 6), 15 * (at // 6)], 1)
    boxes = torch.cat([corners, corners + 5 + 5 * (at % 2)[:, None]], 1).float()
    target = target_of(boxes, at + 1, 7) | {"iscrowd": at % 2}
    fed, moved = make(training=True, seed=seed)(image, _annotated(target, image))
    check_target(moved, fed, 25)
    expect(
        torch.equal(moved["iscrowd"], (moved["labels"] - 1) % 2),
        f"gives objects of the labels {moved['labels'].tolist()} "
        f"what belongs to others: {moved['iscrowd'].tolist()}",
    )


def _annotated(target: Objects, image: Tensor) -> Objects:
    """Return the target with its boxes and masks as torchvision's transforms know them."""
    # What is not built on it takes a plain tensor.
    if find_spec("torchvision") is None:
        return target
    tv_tensors = import_module("torchvision.tv_tensors")
    boxes = tv_tensors.BoundingBoxes(target["boxes"], format="XYXY", canvas_size=image.shape[-2:])
    masks = {"masks": tv_tensors.Mask(target["masks"])} if "masks" in target else {}
    return target | {"boxes": boxes} | masks
