"""Object detection: a target contains the class and box of each object in an image."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from lemur_core.kinds.task import ImageOutput, MakePair, Shape, Style, Task, WrongLabel
from lemur_core.labels import class_indices, first_outside
from lemur_core.tasks.discs import box_of, bright_pixels, check_centred, draw_disc_for, whole_disc
from lemur_core.tasks.frame import probe_boxes, to_image
from lemur_core.tasks.images import EXAMPLE_CLASSES, check_image, expect, random_images
from lemur_core.tasks.objects import (
    Objects,
    check_detections,
    check_target,
    draw_objects,
    target_of,
)

# Number of seeds with which a random transform is tested.
_SEEDS = 5
# Tolerance between the edge of a box and that of its object, in pixels.
_TOLERANCE_PX = 2


class Detection(Task):
    """``obj-detection``: targets and outputs are dictionaries as in torchvision's detectors."""

    drawer = "lemur_core.tasks.drawing:detected"
    in_image = True
    columns = ("class", "index", "score", "left", "top", "right", "bottom")

    def wrong_label(self, target: Any, classes: int) -> WrongLabel | None:
        """Return a label in ``target["labels"]`` that is not in 1 to ``classes - 1``; else None."""
        labels = target.get("labels") if isinstance(target, Mapping) else None
        value = first_outside(class_indices(labels), 1, classes)
        if value is None:
            return None
        return WrongLabel(
            value,
            f"has an object of class {value}; expected 1 to {classes - 1}, as 0 is the background",
        )

    def batch(self, count: int, channels: int, size: int, dtype: Any) -> tuple[Any, Any, Shape]:
        """Return random images with zero, one or two objects."""
        targets = draw_objects(count, size, EXAMPLE_CLASSES)
        return random_images(count, channels, size, dtype), targets, (EXAMPLE_CLASSES,)

    def check_sample(self, inputs: Any, target: Any, out_shape: Shape) -> None:
        """Check that a sample is an image and a target with its objects."""
        check_image(inputs)
        check_target(target, inputs, out_shape[0])

    def check_outputs(self, outputs: Any, inputs: Any, targets: Any, out_shape: Shape) -> None:
        """Check that outputs contain the objects found in each image."""
        check_detections(outputs, inputs, *out_shape)

    def empty_target(self, image: Tensor) -> Objects:
        """Return a target without objects."""
        return _with_torchvision_types(
            target_of(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), 0), image
        )

    def probe(self, image: Tensor) -> Objects:
        """Return a target with boxes that show where the transform moves the image."""
        boxes = probe_boxes(image.shape[-2], image.shape[-1])
        labels = torch.ones(len(boxes), dtype=torch.int64)
        return _with_torchvision_types(target_of(boxes, labels, 0), image)

    def rows(self, predicted: ImageOutput, style: Style) -> list[dict[str, Any]]:
        """Return the objects with a sufficient score, the highest first, boxes in image pixels."""
        output = predicted.output
        boxes = output["boxes"].float()
        if predicted.target is not None:
            boxes = to_image(boxes, predicted.target["boxes"].as_subclass(Tensor), predicted)
        scores, labels = output["scores"].tolist(), output["labels"].tolist()
        kept = [index for index, score in enumerate(scores) if score >= style.score]
        return [
            {"class": style.name(labels[index]), "index": labels[index], "score": scores[index]}
            | dict(zip(self.columns[3:], boxes[index].tolist(), strict=True))
            for index in sorted(kept, key=lambda index: -scores[index])
        ]

    def check_pair(self, make: MakePair, size: int) -> None:
        """Check that boxes and masks move with their image, and labels stay with their boxes."""
        for training, seed in [(False, 0), *((True, seed) for seed in range(_SEEDS))]:
            _check_box(make, training, seed)
        for seed in range(_SEEDS):
            _check_values_follow_boxes(make, seed)
        image, mask = draw_disc_for(size)
        target = target_of(box_of(mask).float()[None], torch.tensor([1]), 0)
        target = _with_torchvision_types(target | {"masks": mask.to(torch.uint8)[None]}, image)
        for training, seed in [(False, 0), (True, 1), (True, 2)]:
            fed, moved = make(training=training, seed=seed)(image, target)
            disc = whole_disc(fed)
            if disc is not None and len(moved["boxes"]):
                check_centred(disc, "mask", moved["masks"].as_subclass(Tensor)[0] == 1)
                check_centred(disc, "box", moved["boxes"].as_subclass(Tensor)[0])


def _check_box(make: MakePair, training: bool, seed: int) -> None:
    """Check that the box of a bright object on a dark background stays on it, if not cropped."""
    image = torch.zeros(3, 60, 90, dtype=torch.uint8)
    image[:, 15:45, 20:65] = 255
    target = target_of(torch.tensor([[20.0, 15, 65, 45]]), torch.tensor([1]), 0)
    fed, moved = make(training=training, seed=seed)(image, _with_torchvision_types(target, image))
    expect(training or len(moved["boxes"]), "drops a box in eval()")
    check_target(moved, fed, 2)
    for box in moved["boxes"]:
        actual = box_of(bright_pixels(fed))
        expect(
            (box - actual).abs().max() < _TOLERANCE_PX,
            f"returns the box {box.tolist()} for an object at {actual.tolist()}",
        )


def _check_values_follow_boxes(make: MakePair, seed: int) -> None:
    """Check that the labels and other values of an object are dropped together with its box."""
    image = torch.zeros(3, 60, 90, dtype=torch.uint8)
    number = torch.arange(24)
    corners = torch.stack([15 * (number % 6), 15 * (number // 6)], 1)
    boxes = torch.cat([corners, corners + 5 + 5 * (number % 2)[:, None]], 1).float()
    target = target_of(boxes, number + 1, 7) | {"iscrowd": number % 2}
    fed, moved = make(training=True, seed=seed)(image, _with_torchvision_types(target, image))
    check_target(moved, fed, 25)
    expect(
        torch.equal(moved["iscrowd"], (moved["labels"] - 1) % 2),
        f"returns objects with the labels {moved['labels'].tolist()} "
        f"and values of iscrowd that belong to others: {moved['iscrowd'].tolist()}",
    )


def _with_torchvision_types(target: Objects, image: Tensor) -> Objects:
    """Return the target with boxes and masks in the types that torchvision's transforms expect."""
    # Transforms that do not use torchvision accept plain tensors.
    if find_spec("torchvision") is None:
        return target
    tv_tensors = import_module("torchvision.tv_tensors")
    boxes = tv_tensors.BoundingBoxes(target["boxes"], format="XYXY", canvas_size=image.shape[-2:])
    masks = {"masks": tv_tensors.Mask(target["masks"])} if "masks" in target else {}
    return target | {"boxes": boxes} | masks
