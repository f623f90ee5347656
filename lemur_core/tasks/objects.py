"""Create objects in images for the contract tests, and check targets and detections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lemur_core.tasks.images import expect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Objects = dict[str, Any]

# Distance by which a box may exceed its image due to rounding, in pixels.
_SLACK = 1e-2
# The dtype and shape of each value of an object.
_VALUE_TYPES: dict[str, tuple[torch.dtype, tuple[int, ...]]] = {
    "boxes": (torch.float32, (4,)),
    "labels": (torch.int64, ()),
    "scores": (torch.float32, ()),
    "area": (torch.float32, ()),
    "iscrowd": (torch.int64, ()),
}


def draw_objects(count: int, size: int, classes: int) -> list[Objects]:
    """Return targets with 1, 2, 0, 1, ... objects for ``count`` square images of side ``size``."""
    generator = torch.Generator().manual_seed(count)
    targets = []
    for number in range(count):
        # Left and top at 1/4 to 1/2 of the image, width and height of 1/4 to 1/2.
        corners_and_sizes = size * (
            0.25 + 0.25 * torch.rand((number + 1) % 3, 4, generator=generator)
        )
        boxes = torch.cat(
            [corners_and_sizes[:, :2], corners_and_sizes[:, :2] + corners_and_sizes[:, 2:]], 1
        )
        labels = torch.arange(number, number + len(boxes)) % (classes - 1) + 1
        targets.append(target_of(boxes, labels, number) | {"masks": _box_masks(boxes, size)})
    return targets


def target_of(boxes: Tensor, labels: Tensor, number: int) -> Objects:
    """Return the target of an image from the boxes and labels of its objects, none a crowd."""
    return {
        "boxes": boxes,
        "labels": labels,
        "area": (boxes[:, 2:] - boxes[:, :2]).prod(1),
        "iscrowd": torch.zeros(len(labels), dtype=torch.int64),
        "image_id": number,
    }


def as_outputs(images: Sequence[Mapping[str, Any]]) -> list[Objects]:
    """Convert ``boxes``, ``labels`` and ``scores`` in lists or tensors to the outputs of a net."""
    return [
        {name: _value_tensor(name, objects) for name in ("boxes", "labels", "scores")}
        for objects in images
    ]


def as_targets(images: Sequence[Mapping[str, Any]]) -> list[Objects]:
    """Convert ``boxes``, ``labels`` and optional ``iscrowd`` to the targets of a loader."""
    targets = [
        target_of(_value_tensor("boxes", objects), _value_tensor("labels", objects), number)
        for number, objects in enumerate(images)
    ]
    crowds = [
        {"iscrowd": _value_tensor("iscrowd", objects)} if "iscrowd" in objects else {}
        for objects in images
    ]
    return [target | crowd for target, crowd in zip(targets, crowds, strict=True)]


def check_detections(outputs: Any, inputs: Tensor, classes: int) -> None:
    """Check that a net's outputs are valid detections for each of the inputs.

    Raises:
        ContractError: An output is invalid.
    """
    expect(
        isinstance(outputs, list),
        f"gives {type(outputs).__name__}; expected a list, a dictionary for each image",
    )
    expect(len(outputs) == len(inputs), f"{len(outputs)} outputs for {len(inputs)} images")
    for detections in outputs:
        _check_values(detections, ("boxes", "labels", "scores"))
        _check_inside(detections["boxes"], inputs.shape[-2:])
        _check_labels(detections["labels"], 0, classes)
        scores = detections["scores"]
        expect(((scores >= 0) & (scores <= 1)).all(), f"a score is not in 0 to 1: {scores}")


def check_target(target: Any, image: Tensor, classes: int) -> None:
    """Check that a target contains valid objects of its image.

    Raises:
        ContractError: The target is invalid.
    """
    _check_values(target, ("boxes", "labels", "area", "iscrowd"))
    expect(isinstance(target.get("image_id"), int), "a target has no image_id, an int")
    boxes = target["boxes"].as_subclass(Tensor)
    _check_inside(boxes, image.shape[-2:])
    single = boxes[target["iscrowd"] == 0]
    expect(
        (single[:, 2:] > single[:, :2]).all(),
        f"a box without width or height: {boxes.tolist()}; leave out these objects",
    )
    _check_labels(target["labels"], 1, classes)
    masks = target.get("masks")
    if masks is not None:
        expected = (len(boxes), *image.shape[-2:])
        expect(
            (masks.dtype, masks.shape) == (torch.uint8, expected),
            f"masks {masks.dtype} {tuple(masks.shape)}; expected torch.uint8 {expected}",
        )


def _value_tensor(name: str, objects: Mapping[str, Any]) -> Tensor:
    dtype, numbers = _VALUE_TYPES[name]
    return torch.as_tensor(objects[name], dtype=dtype).reshape(-1, *numbers)


def _box_masks(boxes: Tensor, size: int) -> Tensor:
    """Return the mask of each box, uint8, shape ``(boxes, size, size)``."""
    position = torch.arange(size)
    left, top, right, bottom = boxes[:, :, None].unbind(1)
    columns, rows = (position >= left) & (position < right), (position >= top) & (position < bottom)
    return (rows[:, :, None] & columns[:, None]).to(torch.uint8)


def _check_values(objects: Any, names: Sequence[str]) -> None:
    expect(
        isinstance(objects, dict),
        f"the objects of an image are a {type(objects).__name__}; expected a dictionary",
    )
    lacking = [name for name in names if name not in objects]
    expect(not lacking, f"the objects of an image have no {', '.join(lacking)}")
    for name in names:
        dtype, numbers = _VALUE_TYPES[name]
        part, expected = objects[name], (len(objects["labels"]), *numbers)
        expect(
            (part.dtype, part.shape) == (dtype, expected),
            f"{name} {part.dtype} {tuple(part.shape)} for {expected[0]} labels; "
            f"expected {dtype} {expected}",
        )


def _check_inside(boxes: Tensor, sides: Sequence[int]) -> None:
    height, width = sides
    limit = torch.tensor([width, height, width, height])
    boxes = boxes.as_subclass(Tensor).cpu()
    inside = (boxes >= -_SLACK) & (boxes <= limit + _SLACK)
    inside[:, 2:] &= boxes[:, 2:] >= boxes[:, :2]
    expect(
        inside.all(),
        f"boxes {boxes.tolist()} in an image of {height}x{width}; "
        "expected left, top, right and bottom in pixels, inside the image",
    )


def _check_labels(labels: Tensor, minimum: int, classes: int) -> None:
    expect(
        ((labels >= minimum) & (labels < classes)).all(),
        f"labels {labels.tolist()}; expected {minimum} to {classes - 1}",
    )
