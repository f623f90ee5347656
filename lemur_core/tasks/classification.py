"""Image classification: a target is a class index."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lemur_core.kinds.task import ImageOutput, Shape, Style, Task, WrongLabel
from lemur_core.labels import class_indices, first_outside, wrong_class
from lemur_core.tasks.images import EXAMPLE_CLASSES, check_image, expect, random_images


class Classification(Task):
    """``img-classification``: targets are class indices, outputs logits of ``(classes,)``."""

    drawer = "lemur_core.tasks.drawing:classified"
    one_class = True
    columns = ("class", "index", "probability")

    def wrong_label(self, target: Any, classes: int) -> WrongLabel | None:
        """Return the class index if it is not in 0 to ``classes - 1``; else None."""
        return wrong_class(target, classes)

    def has_wrong_labels(self, targets: Tensor, classes: int) -> bool:
        """Return whether any class index is not in 0 to ``classes - 1``."""
        labels = class_indices(targets)
        is_flat = labels is not None and labels.ndim == 1
        return is_flat and first_outside(labels, 0, classes) is not None

    def batch(self, count: int, channels: int, size: int, dtype: Any) -> tuple[Any, Any, Shape]:
        """Return random images with the classes in turn."""
        images = random_images(count, channels, size, dtype)
        return images, torch.arange(count) % EXAMPLE_CLASSES, (EXAMPLE_CLASSES,)

    def check_sample(self, inputs: Any, target: Any, out_shape: Shape) -> None:
        """Check that a sample is an image and a class index."""
        check_image(inputs)
        last = out_shape[0] - 1
        expect(0 <= int(target) <= last, f"target {int(target)}; expected 0 to {last}")

    def rows(self, predicted: ImageOutput, style: Style) -> list[dict[str, Any]]:
        """Return the classes with the highest outputs, with their probabilities."""
        output = predicted.output.float()
        # By the outputs, as different outputs can have the same probability.
        order = output.sort(descending=True, stable=True).indices[: style.top].tolist()
        shares = probabilities(output).tolist()
        return [
            {"class": style.name(index), "index": index, "probability": shares[index]}
            for index in order
        ]


def probabilities(output: Tensor) -> Tensor:
    """Return the probabilities of the classes from logits or probabilities.

    Args:
        output: Shape ``(classes,)``.

    >>> probabilities(torch.tensor([0.25, 0.75])).tolist()
    [0.25, 0.75]
    >>> probabilities(torch.tensor([3.0, 3.0])).tolist()
    [0.5, 0.5]
    """
    output = output.float()
    are_probabilities = bool((output >= 0).all()) and abs(float(output.sum()) - 1) < 1e-3
    return output if are_probabilities else output.softmax(0)
