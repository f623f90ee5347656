"""Image segmentation: a target is the class index of each pixel."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lemur_core.kinds.loader import IGNORED
from lemur_core.kinds.task import ImageOutput, MakePair, Shape, Style, Task, WrongLabel
from lemur_core.labels import class_indices, first_outside
from lemur_core.tasks.discs import check_centred, draw_disc_for, whole_disc
from lemur_core.tasks.images import (
    EXAMPLE_CLASSES,
    check_image,
    expect,
    random_images,
    random_pictures,
)


class Segmentation(Task):
    """``img-segmentation``: targets are masks, outputs are logits of ``(classes, H, W)``."""

    drawer = "lemur_core.tasks.drawing:segmented"
    in_image = True
    columns = ("class", "index", "share")

    def wrong_label(self, target: Any, classes: int) -> WrongLabel | None:
        """Return a pixel's class that is neither 0 to ``classes - 1`` nor `IGNORED`; else None."""
        value = first_outside(class_indices(target), 0, classes, IGNORED)
        if value is None:
            return None
        return WrongLabel(
            value,
            f"has a pixel of class {value}; expected 0 to {classes - 1}, or {IGNORED} for pixels "
            "that do not count",
        )

    def has_wrong_labels(self, targets: Tensor, classes: int) -> bool:
        """Return whether any pixel of a batch of masks has an invalid class."""
        return self.wrong_label(targets, classes) is not None

    def batch(self, count: int, channels: int, size: int, dtype: Any) -> tuple[Any, Any, Shape]:
        """Return random images, and masks with the classes in turn whose first row is ignored."""
        numbers = torch.arange(count * size * size)
        masks = numbers.reshape(count, size, size) % EXAMPLE_CLASSES
        masks[:, 0] = IGNORED
        return random_images(count, channels, size, dtype), masks, (EXAMPLE_CLASSES,)

    def check_sample(self, inputs: Any, target: Any, out_shape: Shape) -> None:
        """Check that a sample is an image and a mask of the same size."""
        check_image(inputs)
        expect(target.dtype == torch.int64, f"masks are {target.dtype}; expected int64")
        sizes = tuple(target.shape), tuple(inputs.shape[1:])
        expect(sizes[0] == sizes[1], f"a mask of {sizes[0]} for an image of {sizes[1]}")
        counted = target[target != IGNORED]
        expect(
            ((counted >= 0) & (counted < out_shape[0])).all(),
            f"a mask of classes {target.unique().tolist()}; "
            f"expected 0 to {out_shape[0] - 1}, or {IGNORED}",
        )

    def empty_target(self, image: Tensor) -> Tensor:
        """Return a mask in which every pixel is background."""
        return torch.zeros(image.shape[1:], dtype=torch.int64)

    def rows(self, predicted: ImageOutput, style: Style) -> list[dict[str, Any]]:
        """Return each class in the image with its share of the pixels, the largest first."""
        classes = predicted.output.argmax(0)
        if predicted.target is not None:
            # The transform's padding is ignored.
            classes = classes[predicted.target != IGNORED]
        counts = torch.bincount(classes.flatten()).tolist()
        largest = sorted(range(len(counts)), key=lambda index: (-counts[index], index))
        return [
            {
                "class": style.name(index),
                "index": index,
                "share": counts[index] / classes.numel(),
            }
            for index in largest
            if counts[index]
        ]

    def check_pair(self, make: MakePair, size: int) -> None:
        """Check that a mask moves with its image, and that no other classes appear in it.

        A mask resized with ``nearest``, the default of torch and torchvision, is shifted to the
        right and down by up to half a pixel; ``nearest-exact`` uses the same grid as the image.
        """
        for image in random_pictures(4, 3, 28):
            _check_classes(make, image)
        image, mask = draw_disc_for(size)
        for training, seed in [(False, 0), (True, 1), (True, 2)]:
            fed, moved = make(training=training, seed=seed)(image, mask.long())
            if (disc := whole_disc(fed)) is not None:
                check_centred(disc, "mask", moved == 1)


def _check_classes(make: MakePair, image: Tensor) -> None:
    mask = torch.where(image[0] < 64, 0, torch.where(image[0] < 128, 7, IGNORED))
    fed, moved = make(training=True, seed=0)(image, mask)
    expect(moved.dtype == torch.int64, f"returns a mask of {moved.dtype}")
    sizes = tuple(fed.shape), tuple(moved.shape)
    expect(sizes[1] == sizes[0][1:], f"returns an input of {sizes[0]} and a mask of {sizes[1]}")
    classes = moved.unique().tolist()
    expect(
        set(classes) <= {0, 7, IGNORED},
        f"turns the classes 0, 7 and {IGNORED} into {classes}; resize masks with nearest-exact",
    )
