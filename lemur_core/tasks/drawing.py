"""Draw samples of the image tasks, their targets, and what a net predicts of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from lemur_core.kinds.task import Example, Row, Style
from lemur_core.pictures.colours import GREY, Colour, colour, painted
from lemur_core.pictures.tiles import enlarged, plate, scale_of, seen, write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MASKED = 0.5
_LINE = 2
_LARGE_PX = 28


def classified(example: Example, style: Style) -> Row:
    """Draw the class and the most probable one, with its probability, each on its colour."""
    image = _input(example)
    target = int(example.target)
    share, number = _probabilities(example.output).max(0)
    given = int(number)
    text = f"{style.name(given)}\n{share.item():.2f}"
    return Row(
        image,
        plate(image.size, style.name(target), colour(target), _LARGE_PX),
        plate(image.size, text, colour(given), _LARGE_PX),
        set(),
    )


def segmented(example: Example, style: Style) -> Row:
    """Draw the class of each pixel, and the most probable one."""
    image = _input(example)
    target, given = example.target, example.output.argmax(0)
    shown = [enlarged(painted(classes), 1) for classes in (target, given)]
    true, said = (one.resize(image.size, Image.Resampling.NEAREST) for one in shown)
    return Row(image, true, said, {*target.unique().tolist(), *given.unique().tolist()})


def detected(example: Example, style: Style) -> Row:
    """Draw the boxes and masks of the objects, and those that the net is sure of.

    What is a crowd, and so does not count, is grey.
    """
    scale = scale_of(*example.image.shape[-2:])
    true = [_object(example.target, at, style) for at in range(len(example.target["boxes"]))]
    sure = (example.output["scores"] >= style.score).nonzero().flatten().tolist()
    # The surest is drawn last, over the others.
    order = sorted(sure, key=lambda at: float(example.output["scores"][at]))
    said = [_object(example.output, at, style) for at in order]
    target, prediction = (_with_objects(example.image, each, scale) for each in (true, said))
    return Row(_input(example), target, prediction, set())


class _Object(NamedTuple):
    box: list[float]
    mask: Tensor | None
    text: str
    colour: Colour


def _input(example: Example) -> Image.Image:
    picture = seen(example.image)
    return enlarged(picture, scale_of(*picture.shape[:2]))


def _probabilities(output: Tensor) -> Tensor:
    """Return the probability of each class of what are logits, or probabilities already."""
    output = output.float()
    already = bool((output >= 0).all()) and abs(float(output.sum()) - 1) < 1e-3
    return output if already else output.softmax(0)


def _object(objects: Mapping[str, Tensor], at: int, style: Style) -> _Object:
    number = int(objects["labels"][at])
    text = style.name(number)
    if "scores" in objects:
        text += f" {float(objects['scores'][at]):.2f}"
    is_crowd = bool(objects["iscrowd"][at]) if "iscrowd" in objects else False
    # Of one channel, probabilities, where a net gives it.
    mask = objects["masks"][at].squeeze(0) >= _MASKED if "masks" in objects else None
    box = objects["boxes"][at].float().tolist()
    return _Object(box, mask, text, GREY if is_crowd else colour(number))


def _with_objects(pixels: Tensor, objects: Sequence[_Object], scale: int) -> Image.Image:
    picture = seen(pixels)
    for one in objects:
        if one.mask is not None:
            ground = torch.tensor(one.colour, dtype=torch.uint8)
            picture[one.mask] = picture[one.mask] // 2 + ground // 2
    image = enlarged(picture, scale)
    draw = ImageDraw.Draw(image)
    for one in objects:
        left, top, right, bottom = (scale * side for side in one.box)
        # A net may give anything, what is not finite among it.
        if all(map(math.isfinite, one.box)) and left <= right - 1 and top <= bottom - 1:
            draw.rectangle((left, top, right - 1, bottom - 1), outline=one.colour, width=_LINE)
            write(image, (left, top), one.text, one.colour)
    return image
