"""The description of a trained net that its weights' file holds, to use it without a database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from lemur_core.codec import DECODING_ERRORS, from_json, to_json
from lemur_core.errors import PluginError, WeightsError, error_text
from lemur_core.kinds.transform import Normalisation

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core.entry import Entry
    from lemur_core.kinds.loader import DataBundle
    from lemur_core.trial import Size, Trial

KEY = "lemur"
"""Name of the description in the metadata of a file."""

MOST_BYTES = 16 * 2**20
"""Maximum length of a description in bytes; weights with a longer one are saved without it."""

_IMAGE_DIMENSIONS = 3


class Code(NamedTuple):
    """The code of a net or transform.

    Attributes:
        name: Name of the entry.
        text: Complete code, which runs by itself; None if it could not be read.
        attribute: Name of the object in the code; empty for the module.
        package: Module that must be installed, as ``text`` is not a net by itself; None if not.
    """

    name: str
    text: str | None
    attribute: str = ""
    package: str | None = None


@dataclass(frozen=True)
class NetDescription:
    """What is needed to build a trial's net and its inputs.

    Attributes:
        uid: Id of the trial.
        task: Name of the task, as in the trial's pipeline; likewise for the next two.
        dataset: Name of the dataset, with its restriction.
        metric: Name of the metric that the scores are of.
        net: The code of the net.
        transform: The code of the transform.
        prm: Hyperparameters.
        seed: Seed of the trial.
        device: Device on which the net was trained.
        in_shape: Shape of the net's input, ``(1, channels, height, width)`` for images.
        out_shape: Shape of the net's output for one sample.
        class_names: Name of each class; empty if classes only have numbers.
        mean: Mean of each channel of the images, for values scaled to 0 to 1.
        std: Standard deviation of each channel, likewise.
        image_shape: Channels, height and width of an image of the dataset before the transform;
            None if the dataset's inputs are not images.
        size: Height and width to which the transform resizes; None if it keeps the size.
        dtype: Type of the net's inputs, ``float32`` or ``complex64``.
        collated: Whether a function of the loader makes the batches.
        data: Short name and fingerprint of the dataset's content; None if unknown.
        versions: Versions of the software that trained the net, by name.
    """

    uid: str
    task: str
    dataset: str
    metric: str
    net: Code
    transform: Code
    prm: Mapping[str, Any]
    seed: int
    device: str
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    class_names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    image_shape: tuple[int, ...] | None
    size: int | None
    dtype: str
    collated: bool
    data: str | None
    versions: Mapping[str, str]

    @property
    def pipeline(self) -> str:
        """Name of the pipeline."""
        return f"{self.task}_{self.dataset}_{self.metric}_{self.net.name}"

    @cached_property
    def normalisation(self) -> Normalisation:
        """Mean and standard deviation of the images' channels."""
        return Normalisation(self.mean, self.std)

    @property
    def is_complete(self) -> bool:
        """Whether the net and its transform can be built from their code."""
        return None not in (self.net.text, self.transform.text)


def describe(trial: Trial, bundle: DataBundle, size: Size) -> NetDescription:
    """Return the description of a trial's net.

    Args:
        trial: The trial.
        bundle: The trial's data, with a validation split.
        size: The size of the net.
    """
    pipeline, scale = trial.pipeline, bundle.scale
    assert bundle.validation is not None
    image = bundle.validation[0][0]
    is_image = isinstance(image, Tensor) and image.dtype == torch.uint8
    is_image = is_image and image.ndim == _IMAGE_DIMENSIONS
    return NetDescription(
        trial.uid,
        pipeline.task,
        pipeline.dataset,
        pipeline.metric,
        _code_of_net(pipeline.net, pipeline.net_entry),
        _code_of_transform(trial.prm["transform"], trial.transform_entry),
        trial.prm,
        trial.seed,
        trial.device,
        size.in_shape,
        size.out_shape,
        tuple(bundle.class_names),
        tuple(scale.mean),
        tuple(scale.std),
        tuple(image.shape) if is_image else None,
        trial.transform_entry.size,
        trial.transform_entry.dtype,
        bundle.collate is not None,
        trial.data.label if trial.data else None,
        trial.versions,
    )


def metadata_of(description: NetDescription) -> dict[str, str]:
    """Return the metadata that holds a description; empty if it would be too long."""
    # In ASCII, as a lone surrogate, for example in a class's name, has no form in UTF-8.
    text = json.dumps(to_json(description))
    return {KEY: text} if len(text) <= MOST_BYTES else {}


def description_in(metadata: Mapping[str, str], file: Path) -> NetDescription | None:
    """Return the description in the metadata of a file; None if it has none.

    Raises:
        WeightsError: The description is damaged.
    """
    text = metadata.get(KEY)
    if text is None:
        return None
    try:
        if len(text) > MOST_BYTES:
            raise ValueError(f"it has {len(text):,} characters")
        description = from_json(NetDescription, json.loads(text))
        if len(description.mean) != len(description.std):
            raise ValueError(f"{len(description.mean)} means, {len(description.std)} deviations")
    except DECODING_ERRORS as error:
        reason = error_text(error)
        raise WeightsError(f"{file}: the description of its net is damaged ({reason})") from None
    return description


def _code_of_net(name: str, entry: Entry) -> Code:
    return Code(name, _text(entry), _attribute(entry), entry.code_target)


def _code_of_transform(name: str, entry: Entry) -> Code:
    # What is recorded is one module; the complete code also has what this imports beside it.
    present = replace(entry, snapshot=None)
    try:
        is_same = present.source() == entry.source()
    except (OSError, UnicodeDecodeError, PluginError):
        is_same = False
    return Code(name, _text(present) if is_same else None, _attribute(entry))


def _text(entry: Entry) -> str | None:
    try:
        return entry.code()
    except PluginError:
        return None


def _attribute(entry: Entry) -> str:
    return entry.target.partition(":")[2] if entry.module else ""
