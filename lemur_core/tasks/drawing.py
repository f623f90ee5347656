"""Draw the inputs, targets and predictions of the image tasks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from lemur_core.kinds.task import Example, Row, Style
from lemur_core.pictures.colours import GREY, Colour, class_picture, colour
from lemur_core.pictures.tiles import enlarge, input_picture, scale_of, text_tile, write
from lemur_core.tasks.classification import probabilities

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MASK_THRESHOLD = 0.5
_LINE = 2
_LARGE_PX = 28


def classified(example: Example, style: Style) -> Row:
    """Draw the class and the most probable class with its probability, each on its colour."""
    image = _input(example)
    target = int(example.target)
    probability, number = probabilities(example.output).max(0)
    predicted = int(number)
    text = f"{style.name(predicted)}\n{probability.item():.2f}"
    return Row(
        image,
        text_tile(image.size, style.name(target), colour(target), _LARGE_PX),
        text_tile(image.size, text, colour(predicted), _LARGE_PX),
        set(),
    )


def segmented(example: Example, style: Style) -> Row:
    """Draw the class and the most probable class of each pixel."""
    image = _input(example)
    target, predicted = example.target, example.output.argmax(0)
    pictures = [enlarge(class_picture(classes), 1) for classes in (target, predicted)]
    target_picture, predicted_picture = (
        picture.resize(image.size, Image.Resampling.NEAREST) for picture in pictures
    )
    return Row(
        image,
        target_picture,
        predicted_picture,
        {*target.unique().tolist(), *predicted.unique().tolist()},
    )


def detected(example: Example, style: Style) -> Row:
    """Draw the boxes and masks of the objects, and of detections with a sufficient score.

    Crowds, which are ignored in scoring, are grey.
    """
    scale = scale_of(*example.image.shape[-2:])
    target_objects = [
        _object(example.target, index, style) for index in range(len(example.target["boxes"]))
    ]
    confident = (example.output["scores"] >= style.score).nonzero().flatten().tolist()
    # Detections with higher scores are drawn over the others.
    order = sorted(confident, key=lambda index: float(example.output["scores"][index]))
    predicted_objects = [_object(example.output, index, style) for index in order]
    target, prediction = (
        _with_objects(example.image, objects, scale)
        for objects in (target_objects, predicted_objects)
    )
    return Row(_input(example), target, prediction, set())


class _Object(NamedTuple):
    box: list[float]
    mask: Tensor | None
    text: str
    colour: Colour


def _input(example: Example) -> Image.Image:
    picture = input_picture(example.image)
    return enlarge(picture, scale_of(*picture.shape[:2]))


def _object(objects: Mapping[str, Tensor], index: int, style: Style) -> _Object:
    number = int(objects["labels"][index])
    text = style.name(number)
    if "scores" in objects:
        text += f" {float(objects['scores'][index]):.2f}"
    is_crowd = bool(objects["iscrowd"][index]) if "iscrowd" in objects else False
    # Masks of a net have one channel of probabilities.
    mask = objects["masks"][index].squeeze(0) >= _MASK_THRESHOLD if "masks" in objects else None
    box = objects["boxes"][index].float().tolist()
    return _Object(box, mask, text, GREY if is_crowd else colour(number))


def _with_objects(pixels: Tensor, objects: Sequence[_Object], scale: int) -> Image.Image:
    picture = input_picture(pixels)
    for item in objects:
        if item.mask is not None:
            mask_colour = torch.tensor(item.colour, dtype=torch.uint8)
            picture[item.mask] = picture[item.mask] // 2 + mask_colour // 2
    image = enlarge(picture, scale)
    draw = ImageDraw.Draw(image)
    for item in objects:
        left, top, right, bottom = (scale * side for side in item.box)
        # Boxes of a net may be invalid or not finite.
        if all(map(math.isfinite, item.box)) and left <= right - 1 and top <= bottom - 1:
            draw.rectangle((left, top, right - 1, bottom - 1), outline=item.colour, width=_LINE)
            write(image, (left, top), item.text, item.colour)
    return image
