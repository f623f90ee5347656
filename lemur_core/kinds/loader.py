"""The contract of loaders, and the datasets that they return.

A loader's target is a callable ``load(folder, task)`` that returns a `DataBundle`. ``folder`` is
the user's data folder, a `pathlib.Path`. If files are missing, the loader raises
`MissingDataError`, which says which files and where to get them. The same folder always gives the
same bundle. A sample that cannot be decoded raises `CorruptSampleError`. A target that can download
its files implements `Downloads`. The options that the entry declares are passed by keyword, as
strings, with ``_`` for the hyphens in their names: ``load(folder, task, min_pixels="500")``. An
invalid string raises `PatternError`, which says what is expected.

Images are uint8 tensors and pass through the trial's transform. All other inputs, for example the
token ids of a text, are given to nets unchanged, from memory as well as from files. The entry of a
loader of such inputs has ``ready=True``, and transforms are then not searched. Samples that cannot
be stacked, for example sentences of different lengths, need a `DataBundle.collate`:

.. code-block:: python

    def padded(samples):
        texts, targets = zip(*samples)
        return pad_sequence(texts, batch_first=True), torch.tensor(targets)

Results are distinguished by the content of the dataset; a bundle therefore names its files
(`DataBundle.files`).

LEMUR's published form is also accepted: a module with a function ``loader(transform_fn, task)``
that returns ``(out_shape, minimum_accuracy, train_set, test_set)``, with images of PIL or tensors.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, Subset

from lemur_core.errors import (
    ContractError,
    LabelError,
    MisfitError,
    MissingDataError,
    ShapeError,
)
from lemur_core.kinds.transform import Normalisation, identity

if TYPE_CHECKING:
    from lemur_core.fetch import Progress

# The class of ignored pixels: the default ignore_index of torch's cross-entropy.
IGNORED = -100
VALIDATION_SHARE = 0.1
_IMAGE_DIMENSIONS = 3
# One sample to train on and one to validate on.
_FEWEST = 2
# Fixed, so that validation scores of different campaigns are measured on the same images.
SPLIT_SEED = 0


Collate = Callable[[list[tuple[Any, Any]]], tuple[Any, Any]]
"""Makes a batch ``(inputs, targets)`` from a list of samples ``(input, target)``."""


class Samples(Protocol):
    """A map-style dataset of ``(input, target)``; images are uint8 tensors ``(C, H, W)``.

    For classification, a target is a class index. For segmentation, it is the class index of each
    pixel, a `torchvision.tv_tensors.Mask` of int64 and shape ``(H, W)``, with `IGNORED` for pixels
    that do not count. For detection, it is a dictionary of the objects in the image, as for
    torchvision's detectors. An object with an ``iscrowd`` of 1 is a crowd: detections within it are
    not scored, and a detector does not learn from it.

    A dataset whose targets are class indices should also have them as its attribute ``targets``,
    so that samples can be selected without being read. A dataset whose samples are files should
    have a method ``file(index)`` that returns the file of a sample, which errors then name.

    A label that is not a class raises `LabelError` when the sample is read for training or scoring;
    see `lemur_core.labels`.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> tuple[Any, Any]: ...


class Downloads(Protocol):
    """A loader that can download its files, for ``lemur run --download``."""

    def __call__(self, folder: Path, task: str, /) -> DataBundle:
        """Return the dataset."""

    def download(self, folder: Path, progress: Progress, /) -> None:
        """Download the files to where the loader finds them; `lemur_core.fetch` does most of it.

        Raises:
            FetchError: A file cannot be downloaded.
        """


class ImageSizes(Protocol):
    """Finds out how large a dataset's images are, for `lemur_core.Entry.image_sizes`.

    It is called before anything is trained, also by ``lemur run --dry-run``. It therefore imports
    no torch, and reads only the headers of some images, always the same ones.
    """

    def __call__(self, folder: Path, /, **options: str) -> Iterable[tuple[int, int]]:
        """Return the height and width in pixels of some images; nothing if there are none.

        Args:
            folder: The data folder.
            options: The loader's options, as for the loader.
        """


@dataclass(frozen=True)
class InMemory:
    """Samples in memory, from which whole batches are taken by index.

    Attributes:
        inputs: Images, uint8, shape ``(samples, channels, height, width)``; inputs other than
            images have any type and shape.
        targets: Class indices, int64, shape ``(samples,)``; for segmentation the class index of
            each pixel, shape ``(samples, height, width)``; for other tasks any type and shape.

    Raises:
        ShapeError: The numbers of inputs and targets differ.
    """

    inputs: Tensor
    targets: Tensor

    def __post_init__(self) -> None:
        if len(self.inputs) != len(self.targets):
            raise ShapeError(f"{len(self.inputs)} inputs but {len(self.targets)} targets")

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int, /) -> tuple[Tensor, Tensor]:
        return self.inputs[index], self.targets[index]


@dataclass(frozen=True)
class DataBundle:
    """A dataset with its splits.

    Attributes:
        train: The training split.
        test: The test split, on which `accuracy` in the results is measured; no choice depends on
            it.
        out_shape: The shape of one prediction, ``(classes,)`` for classification.
        chance: The score of guessing, 0 to 1.
        normalisation: The normalisation of the training images; None if they need none or the
            inputs are not images.
        validation: The validation split, which the search uses; None holds it out of ``train``.
        class_names: The name of each class, including the background if that is a class; empty if
            classes have no names.
        files: All files that samples and labels are read from, in any order; empty if all samples
            are in memory. The content of these files identifies the dataset: trials are only
            compared with trials on the same content. If samples are neither in memory nor in these
            files, only some of them are checked, and changes to the others go unnoticed.
        scored_only: Samples of the training split that nets do not learn from, such as images
            without objects. A tenth of them is added to the validation split that is held out of
            ``train``, which makes it resemble a test split with such samples.
        collate: Makes a batch from a list of samples with transformed images, without randomness.
            None stacks the samples. It is sent to other processes; it must therefore be a
            module-level function rather than a lambda.

    Raises:
        ShapeError: The number of class names differs from the number of classes.
    """

    train: Samples
    test: Samples
    out_shape: tuple[int, ...]
    chance: float
    normalisation: Normalisation | None = None
    validation: Samples | None = None
    class_names: tuple[str, ...] = ()
    files: Sequence[Path] = ()
    scored_only: Samples | None = None
    collate: Collate | None = None

    def __post_init__(self) -> None:
        if self.class_names and (len(self.class_names),) != self.out_shape:
            raise ShapeError(f"{len(self.class_names)} names of classes for {self.out_shape}")

    @property
    def scale(self) -> Normalisation:
        """The normalisation; if there is none, one that leaves values between 0 and 1 unchanged."""
        if self.normalisation is not None:
            return self.normalisation
        image = self.train[0][0]
        is_image = isinstance(image, Tensor) and image.ndim == _IMAGE_DIMENSIONS
        return identity(len(image) if is_image else 1)

    def held_out(self, dataset: str = "", share: float | None = None) -> DataBundle:
        """Return the bundle with a validation split.

        If the bundle has none, random samples of ``train`` are held out, with a fixed seed. Those
        of a smaller share are among those of a larger one.

        Args:
            dataset: The name of the dataset, for the error message.
            share: The share of ``train`` to hold out, between 0 and 1; None holds out a tenth.

        Raises:
            MissingDataError: ``train`` has fewer than two samples.
            MisfitError: A share is given, and the bundle has a validation split, or no sample would
                be left to train on.
        """
        if self.validation is not None:
            if share is not None:
                raise MisfitError(
                    f"dataset {dataset!r}: it has a validation split of its own; "
                    f"leave out validation={share:g}"
                )
            return self
        if len(self.train) < _FEWEST:
            count = "one sample" if len(self.train) else "no sample"
            raise MissingDataError(
                f"{f'dataset {dataset!r}: ' if dataset else ''}the training split has {count}; "
                "expected 2 or more, as validation takes a tenth of them, at least one"
            )
        share = VALIDATION_SHARE if share is None else share
        if round(share * len(self.train)) == len(self.train):
            raise MisfitError(
                f"dataset {dataset!r}: validation={share:g} leaves none of {len(self.train)} "
                "training samples; use a smaller share"
            )
        train, validation = _hold_out(self.train, share)
        if self.scored_only is not None:
            both: Any = [validation, _hold_out(self.scored_only, share)[1]]
            validation = ConcatDataset(both)
        return replace(self, train=train, validation=validation, scored_only=None)


def _hold_out(samples: Samples, share: float) -> tuple[Samples, Samples]:
    """Return the remaining samples and a random share, at least one sample, with a fixed seed."""
    order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(SPLIT_SEED))
    count = max(1, round(share * len(order)))
    return take(samples, order[count:]), take(samples, order[:count])


def as_bundle(
    target: Any, folder: Path, task: str, name: str, options: Mapping[str, str] | None = None
) -> DataBundle:
    """Return the bundle of a loader, without holding out a missing validation split.

    Args:
        target: The target of the loader's entry.
        folder: The data folder.
        task: The name of the task.
        name: The name of the loader, for error messages.
        options: The values of the loader's options, as strings, by name.

    Raises:
        ContractError: The target is not a loader, or does not return a bundle.
        MissingDataError: The loader's files are not in the folder.
        PatternError: The value of an option is invalid.
    """
    keywords = {option.replace("-", "_"): text for option, text in (options or {}).items()}
    if isinstance(target, ModuleType):
        published = getattr(target, "loader", None)
        if not callable(published):
            raise ContractError(f"loader {name!r}: its module has no function loader()")
        if keywords:
            raise ContractError(f"loader {name!r}: has LEMUR's published form, without options")
        return _load_published(published, task)
    if not callable(target):
        raise ContractError(f"loader {name!r}: its target cannot be called with (folder, task)")
    bundle = target(folder, task, **keywords)
    if not isinstance(bundle, DataBundle):
        raise ContractError(
            f"loader {name!r}: gives {type(bundle).__name__}; expected a DataBundle"
        )
    return bundle


def normalisation_of(images: Tensor) -> Normalisation:
    """Return the mean and standard deviation of each channel.

    Args:
        images: uint8, shape ``(samples, channels, height, width)``.
    """
    # Count the bytes in place; a copy as int64 or float64 would take eight times the memory.
    count = images[:, 0].numel()
    mean, std = [], []
    for channel in images.unbind(1):
        histogram = torch.bincount(channel.flatten(), minlength=256).double()
        values = torch.arange(256, dtype=torch.float64) / 255
        centre = (histogram @ values) / count
        mean.append(centre.item())
        std.append(((histogram @ (values - centre) ** 2) / count).sqrt().item())
    return Normalisation(tuple(mean), tuple(std))


def majority_share(targets: Tensor) -> float:
    """Return the share of the most common class, 0 to 1: the score of always predicting it.

    Raises:
        LabelError: A class index is negative.
    """
    if len(targets) and (least := int(targets.min())) < 0:
        index = int(targets.argmin())
        raise LabelError(least, f"sample {index} is of class {least}; expected 0 or above")
    return torch.bincount(targets).max().item() / len(targets)


def take(samples: Samples, indices: Tensor) -> Samples:
    """Return the samples at ``indices``, int64, shape ``(count,)``, in this order."""
    if isinstance(samples, InMemory):
        return InMemory(samples.inputs[indices], samples.targets[indices])
    subset: Samples = Subset(samples, indices.tolist())  # type: ignore[arg-type]
    return subset


def _load_published(loader: Callable[..., Sequence[Any]], task: str) -> DataBundle:
    # Loaders in the published form apply the transform themselves. With one that only makes
    # tensors, they return raw images and reveal their normalisation.
    normalisations: list[Sequence[Sequence[float]]] = []

    def transform_fn(normalisation: Sequence[Sequence[float]]) -> Callable[[Any], Tensor]:
        normalisations.append(normalisation)
        return _to_uint8

    out_shape, chance, train, test = loader(transform_fn, task)
    mean, std = normalisations[-1] if normalisations else ((0.0,), (1.0,))
    normalisation = Normalisation(tuple(map(float, mean)), tuple(map(float, std)))
    files = (*_files_of(train), *_files_of(test))
    return DataBundle(train, test, tuple(out_shape), float(chance), normalisation, files=files)


def _files_of(samples: Any) -> list[Path]:
    """Return the files of torchvision's ``ImageFolder`` or of a subset of one; else none."""
    if isinstance(samples, Subset):
        samples = samples.dataset
    pairs = getattr(samples, "samples", None)
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) and pair for pair in pairs):
        return []
    paths = [pair[0] for pair in pairs]
    # In other datasets, ``samples`` may contain text rather than paths.
    are_files = all(isinstance(path, str | Path) and os.path.isfile(path) for path in paths)
    return list(map(Path, paths)) if are_files else []


def _to_uint8(image: Any) -> Tensor:
    if isinstance(image, Tensor):
        return image
    array = np.array(image, dtype=np.uint8)
    return torch.from_numpy(array[None] if array.ndim == 2 else array.transpose(2, 0, 1).copy())
