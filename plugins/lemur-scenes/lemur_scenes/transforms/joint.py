"""Transform an image and its target together, with torchvision's transforms.

Image, masks and boxes are resized on the same grid, which `resizing` describes. Boxes are clipped
to the image. An object is left out if less than a pixel of its box remains, or nothing of its mask.
The area of an object is scaled in proportion to that of its box. There is no randomness in
evaluation mode.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torchvision import tv_tensors
from torchvision.transforms import v2

from lemur_core.kinds.loader import IGNORED
from lemur_core.kinds.transform import by_size
from lemur_scenes.transforms.resizing import Fit, Scale, Square, sides_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from lemur_core.kinds.transform import Normalisation


class Joint(nn.Module):
    """Transforms an image and its target, then normalises the image.

    Args:
        normalisation: The mean and standard deviation of each channel, for values from 0 to 1.
        drawn: The transforms in training mode.
        always: The transforms in evaluation mode.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, normalisation: Normalisation, drawn: list[nn.Module], always: list[nn.Module]
    ) -> None:
        super().__init__()
        self.drawn, self.always = v2.Compose(drawn), v2.Compose(always)
        self.clean = v2.SanitizeBoundingBoxes(labels_getter=lambda pair: _labels(pair[1]))
        # For values from 0 to 255, so that scaling and normalising need a single pass.
        for name, values in zip(("mean", "std"), normalisation, strict=True):
            self.register_buffer(name, 255 * torch.tensor(values)[:, None, None])

    def pair(self, image: Tensor, target: Any) -> tuple[Tensor, Any]:
        """Return the input of the net and the transformed target.

        Args:
            image: The image, uint8, shape ``(channels, height, width)``.
            target: The class of each pixel, int64, shape ``(height, width)``; or a dictionary of
                objects, as for torchvision's detectors.
        """
        if isinstance(target, Tensor):
            target = tv_tensors.Mask(target)
        move = self.drawn if self.training else self.always
        image, moved = move(tv_tensors.Image(image), target)
        if isinstance(moved, dict):
            image, moved = self.clean(image, _with_areas(target, moved))
            moved = _without_empty_masks(moved)
        else:
            moved = moved.as_subclass(Tensor)
        pixels = image.as_subclass(Tensor).to(torch.float32, copy=True)
        return pixels.sub_(self.mean).div_(self.std), moved


class PadTo(v2.Transform):  # type: ignore[misc] # torchvision has no types
    """Pads on the right and below to at least ``size`` pixels a side, which moves no box.

    The padding contains no object; its pixels are ignored in masks of classes.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Return the padding of this image: left, top, right and bottom, in pixels."""
        height, width = sides_of(flat_inputs)
        return {"padding": [0, 0, max(0, self.size - width), max(0, self.size - height)]}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Pad an image, a mask or boxes."""
        is_classes = isinstance(inpt, tv_tensors.Mask) and inpt.dtype == torch.int64
        return v2.functional.pad(inpt, fill=IGNORED if is_classes else 0, **params)


def resized(normalisation: Normalisation, size: int, *, flip: bool = False) -> Joint:
    """Resize to ``size`` pixels a side, whatever the shape of the image."""
    return Joint(normalisation, [Square(size), *_flip(flip)], [Square(size)])


def padded(normalisation: Normalisation, size: int, *, flip: bool = False) -> Joint:
    """Resize the longer side to ``size`` pixels, and pad the shorter side."""
    drawn: list[nn.Module] = [Fit(size), *_flip(flip), PadTo(size)]
    return Joint(normalisation, drawn, [Fit(size), PadTo(size)])


def randscale(normalisation: Normalisation, size: int, *, flip: bool = False) -> Joint:
    """Scale by 0.5 to 2 and crop ``size`` pixels a side; in evaluation mode, only resize."""
    # Resize only once, because resizing a mask twice makes its outline less exact.
    drawn = [Scale(size, 0.5, 2.0), PadTo(size), v2.RandomCrop(size), *_flip(flip)]
    return Joint(normalisation, drawn, [Square(size)])


def jitter(normalisation: Normalisation, size: int, *, flip: bool = False) -> Joint:
    """Resize, and change brightness, contrast, saturation and hue."""
    drawn = [Square(size), *_flip(flip), v2.RandomPhotometricDistort()]
    return Joint(normalisation, drawn, [Square(size)])


def _flip(flip: bool) -> list[nn.Module]:
    return [v2.RandomHorizontalFlip()] if flip else []


def _with_areas(target: dict[str, Any], moved: dict[str, Any]) -> dict[str, Any]:
    if "area" not in target:
        return moved
    before, after = _areas(target["boxes"]), _areas(moved["boxes"])
    # A box without an area is left out later.
    return moved | {"area": target["area"] * after / before.clamp(min=1)}


def _areas(boxes: Tensor) -> Tensor:
    corners = boxes.as_subclass(Tensor)
    return (corners[:, 2:] - corners[:, :2]).prod(1)


def _without_empty_masks(target: dict[str, Any]) -> dict[str, Any]:
    """Leave out objects with empty masks."""
    if "masks" not in target:
        return target
    visible = target["masks"].as_subclass(Tensor).flatten(1).any(1).bool()
    return {
        name: _select(value, visible) if _is_of_objects(value) else value
        for name, value in target.items()
    }


def _select(values: Tensor, mask: Tensor) -> Tensor:
    selected = values.as_subclass(Tensor)[mask]
    wrapped = isinstance(values, tv_tensors.TVTensor)
    return tv_tensors.wrap(selected, like=values) if wrapped else selected


def _labels(target: dict[str, Any]) -> tuple[Tensor, ...]:
    """Return the values of each object other than boxes and masks."""
    return tuple(
        value
        for value in target.values()
        if _is_of_objects(value) and not isinstance(value, tv_tensors.TVTensor)
    )


def _is_of_objects(value: Any) -> bool:
    return isinstance(value, Tensor) and value.ndim > 0


_FAMILIES: dict[str, Callable[..., nn.Module]] = {
    "resize": resized,
    "pad": padded,
    "randscale": randscale,
    "jitter": jitter,
}
__getattr__ = by_size(
    {f"{name}_N": make for name, make in _FAMILIES.items()}
    | {f"{name}_N_flip": partial(make, flip=True) for name, make in _FAMILIES.items()}
)
