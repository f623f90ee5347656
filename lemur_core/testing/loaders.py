"""The rules of loaders."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from lemur_core.entry import Entry
from lemur_core.errors import MissingDataError
from lemur_core.kinds.loader import IGNORED, DataBundle, Samples, as_bundle
from lemur_core.testing.objects import check_target, same
from lemur_core.trial import SPLITS

# Samples of which a batch is made.
_COLLATED = 3


class LoaderRules:
    """A loader gives the same data each time, in the shapes that it promises."""

    def prepare_data(self, loader: Entry, folder: Path) -> None:
        """Write the files that a loader reads, small and in their real format, into ``folder``.

        Override it for loaders whose data is not embedded.
        """

    def test_loader_says_which_data_is_missing(self, loader: Entry, tmp_path: Path) -> None:
        """In an empty folder it works, its data embedded, or raises MissingDataError naming it."""
        for task in _tasks(loader):
            try:
                as_bundle(loader.load(), tmp_path, task, loader.name)
            except MissingDataError as error:
                assert str(tmp_path) in str(error), (
                    f"loader {loader.name!r}: the error does not say that the files are missing "
                    f"in {tmp_path}: {error}"
                )

    def test_loader_promises_hold(self, loader: Entry, tmp_path: Path) -> None:
        """No split is empty; images, targets, chance and normalisation are what they should be."""
        self.prepare_data(loader, tmp_path)
        for task in _tasks(loader):
            bundle = _bundle(loader, task, tmp_path)
            assert 0 <= bundle.chance <= 1, f"loader {loader.name!r}: chance is {bundle.chance}"
            for split in SPLITS:
                samples = getattr(bundle, split)
                assert len(samples), f"loader {loader.name!r}: {split} is empty"
                for index in {0, len(samples) - 1}:
                    _check_sample(loader, bundle, task, split, samples[index])

    def test_loader_names_files_that_are_there(self, loader: Entry, tmp_path: Path) -> None:
        """The files of a bundle exist: their content identifies the data set."""
        self.prepare_data(loader, tmp_path)
        for task in _tasks(loader):
            missing = [file for file in _bundle(loader, task, tmp_path).files if not file.is_file()]
            assert not missing, f"loader {loader.name!r}: it names {missing[0]}, which is no file"

    def test_loader_gives_the_same_twice(self, loader: Entry, tmp_path: Path) -> None:
        """What it draws, it draws from a seed of its own, whatever the global one."""
        self.prepare_data(loader, tmp_path)
        for task in _tasks(loader):
            torch.manual_seed(1)
            one = _bundle(loader, task, tmp_path)
            torch.manual_seed(2)
            two = _bundle(loader, task, tmp_path)
            for split in SPLITS:
                _check_same(loader, split, getattr(one, split), getattr(two, split))

    def test_loader_makes_the_same_batch_twice(self, loader: Entry, tmp_path: Path) -> None:
        """A collate of its own gives inputs and targets, draws nothing, and can be sent."""
        self.prepare_data(loader, tmp_path)
        for task in _tasks(loader):
            bundle = _bundle(loader, task, tmp_path)
            if bundle.collate is not None:
                _check_collate(loader, bundle)


def _tasks(loader: Entry) -> tuple[str, ...]:
    # One that serves any task is tried with this one.
    return loader.tasks or ("img-classification",)


def _bundle(loader: Entry, task: str, folder: Path) -> DataBundle:
    try:
        return as_bundle(loader.load(), folder, task, loader.name).held_out()
    except MissingDataError as error:
        pytest.fail(
            f"loader {loader.name!r}: override prepare_data() to write the files it reads, "
            f"small and in their real format: {error}"
        )


def _check_collate(loader: Entry, bundle: DataBundle) -> None:
    where = f"loader {loader.name!r}: collate"
    assert bundle.collate is not None
    samples = [bundle.train[index] for index in range(min(_COLLATED, len(bundle.train)))]
    made = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        batch = bundle.collate(list(samples))
        is_pair = isinstance(batch, tuple | list) and len(batch) == len(("inputs", "targets"))
        assert is_pair, f"{where} gives {type(batch).__name__}; expected (inputs, targets)"
        made.append(batch)
    assert same(*made), f"{where} gives something else for the same samples; draw nothing in it"
    try:
        pickle.dumps(bundle.collate)
    # Whatever a thing raises that cannot be pickled.
    except Exception as error:
        pytest.fail(
            f"{where} cannot be sent to a process that loads samples ({error}); "
            "name a function of a module"
        )


def _check_sample(loader: Entry, bundle: DataBundle, task: str, split: str, sample: Any) -> None:
    if not task.startswith(("img-", "obj-")):
        return
    where = f"loader {loader.name!r}, {split}"
    image, target = sample
    assert image.dtype == torch.uint8, f"{where}: images are {image.dtype}; expected uint8"
    assert image.ndim == 3, f"{where}: images are {tuple(image.shape)}; expected (C, H, W)"
    if loader.size is not None:
        promised = (loader.size, loader.size)
        assert image.shape[1:] == promised, (
            f"{where}: images are {tuple(image.shape[1:])}; its entry promises {promised}"
        )
    mean, std = bundle.scale
    assert len(mean) == len(std) == len(image), (
        f"{where}: {len(image)} channels, but normalisation of {len(mean)}"
    )
    assert all(each > 0 for each in std), f"{where}: a standard deviation is not above 0: {std}"
    if task == "img-classification":
        assert 0 <= int(target) < bundle.out_shape[0], (
            f"{where}: target {int(target)}; expected 0 to {bundle.out_shape[0] - 1}"
        )
    if task == "img-segmentation":
        _check_mask(where, image, target, bundle.out_shape[0])
    if task == "obj-detection":
        check_target(where, target, image, bundle.out_shape[0])


def _check_mask(where: str, image: Tensor, mask: Tensor, classes: int) -> None:
    assert mask.dtype == torch.int64, f"{where}: masks are {mask.dtype}; expected int64"
    assert mask.shape == image.shape[1:], (
        f"{where}: a mask of {tuple(mask.shape)} for an image of {tuple(image.shape[1:])}"
    )
    counted = mask[mask != IGNORED]
    assert ((counted >= 0) & (counted < classes)).all(), (
        f"{where}: a mask of classes {mask.unique().tolist()}; "
        f"expected 0 to {classes - 1}, or {IGNORED}"
    )


def _check_same(loader: Entry, split: str, one: Samples, two: Samples) -> None:
    assert len(one) == len(two), f"loader {loader.name!r}: {split} has {len(one)}, then {len(two)}"
    for index in range(0, len(one), max(1, len(one) // 100)):
        for first, second in zip(one[index], two[index], strict=True):
            assert same(first, second), (
                f"loader {loader.name!r}: {split}[{index}] differs when loaded again; "
                "seed what it draws"
            )
