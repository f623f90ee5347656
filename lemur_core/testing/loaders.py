"""The rules of loaders."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor

from lemur_core.errors import ContractError, MissingDataError
from lemur_core.kinds.loader import DataBundle, Samples, as_bundle
from lemur_core.testing.comparing import same
from lemur_core.testing.tasks import RegisteredTasks
from lemur_core.trial import SPLITS

if TYPE_CHECKING:
    from pathlib import Path

    from lemur_core.entry import Entry
    from lemur_core.kinds.task import Task

# The name of a task where none is registered.
_ANY = "any"
# Samples of which a batch is made.
_COLLATED = 3


class LoaderRules(RegisteredTasks):
    """A loader gives the same data each time, in the shapes that it promises."""

    def prepare_data(self, loader: Entry, folder: Path) -> None:
        """Write the files that a loader reads, small and in their real format, into ``folder``.

        Override it for loaders whose data is not embedded.
        """

    def test_loader_says_which_data_is_missing(self, loader: Entry, tmp_path: Path) -> None:
        """In an empty folder it works, its data embedded, or raises MissingDataError naming it."""
        for task in self._tasks(loader):
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
        known = self.tasks_of(loader)
        for task in self._tasks(loader):
            bundle = _bundle(loader, task, tmp_path)
            assert 0 <= bundle.chance <= 1, f"loader {loader.name!r}: chance is {bundle.chance}"
            for split in SPLITS:
                samples = getattr(bundle, split)
                assert len(samples), f"loader {loader.name!r}: {split} is empty"
                for index in {0, len(samples) - 1}:
                    _check_sample(loader, bundle, known.get(task), split, samples[index])

    def test_loader_names_files_that_are_there(self, loader: Entry, tmp_path: Path) -> None:
        """The files of a bundle exist: their content identifies the data set."""
        self.prepare_data(loader, tmp_path)
        for task in self._tasks(loader):
            missing = [file for file in _bundle(loader, task, tmp_path).files if not file.is_file()]
            assert not missing, f"loader {loader.name!r}: it names {missing[0]}, which is no file"

    def test_loader_gives_the_same_twice(self, loader: Entry, tmp_path: Path) -> None:
        """What it draws, it draws from a seed of its own, whatever the global one."""
        self.prepare_data(loader, tmp_path)
        for task in self._tasks(loader):
            torch.manual_seed(1)
            one = _bundle(loader, task, tmp_path)
            torch.manual_seed(2)
            two = _bundle(loader, task, tmp_path)
            for split in SPLITS:
                _check_same(loader, split, getattr(one, split), getattr(two, split))

    def test_loader_makes_the_same_batch_twice(self, loader: Entry, tmp_path: Path) -> None:
        """A collate of its own gives inputs and targets, draws nothing, and can be sent."""
        self.prepare_data(loader, tmp_path)
        for task in self._tasks(loader):
            bundle = _bundle(loader, task, tmp_path)
            if bundle.collate is not None:
                _check_collate(loader, bundle)

    def _tasks(self, loader: Entry) -> tuple[str, ...]:
        # One that serves any task is tried with one.
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


def _check_sample(
    loader: Entry, bundle: DataBundle, task: Task | None, split: str, sample: Any
) -> None:
    where = f"loader {loader.name!r}, {split}"
    image, target = sample
    if task is not None:
        try:
            task.check_sample(image, target, bundle.out_shape)
        except ContractError as error:
            pytest.fail(f"{where}: {error}")
    # Of images only.
    if loader.ready or not isinstance(image, Tensor) or image.dtype != torch.uint8:
        return
    if loader.size is not None:
        promised = (loader.size, loader.size)
        assert image.shape[1:] == promised, (
            f"{where}: images are {tuple(image.shape[1:])}; its entry promises {promised}"
        )
    if bundle.normalisation is not None:
        mean, std = bundle.normalisation
        assert len(mean) == len(std) == len(image), (
            f"{where}: {len(image)} channels, but normalisation of {len(mean)}"
        )
        assert all(each > 0 for each in std), f"{where}: a standard deviation is not above 0: {std}"


def _check_same(loader: Entry, split: str, one: Samples, two: Samples) -> None:
    assert len(one) == len(two), f"loader {loader.name!r}: {split} has {len(one)}, then {len(two)}"
    for index in range(0, len(one), max(1, len(one) // 100)):
        for first, second in zip(one[index], two[index], strict=True):
            assert same(first, second), (
                f"loader {loader.name!r}: {split}[{index}] differs when loaded again; "
                "seed what it draws"
            )
