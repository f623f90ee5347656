"""An image and what lies in it, moved together by torchvision's transforms.

All are resized on one grid, which `resizing` describes. Boxes are clipped where the image is, and
left out with their objects where less than a pixel of them remains, or none of their mask. An
object's area changes by as much as that of its box. Nothing is drawn in scoring.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torchvision import tv_tensors
from torchvision.transforms import v2

from lemur_core.kinds.loader import IGNORED
from lemur_scenes.transforms.resizing import Fit, Scale, Square, sides_of
from lemur_scenes.transforms.sizes import SIZES

if TYPE_CHECKING:
    from lemur_core.kinds.transform import Normalisation


class Joint(nn.Module):
    """Move an image and its target, then scale and normalise the image.

    Args:
        normalisation: Mean and standard deviation of each channel, of values in 0 to 1.
        drawn: What is done in training.
        always: What is done in scoring.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, normalisation: Normalisation, drawn: list[nn.Module], always: list[nn.Module]
    ) -> None:
        super().__init__()
        self.drawn, self.always = v2.Compose(drawn), v2.Compose(always)
        self.clean = v2.SanitizeBoundingBoxes(labels_getter=lambda pair: _labels(pair[1]))
        # Of 0..255, so that scaling and normalising are one pass.
        for name, values in zip(("mean", "std"), normalisation, strict=True):
            self.register_buffer(name, 255 * torch.tensor(values)[:, None, None])

    def pair(self, image: Tensor, target: Any) -> tuple[Tensor, Any]:
        """Return the net's input and the target that was moved with it.

        Args:
            image: uint8, shape ``(channels, height, width)``.
            target: The class of each pixel, int64, shape ``(height, width)``; or a dictionary of
                the objects, as torchvision's detectors take it.
        """
        if isinstance(target, Tensor):
            target = tv_tensors.Mask(target)
        move = self.drawn if self.training else self.always
        image, moved = move(tv_tensors.Image(image), target)
        if isinstance(moved, dict):
            image, moved = self.clean(image, _with_areas(target, moved))
            moved = _in_sight(moved)
        else:
            moved = moved.as_subclass(Tensor)
        pixels = image.as_subclass(Tensor).to(torch.float32, copy=True)
        return pixels.sub_(self.mean).div_(self.std), moved


class PadTo(v2.Transform):
    """Pad on the right and below to at least ``size`` pixels a side: no box moves.

    What is added has no object in it, and does not count where each pixel has a class.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Return how much is added to this image."""
        height, width = sides_of(flat_inputs)
        return {"padding": [0, 0, max(0, self.size - width), max(0, self.size - height)]}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Pad an image, a mask or boxes."""
        is_classes = isinstance(inpt, tv_tensors.Mask) and inpt.dtype == torch.int64
        return v2.functional.pad(inpt, fill=IGNORED if is_classes else 0, **params)


def resized(normalisation: Normalisation, size: int, *, flip: bool = False) -> Joint:
    """Resize to ``size`` pixels a side, whatever the image's shape."""
    return Joint(normalisation, [Square(size), *_mirrored(flip)], [Square(size)])


def padded(normalisation: Normalisation, size: int, *, flip: bool = False) -> Joint:
    """Resize the longer side to ``size`` pixels, and pad the shorter."""
    drawn = [Fit(size), *_mirrored(flip), PadTo(size)]
    return Joint(normalisation, drawn, [Fit(size), PadTo(size)])


def randscale(normalisation: Normalisation, size: int, *, flip: bool = False) -> Joint:
    """Scale by 0.5 to 2, crop ``size`` pixels a side; in scoring, only resize."""
    # One resize, as a mask that is resized twice loses more of its outline.
    drawn = [Scale(size, 0.5, 2.0), PadTo(size), v2.RandomCrop(size), *_mirrored(flip)]
    return Joint(normalisation, drawn, [Square(size)])


def jitter(normalisation: Normalisation, size: int, *, flip: bool = False) -> Joint:
    """Resize, and change brightness, contrast, saturation and hue."""
    drawn = [Square(size), *_mirrored(flip), v2.RandomPhotometricDistort()]
    return Joint(normalisation, drawn, [Square(size)])


def _mirrored(flip: bool) -> list[nn.Module]:
    return [v2.RandomHorizontalFlip()] if flip else []


def _with_areas(given: dict[str, Any], moved: dict[str, Any]) -> dict[str, Any]:
    if "area" not in given:
        return moved
    before, after = (_areas(target["boxes"]) for target in (given, moved))
    # Of a box without an area nothing is seen; it is left out.
    return moved | {"area": given["area"] * after / before.clamp(min=1)}


def _areas(boxes: Tensor) -> Tensor:
    corners = boxes.as_subclass(Tensor)
    return (corners[:, 2:] - corners[:, :2]).prod(1)


def _in_sight(target: dict[str, Any]) -> dict[str, Any]:
    """Leave out the objects of whose masks nothing remains."""
    if "masks" not in target:
        return target
    seen = target["masks"].as_subclass(Tensor).flatten(1).any(1).bool()
    return {
        name: _some(value, seen) if _is_of_objects(value) else value
        for name, value in target.items()
    }


def _some(values: Tensor, chosen: Tensor) -> Tensor:
    some = values.as_subclass(Tensor)[chosen]
    wrapped = isinstance(values, tv_tensors.TVTensor)
    return tv_tensors.wrap(some, like=values) if wrapped else some


def _labels(target: dict[str, Any]) -> tuple[Tensor, ...]:
    """Return what is known of each object beside its box and mask."""
    return tuple(
        value
        for value in target.values()
        if _is_of_objects(value) and not isinstance(value, tv_tensors.TVTensor)
    )


def _is_of_objects(value: Any) -> bool:
    return isinstance(value, Tensor) and value.ndim > 0


_FAMILIES = {"resize": resized, "pad": padded, "randscale": randscale, "jitter": jitter}
for _size in SIZES:
    for _name, _made in _FAMILIES.items():
        globals()[f"{_name}_{_size}"] = partial(_made, size=_size)
        globals()[f"{_name}_{_size}_flip"] = partial(_made, size=_size, flip=True)
