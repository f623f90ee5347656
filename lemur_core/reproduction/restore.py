"""Restore the net of a recorded trial with its trained weights."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from lemur_core import registry
from lemur_core.errors import (
    MissingDataError,
    RetrainingError,
    SettingsError,
    UnknownNameError,
)
from lemur_core.reproduction.reproduce import (
    bundles_of,
    check_same_data,
    recorded_trial,
    train_to_end,
    versions_now,
)
from lemur_core.store.database import folder_beside, open_engine
from lemur_core.store.datasets import on_data
from lemur_core.store.patience import patiently
from lemur_core.store.reading.standings import best_trial
from lemur_core.store.reading.stored_trial import StoredTrial, read_stored_trial
from lemur_core.train import saved_weights
from lemur_core.train.devices import check_device
from lemur_core.train.training import Training
from lemur_core.trial import Epoch, State, Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection, Engine
    from torch import nn

    from lemur_core.kinds.loader import DataBundle
    from lemur_core.train.data import Bundles


@dataclass(frozen=True)
class Restored:
    """A net with the weights of its trial's best epoch by validation.

    Attributes:
        trial: The trial, as it was recorded.
        net: The net, in evaluation mode, on the trial's device.
        transform: Maps a batch of the dataset's images, uint8, shape ``(batch, channels, height,
            width)``, to the net's inputs; draws no random numbers.
        bundle: The data, with a validation split.
        epoch: Number of the best epoch, from 1.
        validation: The epoch's score on the validation split, 0 to 1.
        accuracy: The epoch's score on the test split, 0 to 1.
        training: Builds the batches in which the net is scored.
    """

    trial: Trial
    net: Any
    transform: nn.Module
    bundle: DataBundle
    epoch: int
    validation: float
    accuracy: float
    training: Training


def restore(
    stored: StoredTrial,
    file: Path,
    folder: Path,
    device: str | None = None,
    watch: Callable[[Epoch], None] = lambda epoch: None,
    say: Callable[[str], None] = lambda line: None,
) -> Restored:
    """Return the trained net of a recorded trial with its data.

    Args:
        stored: The trial that `find` returned.
        file: File for its weights that `find` returned; if it lacks them, the trial is trained
            again up to its best epoch, and its weights are saved.
        folder: Folder of the datasets.
        device: A torch device; None uses the trial's, or the CPU if that is not available.
        watch: Called with each epoch that is trained again.
        say: Called with lines that describe the progress.

    Raises:
        UnknownNameError: The trial's dataset, metric or transform is not installed.
        SettingsError: The record of the trial is incomplete, or the device cannot be used.
        MissingDataError: The dataset is not in the folder.
        DataChangedError: The dataset in the folder differs from the one used for training.
        WeightsError: The saved weights are not the net's.
        RetrainingError: The trial was trained again and did not reach its best epoch.
    """
    say(f"trial {stored.facts['uid']} of {stored.pipeline}")
    bundles = bundles_of(stored, folder)
    device = usable_device(device, stored.facts["device"])
    with recorded_trial(stored, registry.installed(), device) as trial:
        bundle = bundles.get(trial.pipeline)
        check_same_data(stored, bundles.record(trial.pipeline))
        with _weights(stored, trial, bundles, file, watch, say) as weights:
            return load(trial, bundle, weights)


def load(trial: Trial, bundle: DataBundle, weights: Path) -> Restored:
    """Build the net of a trial and load the weights in a file.

    Args:
        trial: The trial.
        bundle: The trial's data, with a validation split.
        weights: A file that `lemur_core.train.saved_weights` wrote.

    Raises:
        MisfitError: The net cannot process the data.
        WeightsError: The weights cannot be read, or are not the net's.
    """
    training = Training(trial, bundle, is_trained=True)
    info = saved_weights.load(weights, training.net, trial.device)
    training.net.eval()
    return Restored(
        trial, training.net, training.transform.eval(), bundle, *info, training=training
    )


def usable_device(device: str | None, recorded: str) -> str:
    """Return a device, or by default the recorded one, or the CPU if that is not available."""
    if device is not None:
        check_device(device)
        return device
    try:
        check_device(recorded)
    except SettingsError:
        return "cpu"
    return recorded


def find(name: str, db: str | Path, folder: Path) -> tuple[StoredTrial, Path]:
    """Return a trial, and the file for its weights, which may not exist.

    Args:
        name: The trial's id or a prefix of it, or the name of a pipeline, which selects its best
            trial by validation, among those on the data in ``folder`` if there are any.
        db: A database URL, or the path of an SQLite file.
        folder: Folder of the datasets.

    Raises:
        UnknownNameError: There is no such trial.
    """
    # Only names of pipelines contain "_".
    is_pipeline = "_" in name

    def read(connection: Connection) -> StoredTrial:
        return read_stored_trial(connection, best_trial(connection, name) if is_pipeline else name)

    with open_engine(db) as engine:
        stored = patiently(engine, read)
        if is_pipeline:
            stored = _best_on_data(engine, stored, folder)
        return stored, folder_beside(engine, "weights") / f"{stored.facts['uid']}.safetensors"


def _best_on_data(engine: Engine, best: StoredTrial, folder: Path) -> StoredTrial:
    """Return the best trial of a pipeline on the data in a folder, or on any data if none is."""
    try:
        with recorded_trial(best, registry.installed()) as trial:
            only = on_data(trial.pipeline, bundles_of(best, folder).record(trial.pipeline))
    # Kept weights can be used where the data is missing.
    except MissingDataError:
        return best

    def read(connection: Connection) -> StoredTrial:
        return read_stored_trial(connection, best_trial(connection, best.pipeline, only))

    # If there is none, `check_same_data` reports how the data differ.
    with suppress(UnknownNameError):
        return patiently(engine, read)
    return best


def keeps_best(stored: StoredTrial, file: Path) -> bool:
    """Return whether a file exists and holds the weights of a trial's best epoch.

    Raises:
        WeightsError: The file cannot be read.
    """
    return file.is_file() and _is_best(saved_weights.epoch_of(file), stored)


def _is_best(info: saved_weights.WeightsInfo, stored: StoredTrial) -> bool:
    # A worker that lost its trial to another one may have replaced the best weights by those of an
    # earlier epoch.
    recorded_best = stored.best.validation if stored.best else None
    return recorded_best is None or info.validation >= recorded_best


@contextmanager
def _weights(
    stored: StoredTrial,
    trial: Trial,
    bundles: Bundles,
    file: Path,
    watch: Callable[[Epoch], None],
    say: Callable[[str], None],
) -> Iterator[Path]:
    """Yield the file of a trial's best weights, after training them if the file lacks them."""
    info = saved_weights.epoch_of(file) if file.is_file() else None
    if info and _is_best(info, stored):
        yield file
        return
    if stored.best is None:
        raise SettingsError(f"trial {stored.facts['uid']} has no epoch; expected a trained one")
    best = stored.best.number
    reason = f"{file} is of epoch {info.epoch}" if info else f"there is no {file}"
    say(f"{reason}: training it again, to epoch {best}, its best")
    # If training is interrupted, no incomplete weights are left behind.
    with TemporaryDirectory(prefix="lemur-trained-") as folder:
        written = Path(folder) / file.name
        again = replace(
            trial,
            epochs=best,
            weights=written,
            data=stored.data,
            versions=versions_now(stored, registry.installed()),
        )
        outcome = train_to_end(again, bundles, watch)
        if outcome.state is not State.FINISHED:
            raise RetrainingError(trial.uid, outcome.state, outcome.reason)
        # If they cannot be saved, for example in another user's folder, they can still be used.
        with suppress(OSError):
            saved_weights.copy(written, file)
            say(f"saved its weights in {file}")
        yield written
