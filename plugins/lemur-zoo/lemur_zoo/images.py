"""The images of a zoo, prepared once for all of its members."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.utils.data import ConcatDataset

from lemur_core import Pattern, compose, installed
from lemur_core.errors import MisfitError, SettingsError
from lemur_core.kinds.loader import DataBundle, InMemory, as_bundle, normalisation_of, take
from lemur_core.kinds.transform import as_transform
from lemur_core.training import Bundles
from lemur_zoo.members import SplitArrays
from lemur_zoo.spec.spec import METRIC, TASK

if TYPE_CHECKING:
    from pathlib import Path

    from numpy import float32
    from numpy.typing import NDArray
    from torch import Tensor

    from lemur_core import Pipeline
    from lemur_core.kinds.loader import Samples
    from lemur_zoo.spec.spec import ZooSpec

SPLITS = ("train", "validation", "test")
SPLIT_SEED = 42
"""Seed of the split into training and validation images, that of the published zoos."""
_SHARE = 0.1
_GREY = (0.299, 0.587, 0.114)
_BATCH = 1_000


class ZooImages(NamedTuple):
    """The images of a zoo.

    Attributes:
        train, validation, test: The splits; images are float32, normalised by the mean and standard
            deviation of the training images.
        classes: Number of classes.
        class_names: Names of the classes; empty if they have none.
        fingerprint: Digest of all images and classes, before they are normalised.
        black: Value of a black pixel of each channel, shape ``(channels,)``.
    """

    train: SplitArrays
    validation: SplitArrays
    test: SplitArrays
    classes: int
    class_names: tuple[str, ...]
    fingerprint: str
    black: NDArray[float32]

    @property
    def in_shape(self) -> tuple[int, int, int, int]:
        """Shape of a single image as nets expect it: ``(1, channels, height, width)``."""
        _, channels, height, width = self.train.inputs.shape
        return 1, channels, height, width


def pipeline_of(spec: ZooSpec) -> Pipeline:
    """Return the pipeline of a zoo.

    Raises:
        LemurError: Its net, dataset or transform is not installed, or does not fit; or the
            specification has a pattern instead of a name.
    """
    pattern = Pattern.parse(f"{TASK}_{spec.dataset}_{METRIC}_{spec.net}")
    pipelines = compose(installed(), [pattern], [f"norm_{spec.px}"])
    if len(pipelines) != 1:
        raise SettingsError(
            f"zoo {spec.name!r}: {spec.dataset!r} and {spec.net!r} are "
            f"{len(pipelines)} pipelines; expected the names of one dataset and one net"
        )
    (pipeline,) = pipelines
    # The names of the specification are those that the database records.
    for part, given, name in (
        ("dataset", spec.dataset, pipeline.dataset),
        ("net", spec.net, pipeline.net),
    ):
        if given != name:
            raise SettingsError(
                f"zoo {spec.name!r}: its {part} is {given!r}; expected the name {name!r}"
            )
    return pipeline


def load_images(spec: ZooSpec, data: Path) -> ZooImages:
    """Load, split and prepare the images of a zoo.

    Args:
        spec: The specification of the zoo.
        data: Folder of the datasets.

    Raises:
        LemurError: The dataset is missing, or does not offer what the zoo needs.
    """
    pipeline = pipeline_of(spec)
    splits, bundle = _splits(spec, pipeline, data)
    raw = [_in_memory(spec, name, split) for name, split in zip(SPLITS, splits, strict=True)]
    images = [_with_channels(spec, split.inputs) for split in raw]
    transform = as_transform(
        pipeline.transforms[f"norm_{spec.px}"].load(),
        normalisation_of(images[0]),
        f"norm_{spec.px}",
    )
    prepared = [
        SplitArrays(_transformed(transform, inputs), split.targets.numpy())
        for inputs, split in zip(images, raw, strict=True)
    ]
    digest = sha256(f"{spec.px}".encode())
    for inputs, split in zip(images, raw, strict=True):
        digest.update(inputs.contiguous().numpy().tobytes())
        digest.update(split.targets.contiguous().numpy().tobytes())
    train, validation, test = prepared
    return ZooImages(
        train,
        validation,
        test,
        bundle.out_shape[0],
        bundle.class_names,
        digest.hexdigest()[:32],
        _transformed(transform, torch.zeros_like(images[0][:1]))[0, :, 0, 0],
    )


def _splits(
    spec: ZooSpec, pipeline: Pipeline, data: Path
) -> tuple[tuple[Samples, Samples, Samples], DataBundle]:
    bundle = _bundle(pipeline, data)
    if len(bundle.out_shape) != 1:
        raise MisfitError(f"dataset {spec.dataset!r} has no classes of images")
    if bundle.validation is not None and spec.validation is None:
        return (bundle.train, bundle.validation, bundle.test), bundle
    whole = _whole(bundle, pipeline)
    count = round(_SHARE * len(whole)) if spec.validation is None else spec.validation
    if not 0 < count < len(whole):
        raise SettingsError(
            f"zoo {spec.name!r}: {count:,} of the {len(whole):,} training images of "
            f"{spec.dataset!r} cannot be held out for validation; set validation to fewer"
        )
    order = torch.randperm(len(whole), generator=torch.Generator().manual_seed(SPLIT_SEED))
    train, validation = order[: len(whole) - count], order[len(whole) - count :]
    return (take(whole, train), take(whole, validation), bundle.test), bundle


def _bundle(pipeline: Pipeline, data: Path) -> DataBundle:
    if str(pipeline.restriction):
        # This cuts the training split before a part is held out of it.
        return Bundles(data).get(pipeline)
    entry = pipeline.loader_entry
    return as_bundle(entry.load(), data, pipeline.task, entry.name)


def _whole(bundle: DataBundle, pipeline: Pipeline) -> Samples:
    """Return the training split, with what a restriction held out of it."""
    if bundle.validation is None or not str(pipeline.restriction):
        return bundle.train
    parts: Any = [bundle.train, bundle.validation]
    whole: Any = ConcatDataset(parts)
    return whole  # type: ignore[no-any-return]


def _in_memory(spec: ZooSpec, name: str, samples: Samples) -> InMemory:
    if isinstance(samples, InMemory):
        split = samples
    else:
        pairs = [samples[index] for index in range(len(samples))]
        shapes = {tuple(image.shape) for image, _ in pairs}
        if len(shapes) > 1:
            raise MisfitError(
                f"dataset {spec.dataset!r}: its images have several sizes; a zoo needs one"
            )
        targets = torch.tensor([int(target) for _, target in pairs])
        split = InMemory(torch.stack([image for image, _ in pairs]), targets)
    if split.inputs.dtype != torch.uint8 or split.inputs.ndim != 4:
        raise MisfitError(f"dataset {spec.dataset!r}: its {name} split has no images of bytes")
    return split


def _with_channels(spec: ZooSpec, images: Tensor) -> Tensor:
    channels = spec.channels or images.shape[1]
    if images.shape[1] == channels:
        return images
    if (images.shape[1], channels) != (3, 1):
        kinds = {1: "grey", 3: "colour"}
        raise MisfitError(
            f"dataset {spec.dataset!r} has {kinds.get(images.shape[1], 'other')} images; zoo "
            f"{spec.name!r} needs {kinds[channels]} ones; set channels = {images.shape[1]}"
        )
    weights = torch.tensor(_GREY).reshape(1, 3, 1, 1)
    parts = [(part * weights).sum(1, keepdim=True).round() for part in images.split(_BATCH)]
    return torch.cat(parts).to(torch.uint8)


def _transformed(transform: torch.nn.Module, images: Tensor) -> NDArray[float32]:
    with torch.no_grad():
        parts = [transform(part) for part in images.split(_BATCH)]
    prepared: NDArray[float32] = torch.cat(parts).float().contiguous().numpy()
    return prepared
