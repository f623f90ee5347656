"""Use a trained net: of a recorded trial, or of a weights' file alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemur_core import registry
from lemur_core.errors import SettingsError, WeightsError
from lemur_core.kinds.task import Style
from lemur_core.reproduction.image_predictions import ImagePrediction, image_predictions
from lemur_core.reproduction.reproduce import bundles_of, check_same_data, recorded_trial
from lemur_core.reproduction.restore import find, keeps_best, restore, usable_device
from lemur_core.reproduction.weights_file import build, read_description
from lemur_core.store.database import DEFAULT_DB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import nn

    from lemur_core.kinds.loader import DataBundle
    from lemur_core.kinds.transform import Normalisation
    from lemur_core.reproduction.restore import Restored
    from lemur_core.store.reading.stored_trial import StoredTrial
    from lemur_core.train.net_description import NetDescription
    from lemur_core.trial import Epoch

SUFFIX = ".safetensors"
"""Suffix of the files of weights."""


@dataclass(frozen=True, repr=False)
class Trained:
    """A trained net and how to use it.

    Attributes:
        net: The net, in evaluation mode, on ``device``.
        transform: Maps a batch of images, uint8, shape ``(batch, channels, height, width)``, to the
            net's inputs; on the CPU. It draws no random numbers. A transform of a task whose
            targets are positions in the image has a method ``pair`` instead.
        description: What is known of the net: names, hyperparameters, shapes, code and versions.
        device: A torch device.
        epoch: Number of the epoch whose weights the net has, from 1.
        validation: The epoch's score on the validation split, 0 to 1.
        accuracy: The epoch's score on the test split, 0 to 1.
    """

    net: Any
    transform: nn.Module
    description: NetDescription
    device: str
    epoch: int
    validation: float
    accuracy: float
    _bundle: Callable[[], DataBundle]

    def __repr__(self) -> str:
        return (
            f"Trained({self.description.pipeline!r}, trial {self.description.uid}, "
            f"epoch {self.epoch}, validation {self.validation:.4f}, test {self.accuracy:.4f}, "
            f"on {self.device})"
        )

    @property
    def class_names(self) -> tuple[str, ...]:
        """The name of each class, by index; empty if classes only have numbers."""
        return self.description.class_names

    @property
    def normalisation(self) -> Normalisation:
        """Mean and standard deviation of each channel, for values scaled to 0 to 1."""
        return self.description.normalisation

    @property
    def channels(self) -> int:
        """Number of channels of the images: 1 for grey, 3 for RGB."""
        return len(self.description.mean)

    @cached_property
    def bundle(self) -> DataBundle:
        """The data, with a validation split; read on first use.

        Raises:
            MissingDataError: The dataset is not in the folder.
            DataChangedError: The dataset in the folder differs from the one used for training.
            SettingsError: The net was loaded from a file, which holds no data.
        """
        return self._bundle()

    def predict(
        self, files: str | Path | Iterable[str | Path], *, top: int = 3, score: float = 0.5
    ) -> list[ImagePrediction]:
        """Return the predictions for image files, in their order.

        Images of any size and mode are read as `lemur_core.images.read_image` does, with the
        channels that the net expects, and transformed as for scoring.

        Args:
            files: Paths of images, or one path.
            top: Number of classes of each image in classification; the most probable ones, at
                least 1.
            score: Detections with a lower score are left out, 0 to 1.

        Raises:
            ImageError: A file is not an image, or its size does not fit the net.
            MissingDataError: A file cannot be read.
            SettingsError: The net was not trained on images, or its task defines no rows; or
                ``top`` or ``score`` is outside its range.
            MisfitError: An output cannot be placed in its image.
            NotFiniteError: An output is NaN or infinite.
        """
        paths = [files] if isinstance(files, str | Path) else files
        style = Style(self.class_names, score, top)
        return list(image_predictions(self, [Path(path) for path in paths], style))


def trained(
    name: str | Path,
    *,
    db: str | Path = DEFAULT_DB,
    data: str | Path = "data",
    device: str | None = None,
    watch: Callable[[Epoch], None] = lambda epoch: None,
    say: Callable[[str], None] = lambda line: None,
) -> Trained:
    """Return a trained net.

    The net of a trial has the weights of its best epoch by validation. It is built from the
    recorded code. If ``lemur run --keep-weights`` saved no weights, the trial is trained again, up
    to its best epoch, and its weights are saved. With kept weights, the dataset is not needed.

    A file of weights is used without a database. The code in the file is executed, with the rights
    of the user, so only use files of people whose code you would run.

    Args:
        name: The trial's id, a prefix of it, its number, ``last`` or ``best``; the name of a
            pipeline; or the path of a weights' file, which ends in ``.safetensors``. A pipeline's
            name selects its best trial by validation, among those on the data in ``data`` if there
            are any.
        db: A database URL, or the path of an SQLite file.
        data: Folder of the datasets.
        device: A torch device; None uses the device of the trial, or the CPU if that is not
            available.
        watch: Called with each epoch that is trained again.
        say: Called with lines that describe the progress.

    Raises:
        UnknownNameError: There is no such trial, or its dataset, metric or transform is not
            installed.
        SettingsError: The record of the trial is incomplete, or the device cannot be used.
        MissingDataError: There are no kept weights, and the dataset is not in the folder.
        DataChangedError: There are no kept weights, and the dataset in the folder differs from the
            one used for training.
        WeightsError: The weights are not the net's, or the file is damaged or not lemur's.
        RetrainingError: The trial was trained again and did not reach its best epoch.
    """
    if str(name).endswith(SUFFIX):
        return _of_file(Path(name).expanduser(), device)
    stored, file = find(str(name), db, Path(data))
    if keeps_best(stored, file) and (description := read_description(file)):
        say(f"trial {stored.facts['uid']} of {stored.pipeline}")
        if description.uid != stored.facts["uid"]:
            raise WeightsError(
                f"{file}: holds the weights of trial {description.uid}, not of "
                f"{stored.facts['uid']}; remove it to train the trial again"
            )
        return _built(description, file, device, lambda: _data(stored, Path(data)))
    return _of_restored(restore(stored, file, Path(data), device, watch, say))


def _of_file(file: Path, device: str | None) -> Trained:
    description = read_description(file)
    if description is None:
        raise WeightsError(
            f"{file}: does not describe its net; expected a file that lemur run --keep-weights "
            "wrote with this version; name the trial of an older file by its id"
        )

    def no_data() -> DataBundle:
        raise SettingsError(f"{file} holds no data; name the trial by its id to get its data")

    return _built(description, file, device, no_data)


def _built(
    description: NetDescription, file: Path, device: str | None, bundle: Callable[[], DataBundle]
) -> Trained:
    device = usable_device(device, description.device)
    net, transform, info = build(description, file, device)
    return Trained(net, transform, description, device, *info, bundle)


def _of_restored(restored: Restored) -> Trained:
    return Trained(
        restored.net,
        # In training it may be on the net's device.
        restored.transform.to("cpu"),
        restored.training.description,
        restored.trial.device,
        restored.epoch,
        restored.validation,
        restored.accuracy,
        lambda: restored.bundle,
    )


def _data(stored: StoredTrial, folder: Path) -> DataBundle:
    bundles = bundles_of(stored, folder)
    with recorded_trial(stored, registry.installed()) as trial:
        bundle = bundles.get(trial.pipeline)
        check_same_data(stored, bundles.record(trial.pipeline))
        return bundle
