"""Describe a dataset for ``lemur show loader NAME --data DIR``: classes, splits and images."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import Subset

from lemur_core.cli.table import text_table
from lemur_core.errors import CorruptSampleError
from lemur_core.kinds.loader import DataBundle, InMemory, Samples, as_bundle
from lemur_core.train.folds import with_validation_split
from lemur_core.train.restrict import restrict, targets_of
from lemur_core.trial import SPLITS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lemur_core.entry import Entry
    from lemur_core.restriction import Restriction

_MOST_IMAGES = 64


def loader_lines(entry: Entry, name: str, restriction: Restriction, data: Path) -> Iterator[str]:
    """Yield lines that describe the dataset of a loader, for each of its tasks.

    Args:
        entry: The loader.
        name: The dataset's name with the restriction in brackets.
        restriction: The parsed restriction.
        data: The data folder.

    Raises:
        MissingDataError: Files of the dataset are missing.
        PatternError: The dataset has fewer classes or samples than the restriction asks for.
    """
    for task in entry.tasks or ("",):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            options = dict(restriction.options)
            whole = as_bundle(entry.load(), data, task, entry.name, options)
        bundle = with_validation_split(restrict(whole, restriction, name), restriction, name)
        yield ""
        yield f"{'data':<12}{data}, {task or 'any task'}"
        yield f"{'images':<12}{_images(bundle.train)}"
        if whole.validation is None:
            share = restriction.validation
            part = "a tenth" if share is None else f"{share:.4g}"
            if restriction.folds is not None:
                part = f"fold {restriction.fold} of {restriction.folds}"
            yield f"{'validation':<12}{part} of the training split"
        yield from dict.fromkeys(f"{'note':<12}{warning.message}" for warning in caught)
        yield from _classes(bundle)


def _classes(bundle: DataBundle) -> Iterator[str]:
    """Yield a table of the classes with the number of samples of each in every split."""
    splits = {split: getattr(bundle, split) for split in SPLITS}
    counts = {split: _counts(samples, bundle.out_shape) for split, samples in splits.items()}
    # Classes without names are listed by number.
    classes = bundle.out_shape[0] if len(bundle.out_shape) == 1 else 0
    names = bundle.class_names or [""] * classes
    rows = [
        [str(number), name, *(_at(counts[split], number) for split in SPLITS)]
        for number, name in enumerate(names)
    ]
    rows.append(["all", "", *(str(len(splits[split])) for split in SPLITS)])
    yield ""
    yield from text_table(["class", "name", *SPLITS], rows).split("\n")


def _counts(samples: Samples, out_shape: tuple[int, ...]) -> list[int] | None:
    """Return the number of samples of each class; None if they would have to be read to count."""
    targets = targets_of(samples) if _knows_targets(samples) else None
    if targets is None or len(out_shape) != 1:
        return None
    counts: list[int] = torch.bincount(targets, minlength=out_shape[0]).tolist()
    return counts


def _knows_targets(samples: Any) -> bool:
    if isinstance(samples, Subset):
        return _knows_targets(samples.dataset)
    return isinstance(samples, InMemory) or hasattr(samples, "targets")


def _at(counts: list[int] | None, number: int) -> str:
    return "-" if counts is None else str(counts[number])


def _images(samples: Samples) -> str:
    """Return the channels, heights and widths of evenly spaced training images, as text."""
    step = max(1, math.ceil(len(samples) / _MOST_IMAGES))
    shapes = set()
    inspected = range(0, len(samples), step)
    for index in inspected:
        try:
            inputs = samples[index][0]
        except CorruptSampleError as error:
            return str(error)
        if not isinstance(inputs, Tensor) or inputs.ndim != 3:
            return "none, its inputs are not images"
        shapes.add(tuple(inputs.shape))
    channels, heights, widths = map(sorted, map(set, zip(*shapes, strict=True)))
    height, width = map(_range, (heights, widths))
    count = "1 channel" if channels == [1] else f"{_range(channels)} channels"
    sample = f" (of {len(inspected)} images)" if len(inspected) < len(samples) else ""
    return f"{count}, {height} px high, {width} px wide{sample}"


def _range(numbers: list[int]) -> str:
    low, high = numbers[0], numbers[-1]
    return str(low) if low == high else f"{low} to {high}"
