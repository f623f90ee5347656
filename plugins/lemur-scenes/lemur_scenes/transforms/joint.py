"""An image and what lies in it, moved together by torchvision's transforms.

Images are resized bilinearly, antialiased; masks take the nearest pixel, so that no class is
averaged into another; boxes follow, are clipped where the image is, and left out with their objects
where less than a pixel of them remains. Nothing is drawn in scoring.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torchvision import tv_tensors
from torchvision.transforms import v2

from lemur_core.kinds.loader import IGNORED
from lemur_core.kinds.transform import Normalisation
from lemur_scenes.transforms.sizes import SIZES


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
        self.clean = v2.SanitizeBoundingBoxes(labels_getter=lambda pair: _of_objects(pair[1]))
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
        moved = self.drawn if self.training else self.always
        image, target = moved(tv_tensors.Image(image), target)
        if isinstance(target, dict):
            image, target = self.clean(image, target)
        else:
            target = target.as_subclass(Tensor)
        pixels = image.as_subclass(Tensor).to(torch.float32, copy=True)
        return pixels.sub_(self.mean).div_(self.std), target


class PadTo(v2.Transform):
    """Pad on the right and below to at least ``size`` pixels a side: no box moves.

    What is added has no object in it, and does not count where each pixel has a class.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Return how much is added to this image."""
        image = next(each for each in flat_inputs if isinstance(each, tv_tensors.Image))
        height, width = image.shape[-2:]
        return {"padding": [0, 0, max(0, self.size - width), max(0, self.size - height)]}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Pad an image, a mask or boxes."""
        is_classes = isinstance(inpt, tv_tensors.Mask) and inpt.dtype == torch.int64
        return v2.functional.pad(inpt, fill=IGNORED if is_classes else 0, **params)


def resized(normalisation: Normalisation, size: int, *, flip: bool = False) -> Joint:
    """Resize to ``size`` pixels a side, whatever the image's shape."""
    drawn = [v2.RandomHorizontalFlip()] if flip else []
    return Joint(normalisation, [_square(size), *drawn], [_square(size)])


def padded(normalisation: Normalisation, size: int, *, flip: bool = False) -> Joint:
    """Resize the longer side to ``size`` pixels, and pad the shorter."""
    fit = v2.Resize(None, max_size=size)
    drawn = [v2.RandomHorizontalFlip()] if flip else []
    return Joint(normalisation, [fit, *drawn, PadTo(size)], [fit, PadTo(size)])


def randcrop(normalisation: Normalisation, size: int) -> Joint:
    """Scale by 0.5 to 2, crop ``size`` pixels a side, mirror; in scoring, only resize."""
    scale = v2.ScaleJitter((size, size), (0.5, 2.0))
    drawn = [scale, PadTo(size), v2.RandomCrop(size), v2.RandomHorizontalFlip()]
    return Joint(normalisation, [_square(size), *drawn], [_square(size)])


def jitter(normalisation: Normalisation, size: int) -> Joint:
    """Resize, mirror, and change brightness, contrast, saturation and hue."""
    drawn = [v2.RandomHorizontalFlip(), v2.RandomPhotometricDistort()]
    return Joint(normalisation, [_square(size), *drawn], [_square(size)])


def _square(size: int) -> nn.Module:
    resize: nn.Module = v2.Resize((size, size))
    return resize


def _of_objects(target: dict[str, Any]) -> tuple[Tensor, ...]:
    return tuple(
        value
        for name, value in target.items()
        if isinstance(value, Tensor) and value.ndim and name not in ("boxes", "masks")
    )


for _size in SIZES:
    globals().update(
        {
            f"resize_{_size}": partial(resized, size=_size),
            f"resize_{_size}_flip": partial(resized, size=_size, flip=True),
            f"pad_{_size}": partial(padded, size=_size),
            f"pad_{_size}_flip": partial(padded, size=_size, flip=True),
            f"randscale_{_size}_flip": partial(randcrop, size=_size),
            f"jitter_{_size}_flip": partial(jitter, size=_size),
        }
    )
