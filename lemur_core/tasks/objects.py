"""Objects in images: some to try nets and transforms on, and whether those given are in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lemur_core.tasks.images import expect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Objects = dict[str, Any]

# In pixels, of rounding: so far a box may reach beyond its image.
_SLACK = 1e-2
# What each object has: of which type, and in how many numbers.
_PARTS: dict[str, tuple[torch.dtype, tuple[int, ...]]] = {
    "boxes": (torch.float32, (4,)),
    "labels": (torch.int64, ()),
    "scores": (torch.float32, ()),
    "area": (torch.float32, ()),
    "iscrowd": (torch.int64, ()),
}


def draw_objects(count: int, size: int, classes: int) -> list[Objects]:
    """Return what is in each of ``count`` images of ``size`` pixels a side: one, two, none, one."""
    drawn = torch.Generator().manual_seed(count)
    targets = []
    for number in range(count):
        # Corners in the second quarter of the image, widths and heights of a quarter to a half.
        parts = size * (0.25 + 0.25 * torch.rand((number + 1) % 3, 4, generator=drawn))
        boxes = torch.cat([parts[:, :2], parts[:, :2] + parts[:, 2:]], 1)
        labels = torch.arange(number, number + len(boxes)) % (classes - 1) + 1
        targets.append(target_of(boxes, labels, number) | {"masks": _filled(boxes, size)})
    return targets


def target_of(boxes: Tensor, labels: Tensor, number: int) -> Objects:
    """Return the target of an image with such objects, none of them a crowd."""
    return {
        "boxes": boxes,
        "labels": labels,
        "area": (boxes[:, 2:] - boxes[:, :2]).prod(1),
        "iscrowd": torch.zeros(len(labels), dtype=torch.int64),
        "image_id": number,
    }


def as_outputs(images: Sequence[Mapping[str, Any]]) -> list[Objects]:
    """Return ``boxes``, ``labels`` and ``scores``, nested lists or tensors, as a net gives them."""
    return [{name: _part(name, each) for name in ("boxes", "labels", "scores")} for each in images]


def as_targets(images: Sequence[Mapping[str, Any]]) -> list[Objects]:
    """Return ``boxes``, ``labels`` and maybe ``iscrowd``, likewise, as a loader gives them."""
    targets = [
        target_of(_part("boxes", each), _part("labels", each), number)
        for number, each in enumerate(images)
    ]
    crowds = [{"iscrowd": _part("iscrowd", each)} if "iscrowd" in each else {} for each in images]
    return [target | crowd for target, crowd in zip(targets, crowds, strict=True)]


def check_found(outputs: Any, inputs: Tensor, classes: int) -> None:
    """Check that a net's outputs are objects, found in each of the inputs.

    Raises:
        ContractError: They are something else.
    """
    expect(
        isinstance(outputs, list),
        f"gives {type(outputs).__name__}; expected a list, a dictionary for each image",
    )
    expect(len(outputs) == len(inputs), f"{len(outputs)} outputs of {len(inputs)} images")
    for found in outputs:
        _check_parts(found, ("boxes", "labels", "scores"))
        _check_inside(found["boxes"], inputs.shape[-2:])
        _check_labels(found["labels"], 0, classes)
        scores = found["scores"]
        expect(((scores >= 0) & (scores <= 1)).all(), f"a score is not in 0 to 1: {scores}")


def check_target(target: Any, image: Tensor, classes: int) -> None:
    """Check that a target says what is in its image.

    Raises:
        ContractError: It does not.
    """
    _check_parts(target, ("boxes", "labels", "area", "iscrowd"))
    expect(isinstance(target.get("image_id"), int), "a target has no image_id, an int")
    boxes = target["boxes"].as_subclass(Tensor)
    _check_inside(boxes, image.shape[-2:])
    single = boxes[target["iscrowd"] == 0]
    expect(
        (single[:, 2:] > single[:, :2]).all(),
        f"a box of no width or height: {boxes.tolist()}; leave out such objects",
    )
    _check_labels(target["labels"], 1, classes)
    masks = target.get("masks")
    if masks is not None:
        expected = (len(boxes), *image.shape[-2:])
        expect(
            (masks.dtype, masks.shape) == (torch.uint8, expected),
            f"masks {masks.dtype} {tuple(masks.shape)}; expected torch.uint8 {expected}",
        )


def _part(name: str, objects: Mapping[str, Any]) -> Tensor:
    dtype, numbers = _PARTS[name]
    return torch.as_tensor(objects[name], dtype=dtype).reshape(-1, *numbers)


def _filled(boxes: Tensor, size: int) -> Tensor:
    """Return the mask of each box, uint8, shape ``(boxes, size, size)``."""
    at = torch.arange(size)
    left, top, right, bottom = boxes[:, :, None].unbind(1)
    columns, rows = (at >= left) & (at < right), (at >= top) & (at < bottom)
    return (rows[:, :, None] & columns[:, None]).to(torch.uint8)


def _check_parts(objects: Any, names: Sequence[str]) -> None:
    expect(
        isinstance(objects, dict),
        f"what is in an image is {type(objects).__name__}; expected a dictionary",
    )
    lacking = [name for name in names if name not in objects]
    expect(not lacking, f"what is in an image has no {', '.join(lacking)}")
    for name in names:
        dtype, numbers = _PARTS[name]
        part, expected = objects[name], (len(objects["labels"]), *numbers)
        expect(
            (part.dtype, part.shape) == (dtype, expected),
            f"{name} {part.dtype} {tuple(part.shape)} of {expected[0]} labels; "
            f"expected {dtype} {expected}",
        )


def _check_inside(boxes: Tensor, sides: Sequence[int]) -> None:
    height, width = sides
    most = torch.tensor([width, height, width, height])
    boxes = boxes.as_subclass(Tensor).cpu()
    inside = (boxes >= -_SLACK) & (boxes <= most + _SLACK)
    inside[:, 2:] &= boxes[:, 2:] >= boxes[:, :2]
    expect(
        inside.all(),
        f"boxes {boxes.tolist()} in an image of {height}x{width}; "
        "expected left, top, right and bottom in pixels, inside it",
    )


def _check_labels(labels: Tensor, least: int, classes: int) -> None:
    expect(
        ((labels >= least) & (labels < classes)).all(),
        f"labels {labels.tolist()}; expected {least} to {classes - 1}",
    )
