"""Loaders of data sets: the contract, and what they give.

A loader's target is a callable ``load(folder, task)`` that returns a `DataBundle`. ``folder`` is
the user's data folder, a `pathlib.Path`; a data set whose files are not there raises
`MissingDataError` and says which, and where to get them. The same folder gives the same bundle,
always. A sample that cannot be decoded raises `CorruptSampleError`. A target that can fetch its
files is a `Downloads`. The options that its entry declares are given by keyword, as texts, hyphens
in their names as ``_``: ``load(folder, task, min_pixels="500")``; a text that means nothing raises
`PatternError`, which says what is expected.

Images are uint8 tensors, and go through the trial's transform. All other inputs, the token ids of a
text for example, are given to nets as the loader gives them, in memory and from files alike; the
entry of such a loader has ``ready=True``, so that no transform is searched. Samples that cannot be
stacked, sentences of different lengths for example, need a `DataBundle.collate`:

.. code-block:: python

    def padded(samples):
        texts, targets = zip(*samples)
        return pad_sequence(texts, batch_first=True), torch.tensor(targets)

Results are told apart by the content of the data set, for which a bundle names its files
(`DataBundle.files`).

LEMUR's published form is accepted too: a module with ``loader(transform_fn, task)`` that returns
``(out_shape, minimum_accuracy, train_set, test_set)``, its images PIL's or tensors.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, Subset

from lemur_core.errors import ContractError, LabelError, MissingDataError, ShapeError
from lemur_core.kinds.transform import Normalisation, identity

if TYPE_CHECKING:
    from lemur_core.fetch import Progress

# The class of pixels that do not count: torch's cross-entropy leaves it out.
IGNORED = -100
VALIDATION_SHARE = 0.1
_IMAGE_DIMENSIONS = 3
# One to learn from and one to validate on.
_FEWEST = 2
# Fixed, so that validation scores of different campaigns speak of the same images.
SPLIT_SEED = 0


Collate = Callable[[list[tuple[Any, Any]]], tuple[Any, Any]]
"""Makes ``(inputs, targets)`` of a batch of samples, ``(input, target)`` each."""


class Samples(Protocol):
    """A map-style data set of ``(input, target)``; images are uint8 tensors ``(C, H, W)``.

    A target is a class index; for segmentation the class index of each pixel, a
    `torchvision.tv_tensors.Mask` of int64 and shape ``(H, W)``, `IGNORED` where none counts; for
    detection a dictionary of what is in the image, as torchvision's detectors take it. What has an
    ``iscrowd`` of 1 there is a crowd: scores leave out what is found in it, and a detector learns
    from the others only.

    One of class indices should have them as its attribute ``targets`` too, for choosing among
    samples without reading them. One whose samples are in files should have a method
    ``file(index)`` that returns a sample's file: errors name it.

    A label that is no class raises `LabelError`, where the sample is read for training or scoring:
    see `lemur_core.labels`.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> tuple[Any, Any]: ...


class Downloads(Protocol):
    """A loader that can fetch its files, for ``lemur run --download``."""

    def __call__(self, folder: Path, task: str, /) -> DataBundle:
        """Return the data set."""

    def download(self, folder: Path, progress: Progress, /) -> None:
        """Put the files where the loader finds them; `lemur_core.fetch` does most of it.

        Raises:
            FetchError: A file cannot be had.
        """


@dataclass(frozen=True)
class InMemory:
    """Samples that are held whole, so that batches are taken by index.

    Attributes:
        inputs: Images, uint8, shape ``(samples, channels, height, width)``; other inputs of any
            type and shape.
        targets: Class indices, int64, shape ``(samples,)``; of segmentation those of each pixel,
            shape ``(samples, height, width)``; other targets of any type and shape.

    Raises:
        ShapeError: There are not as many targets as inputs.
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
    """A data set, ready to train on.

    Attributes:
        train: What nets learn from.
        test: What `accuracy` in the results is measured on; no choice is ever made by it.
        out_shape: Shape of one prediction, ``(classes,)`` for classification.
        chance: Score of guessing, 0 to 1.
        normalisation: Of the training images; None where they need none, or are no images.
        validation: What the search sees; None has it held out of ``train``.
        class_names: Of each class, the background's where that is one; none where they have no
            other names than their numbers.
        files: Every file that samples and labels are read from, in any order; empty if all samples
            are in memory. The content of these files identifies the data set: trials are only
            compared with trials on the same content. If samples are neither in memory nor in files
            that are named here, only some of them are looked at, and a change of others is missed.
        scored_only: Samples of the training split that nets do not learn from, such as images
            without objects. A tenth of them joins the validation split that is held out of
            ``train``, so that it resembles a test split that has such samples too.
        collate: Makes a batch of a list of samples, images transformed; it draws nothing at
            random. None stacks them. It is sent to processes that load samples, so it is a
            function of a module rather than a lambda.

    Raises:
        ShapeError: There are not as many names as classes.
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
        """The normalisation, or one that leaves values of 0 to 1 as they are."""
        if self.normalisation is not None:
            return self.normalisation
        image = self.train[0][0]
        is_image = isinstance(image, Tensor) and image.ndim == _IMAGE_DIMENSIONS
        return identity(len(image) if is_image else 1)

    def held_out(self, dataset: str = "") -> DataBundle:
        """Return the bundle with a validation split, a seeded tenth of ``train`` if it had none.

        Args:
            dataset: Name of the data set, for the error.

        Raises:
            MissingDataError: ``train`` has a single sample, which validation would take.
        """
        if self.validation is not None:
            return self
        if len(self.train) < _FEWEST:
            found = "one sample" if len(self.train) else "no sample"
            raise MissingDataError(
                f"{f'data set {dataset!r}: ' if dataset else ''}the training split has {found}; "
                "expected 2 or more, as validation takes a tenth of them, at least one"
            )
        train, validation = _divided(self.train)
        if self.scored_only is not None:
            both: Any = [validation, _divided(self.scored_only)[1]]
            validation = ConcatDataset(both)
        return replace(self, train=train, validation=validation, scored_only=None)


def _divided(samples: Samples) -> tuple[Samples, Samples]:
    """Return what stays of some samples, and a seeded tenth that is held out, one at least."""
    order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(SPLIT_SEED))
    count = max(1, round(VALIDATION_SHARE * len(order)))
    return take(samples, order[count:]), take(samples, order[:count])


def as_bundle(
    target: Any, folder: Path, task: str, name: str, options: Mapping[str, str] | None = None
) -> DataBundle:
    """Return a loader's bundle; a validation split that it lacks is still to be held out.

    Raises:
        ContractError: The target is no loader, or gives something else than a bundle.
        MissingDataError: Its files are not in the folder.
        PatternError: An option's text means nothing.
    """
    given = {option.replace("-", "_"): text for option, text in (options or {}).items()}
    if isinstance(target, ModuleType):
        published = getattr(target, "loader", None)
        if not callable(published):
            raise ContractError(f"loader {name!r}: its module has no function loader()")
        if given:
            raise ContractError(f"loader {name!r}: of LEMUR's published form, which has no options")
        return _published(published, task)
    if not callable(target):
        raise ContractError(f"loader {name!r}: its target cannot be called with (folder, task)")
    bundle = target(folder, task, **given)
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
    # Bytes are counted as they are; a copy as int64 or float64 would take eight times the memory.
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
    """Return the share of the commonest class, 0 to 1: what guessing it always would score.

    Raises:
        LabelError: A class index is negative.
    """
    if len(targets) and (least := int(targets.min())) < 0:
        index = int(targets.argmin())
        raise LabelError(least, f"sample {index} is of class {least}; expected 0 or above")
    return torch.bincount(targets).max().item() / len(targets)


def take(samples: Samples, indices: Tensor) -> Samples:
    """Return the samples at some indices, int64, shape ``(count,)``, in their order."""
    if isinstance(samples, InMemory):
        return InMemory(samples.inputs[indices], samples.targets[indices])
    subset: Samples = Subset(samples, indices.tolist())  # type: ignore[arg-type]
    return subset


def _published(loader: Callable[..., Sequence[Any]], task: str) -> DataBundle:
    # The published form wants the finished transform; given one that only makes tensors, it hands
    # over raw images and tells its normalisation.
    told: list[Sequence[Sequence[float]]] = []

    def transform_fn(normalisation: Sequence[Sequence[float]]) -> Callable[[Any], Tensor]:
        told.append(normalisation)
        return _to_uint8

    out_shape, chance, train, test = loader(transform_fn, task)
    mean, std = told[-1] if told else ((0.0,), (1.0,))
    normalisation = Normalisation(tuple(map(float, mean)), tuple(map(float, std)))
    files = (*_files_of(train), *_files_of(test))
    return DataBundle(train, test, tuple(out_shape), float(chance), normalisation, files=files)


def _files_of(samples: Any) -> list[Path]:
    """Return the files of torchvision's ``ImageFolder``, or of a part of one; else none."""
    if isinstance(samples, Subset):
        samples = samples.dataset
    pairs = getattr(samples, "samples", None)
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) and pair for pair in pairs):
        return []
    paths = [pair[0] for pair in pairs]
    # Other data sets hold texts there.
    named = all(isinstance(path, str | Path) and os.path.isfile(path) for path in paths)
    return list(map(Path, paths)) if named else []


def _to_uint8(image: Any) -> Tensor:
    if isinstance(image, Tensor):
        return image
    array = np.array(image, dtype=np.uint8)
    return torch.from_numpy(array[None] if array.ndim == 2 else array.transpose(2, 0, 1).copy())
