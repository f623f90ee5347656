"""The rules of loaders."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor

from lemur_core.entry import Entry
from lemur_core.errors import ContractError, MissingDataError
from lemur_core.kinds.loader import DataBundle, Samples, as_bundle
from lemur_core.testing.comparing import same
from lemur_core.testing.tasks import RegisteredTasks
from lemur_core.trial import SPLITS

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core.kinds.task import Task

# The name of the task if none is registered.
_ANY = "any"
# The number of samples in a tested batch.
_COLLATED = 3


class LoaderRules(RegisteredTasks):
    """A loader always returns the same data, in the shapes that its entry declares."""

    def prepare_data(self, loader: Entry, folder: Path) -> None:
        """Write the files that a loader reads, small and in their real format, to ``folder``.

        Override this method for loaders whose data is not embedded.
        """

    def test_loader_says_which_data_is_missing(self, loader: Entry, tmp_path: Path) -> None:
        """With an empty folder, it works or raises a MissingDataError that names the folder."""
        for task in self._tasks(loader):
            try:
                as_bundle(loader.load(), tmp_path, task, loader.name)
            except MissingDataError as error:
                assert str(tmp_path) in str(error), (
                    f"loader {loader.name!r}: the error does not say that the files are missing "
                    f"in {tmp_path}: {error}"
                )

    def test_loader_promises_hold(self, loader: Entry, tmp_path: Path) -> None:
        """No split is empty, and images, targets, chance and normalisation are valid."""
        self.prepare_data(loader, tmp_path)
        registered = self.tasks_of(loader)
        for task in self._tasks(loader):
            bundle = _bundle(loader, task, tmp_path)
            assert 0 <= bundle.chance <= 1, f"loader {loader.name!r}: chance is {bundle.chance}"
            for split in SPLITS:
                samples = getattr(bundle, split)
                assert len(samples), f"loader {loader.name!r}: {split} is empty"
                for index in {0, len(samples) - 1}:
                    _check_sample(loader, bundle, registered.get(task), split, samples[index])

    def test_loader_names_files_that_are_there(self, loader: Entry, tmp_path: Path) -> None:
        """The files of a bundle exist, because their content identifies the dataset."""
        self.prepare_data(loader, tmp_path)
        for task in self._tasks(loader):
            missing = [file for file in _bundle(loader, task, tmp_path).files if not file.is_file()]
            assert not missing, f"loader {loader.name!r}: it names {missing[0]}, which is no file"

    def test_loader_gives_the_same_twice(self, loader: Entry, tmp_path: Path) -> None:
        """Its random numbers do not depend on the global seed."""
        self.prepare_data(loader, tmp_path)
        for task in self._tasks(loader):
            torch.manual_seed(1)
            first = _bundle(loader, task, tmp_path)
            torch.manual_seed(2)
            second = _bundle(loader, task, tmp_path)
            for split in SPLITS:
                _check_same(loader, split, getattr(first, split), getattr(second, split))

    def test_loader_knows_the_sizes_of_its_images(self, loader: Entry, tmp_path: Path) -> None:
        """If its entry names ``image_sizes``, they are those of images, and always the same."""
        if loader.image_sizes is None:
            return
        self.prepare_data(loader, tmp_path)
        sizes = [[*Entry(loader.name, loader.image_sizes).load()(tmp_path)] for _ in range(2)]
        assert sizes[0], f"loader {loader.name!r}: image_sizes gives no size"
        assert sizes[0] == sizes[1], f"loader {loader.name!r}: image_sizes gives others each time"
        assert all(height > 0 and width > 0 for height, width in sizes[0]), (
            f"loader {loader.name!r}: image_sizes gives a side of 0 px or less"
        )

    def test_loader_makes_the_same_batch_twice(self, loader: Entry, tmp_path: Path) -> None:
        """``collate`` returns inputs and targets, is deterministic, and can be pickled."""
        self.prepare_data(loader, tmp_path)
        for task in self._tasks(loader):
            bundle = _bundle(loader, task, tmp_path)
            if bundle.collate is not None:
                _check_collate(loader, bundle)

    def _tasks(self, loader: Entry) -> tuple[str, ...]:
        # A loader that serves any task is tested with one task.
        return loader.tasks or tuple(self.tasks_of(loader))[:1] or (_ANY,)


def _bundle(loader: Entry, task: str, folder: Path) -> DataBundle:
    try:
        return as_bundle(loader.load(), folder, task, loader.name).held_out()
    except MissingDataError as error:
        pytest.fail(
            f"loader {loader.name!r}: override prepare_data() to write the files it reads, "
            f"small and in their real format: {error}"
        )


def _check_collate(loader: Entry, bundle: DataBundle) -> None:
    subject = f"loader {loader.name!r}: collate"
    assert bundle.collate is not None
    samples = [bundle.train[index] for index in range(min(_COLLATED, len(bundle.train)))]
    batches = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        batch = bundle.collate(list(samples))
        is_pair = isinstance(batch, tuple | list) and len(batch) == len(("inputs", "targets"))
        assert is_pair, f"{subject} gives {type(batch).__name__}; expected (inputs, targets)"
        batches.append(batch)
    assert same(*batches), f"{subject} gives different batches for the same samples"
    try:
        pickle.dumps(bundle.collate)
    # Pickling may raise any type of error.
    except Exception as error:
        pytest.fail(
            f"{subject} cannot be sent to a process that loads samples ({error}); "
            "use a module-level function"
        )


def _check_sample(
    loader: Entry, bundle: DataBundle, task: Task | None, split: str, sample: Any
) -> None:
    subject = f"loader {loader.name!r}, {split}"
    image, target = sample
    if task is not None:
        try:
            task.check_sample(image, target, bundle.out_shape)
        except ContractError as error:
            pytest.fail(f"{subject}: {error}")
    # The remaining checks are for images only.
    if loader.ready or not isinstance(image, Tensor) or image.dtype != torch.uint8:
        return
    if loader.size is not None:
        promised = (loader.size, loader.size)
        assert image.shape[1:] == promised, (
            f"{subject}: images are {tuple(image.shape[1:])}; its entry promises {promised}"
        )
    if bundle.normalisation is not None:
        mean, std = bundle.normalisation
        assert len(mean) == len(std) == len(image), (
            f"{subject}: {len(image)} channels, but normalisation of {len(mean)}"
        )
        assert min(std) > 0, f"{subject}: a standard deviation is not above 0: {std}"


def _check_same(loader: Entry, split: str, first: Samples, second: Samples) -> None:
    assert len(first) == len(second), (
        f"loader {loader.name!r}: {split} has {len(first)}, then {len(second)}"
    )
    for index in range(0, len(first), max(1, len(first) // 100)):
        for value, again in zip(first[index], second[index], strict=True):
            assert same(value, again), (
                f"loader {loader.name!r}: {split}[{index}] differs when loaded again; "
                "use a fixed seed for random numbers"
            )
