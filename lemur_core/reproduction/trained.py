"""The net of a recorded trial with the weights that it came to."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from lemur_core import registry
from lemur_core.errors import RetrainingError, SettingsError, UnknownNameError
from lemur_core.reproduction.reproduce import bundles_of, check_same_data, recorded, train_to_end
from lemur_core.store.database import DEFAULT_DB, beside, opened
from lemur_core.store.datasets import on_data
from lemur_core.store.patience import patiently
from lemur_core.store.reading.standings import best_trial
from lemur_core.store.reading.stored_trial import StoredTrial, read_stored_trial
from lemur_core.train import kept_weights
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
class Trained:
    """A net with the weights of its trial's best epoch by validation.

    Attributes:
        trial: The trial, as it was recorded.
        net: The net, in evaluation mode, on the trial's device.
        transform: Turns a batch of the data set's images, uint8, shape ``(batch, channels, height,
            width)``, into the net's inputs; draws nothing at random.
        bundle: The data, the validation split held out.
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


def trained(
    name: str,
    *,
    db: str | Path = DEFAULT_DB,
    data: str | Path = "data",
    device: str | None = None,
    watch: Callable[[Epoch], None] = lambda epoch: None,
    say: Callable[[str], None] = lambda line: None,
) -> Trained:
    """Return the net of a recorded trial with the weights of its best epoch by validation.

    The net is built from the code that was recorded. Where ``lemur run --keep-weights`` kept no
    weights, the trial is trained again, up to its best epoch, and its weights are kept.

    Args:
        name: The trial's id or the beginning of it, or the name of a pipeline, which stands for
            its best trial by validation, on the data in ``data`` if there is one.
        db: A database URL, or the path of an SQLite file.
        data: Folder of the data sets.
        device: A torch device; None is the trial's, or the CPU where that is not available.
        watch: Called with each epoch that is trained again.
        say: Called with a line about what is done.

    Raises:
        UnknownNameError: There is no such trial, or its data set, metric or transform is not
            installed.
        SettingsError: Too little of the trial is known, or the device cannot be used.
        MissingDataError: The data set is not in the folder.
        DataChangedError: The data set in the folder is not the one it was trained on.
        WeightsError: The weights that were kept are not the net's.
        RetrainingError: The trial was trained again and did not come to its best epoch.
    """
    return restore(*find(name, db, Path(data)), Path(data), device, watch, say)


def restore(
    told: StoredTrial,
    file: Path,
    folder: Path,
    device: str | None = None,
    watch: Callable[[Epoch], None] = lambda epoch: None,
    say: Callable[[str], None] = lambda line: None,
) -> Trained:
    """Return what `trained` does of a trial that `find` found."""
    say(f"trial {told.facts['uid']} of {told.pipeline}")
    bundles = bundles_of(told, folder)
    with recorded(told, registry.installed(), _device(told, device)) as trial:
        bundle = bundles.get(trial.pipeline)
        check_same_data(told, bundles.record(trial.pipeline))
        with _weights(told, trial, bundles, file, watch, say) as weights:
            return load(trial, bundle, weights)


def load(trial: Trial, bundle: DataBundle, weights: Path) -> Trained:
    """Build the net of a trial and give it the weights in a file.

    Args:
        trial: The trial.
        bundle: Its data, the validation split held out.
        weights: A file that `lemur_core.train.kept_weights` wrote.

    Raises:
        MisfitError: The net cannot take the data.
        WeightsError: The weights cannot be read, or are not the net's.
    """
    training = Training(trial, bundle)
    found = kept_weights.load(weights, training.net, trial.device)
    return Trained(
        trial, training.net.eval(), training.transform.eval(), bundle, *found, training=training
    )


def _device(told: StoredTrial, asked: str | None) -> str:
    """Return the device that is asked for; else the trial's, or the CPU where that is not here."""
    if asked is not None:
        check_device(asked)
        return asked
    recorded_device: str = told.facts["device"]
    try:
        check_device(recorded_device)
    except SettingsError:
        return "cpu"
    return recorded_device


def find(name: str, db: str | Path, folder: Path) -> tuple[StoredTrial, Path]:
    """Return a trial, and the file where its weights are, if they are kept.

    The arguments are those of `trained`.
    """
    # Only names of pipelines hold it.
    is_pipeline = "_" in name

    def found(connection: Connection) -> StoredTrial:
        return read_stored_trial(connection, best_trial(connection, name) if is_pipeline else name)

    with opened(db) as engine:
        told = patiently(engine, found)
        if is_pipeline:
            told = _best_on_data(engine, told, folder)
        return told, beside(engine, "weights") / f"{told.facts['uid']}.safetensors"


def _best_on_data(engine: Engine, best: StoredTrial, folder: Path) -> StoredTrial:
    """Return the best trial of a pipeline on the data in a folder, or else the best of all."""
    with recorded(best, registry.installed()) as trial:
        only = on_data(trial.pipeline, bundles_of(best, folder).record(trial.pipeline))

    def found(connection: Connection) -> StoredTrial:
        return read_stored_trial(connection, best_trial(connection, best.pipeline, only))

    # Where there is none, `check_same_data` says how the data differ from the best of all.
    with suppress(UnknownNameError):
        return patiently(engine, found)
    return best


@contextmanager
def _weights(
    told: StoredTrial,
    trial: Trial,
    bundles: Bundles,
    file: Path,
    watch: Callable[[Epoch], None],
    say: Callable[[str], None],
) -> Iterator[Path]:
    """Give the file of a trial's best weights; they are trained first where it does not have them.

    A worker that was stopped while another took its trial over may have written weights of an
    earlier epoch over those of the best.
    """
    found = kept_weights.epoch_of(file) if file.is_file() else None
    recorded_best = told.best.validation if told.best else None
    if found and (recorded_best is None or found.validation >= recorded_best):
        yield file
        return
    if told.best is None:
        raise SettingsError(f"trial {told.facts['uid']} has no epoch; expected a trained one")
    best = told.best.number
    why = f"{file} is of epoch {found.epoch}" if found else f"there is no {file}"
    say(f"{why}: training it again, to epoch {best}, its best")
    # Where training is ended early, weights of no meaning are left nowhere.
    with TemporaryDirectory(prefix="lemur-trained-") as folder:
        written = Path(folder) / file.name
        outcome = train_to_end(replace(trial, epochs=best, weights=written), bundles, watch)
        if outcome.state is not State.FINISHED:
            raise RetrainingError(trial.uid, outcome.state, outcome.reason)
        # Where they cannot be kept, in another's folder say, they can still be used.
        with suppress(OSError):
            kept_weights.copy(written, file)
            say(f"kept its weights in {file}")
        yield written
