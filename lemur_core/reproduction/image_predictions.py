"""Predict image files with a trained net."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from lemur_core import registry
from lemur_core.errors import (
    CorruptSampleError,
    ImageError,
    LemurError,
    NotFiniteError,
    SettingsError,
    ShapeError,
    UnknownNameError,
)
from lemur_core.kinds.task import ImageOutput, Style, Task, task_of
from lemur_core.reproduction.predict import by_sample
from lemur_core.train.draws import Draws, derived_seed, seed_generators
from lemur_core.train.finite import Outputs
from lemur_core.train.generators import preserve_generators
from lemur_core.train.scoring import scored_at_once
from lemur_core.train.training import precision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from torch import Tensor

    from lemur_core.reproduction.trained import Trained
    from lemur_core.train.net_description import NetDescription

_CHANNELS = (1, 3)


class ImagePrediction(NamedTuple):
    """The prediction for an image file.

    Attributes:
        file: The file.
        rows: What the net predicts, as rows of a table: classes with their probabilities, most
            probable first; classes with their share of the pixels; or objects with class, score
            and box. The task defines them, with `lemur_core.kinds.task.Task.rows`.
    """

    file: Path
    rows: list[dict[str, Any]]


class _Prepared(NamedTuple):
    file: Path
    inputs: Tensor
    target: Any
    size: tuple[int, int]


def image_predictions(
    trained: Trained,
    files: Sequence[Path],
    style: Style,
    skip: Callable[[LemurError], None] | None = None,
) -> Iterator[ImagePrediction]:
    """Yield the predictions for image files, in the batches in which the net is scored.

    Args:
        trained: The net.
        files: The files.
        style: Names of the classes, and which predictions are left out.
        skip: Called with the error of each image that cannot be read or does not fit, which is then
            left out; None raises the error.

    Raises:
        LemurError: An image cannot be read, or an error of `Trained.predict`.
    """
    description, device = trained.description, torch.device(trained.device)
    task = predicting_task(description)
    # As in scoring, so that a net that draws numbers draws the same ones for the same images.
    draws = Draws(derived_seed(description.seed))
    waiting = _readable(trained, task, files, skip)
    at_once = scored_at_once(description.prm["batch"], description.size)
    number = 0
    while batch := list(islice(waiting, at_once)):
        with preserve_generators(), torch.inference_mode(), precision(description.prm, device):
            seed_generators(draws.of_batch(number))
            inputs = torch.stack([image.inputs for image in batch]).to(device)
            outputs = by_sample(trained.net(inputs))
        if len(outputs) != len(batch):
            raise ShapeError(f"the net gives {len(outputs)} outputs for {len(batch)} images")
        number += 1
        for image, output in zip(batch, outputs, strict=True):
            _check_finite(image.file, output)
            sizes = image.size, (image.inputs.shape[-2], image.inputs.shape[-1])
            yield ImagePrediction(
                image.file, task.rows(ImageOutput(output, image.target, *sizes), style)
            )


def predicting_task(description: NetDescription) -> Task:
    """Return the task of a net that can predict image files.

    Raises:
        SettingsError: The net was not trained on images of 1 or 3 channels, or its task is not
            installed or defines no rows.
    """
    name = f"{description.net.name} of {description.pipeline}"
    if description.image_shape is None:
        raise SettingsError(f"{name}: was not trained on images; it cannot predict image files")
    if description.collated:
        raise SettingsError(
            f"{name}: the loader makes batches by code of its own; it cannot predict image files"
        )
    if len(description.mean) not in _CHANNELS:
        raise SettingsError(
            f"{name}: was trained on images of {len(description.mean)} channels; "
            "image files are read with 1 or 3"
        )
    try:
        task = task_of(registry.installed().get("task", description.task))
    except UnknownNameError:
        task = None
    if task is None or not task.columns:
        raise SettingsError(
            f"{name}: no installed plugin defines what predictions of task {description.task!r} are"
        )
    return task


def _readable(
    trained: Trained,
    task: Task,
    files: Sequence[Path],
    skip: Callable[[LemurError], None] | None,
) -> Iterator[_Prepared]:
    trained.transform.eval()
    for file in files:
        try:
            yield _prepared(trained, task, file)
        except LemurError as error:
            if skip is None:
                raise
            skip(error)


def _prepared(trained: Trained, task: Task, file: Path) -> _Prepared:
    """Return the net's input for an image file.

    Raises:
        ImageError: The file is not an image, or the transform gives an input of another size than
            in training.
        MissingDataError: The file cannot be read.
    """
    # Pillow, which reads images, is optional.
    from lemur_core.images import read_image

    description, transform = trained.description, trained.transform
    pair: Callable[[Tensor, Any], tuple[Tensor, Any]] | None = getattr(transform, "pair", None)
    try:
        image = read_image(file, len(description.mean))
    except CorruptSampleError as error:
        raise ImageError(f"{file}: {error.reason}") from error
    size, target = (image.shape[-2], image.shape[-1]), None
    if pair is None:
        inputs = transform(image[None])[0]
    else:
        inputs, target = pair(image, task.probe(image))
    if tuple(inputs.shape) != tuple(description.in_shape[1:]):
        raise ImageError(_other_size(file, description, size))
    return _Prepared(file, inputs, target, size)


def _other_size(file: Path, description: NetDescription, size: tuple[int, int]) -> str:
    assert description.image_shape is not None
    height, width = description.image_shape[1:]
    return (
        f"{file}: is {size[1]}x{size[0]} pixels, and transform {description.transform.name!r} "
        f"does not resize images; expected {width}x{height}, as in training"
    )


def _check_finite(file: Path, output: Any) -> None:
    seen = Outputs("given")
    seen.record(output)
    try:
        seen.check()
    except NotFiniteError:
        raise NotFiniteError(f"{file}: the net gives NaN or infinity") from None
