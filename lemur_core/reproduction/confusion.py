"""Count how often the net of a recorded trial takes each class for each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from lemur_core import registry
from lemur_core.errors import SettingsError, ShapeError, UnknownNameError
from lemur_core.kinds.task import task_of
from lemur_core.reproduction.restore import find, restore
from lemur_core.store.database import DEFAULT_DB
from lemur_core.train.scoring import errors_of, score
from lemur_core.train.training import precision

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from lemur_core.reproduction.restore import Restored
    from lemur_core.store.reading.stored_trial import StoredTrial
    from lemur_core.trial import Epoch

# The scores of an epoch that have these splits.
_SCORES = {"validation": "validation", "test": "accuracy"}
# Scores are float32, and devices differ in the last digits.
_TOLERANCE = 1e-6
_COUNTED = "confusion"


@dataclass(frozen=True)
class Confusion:
    """A confusion matrix, and the scores of the same predictions.

    Attributes:
        counts: Number of samples, int64, shape ``(classes, classes)``; the row is the true class,
            the column the predicted one, which has the highest output.
        class_names: The name of each class, by index; empty if classes only have numbers.
        split: ``validation`` or ``test``.
        trial: Unique id of the trial.
        pipeline: Name of the pipeline.
        epoch: Number of the epoch whose weights the net has, from 1.
        metric: Name of the pipeline's metric.
        score: Score of these predictions by the metric, 0 to 1.
        recorded: The score that was recorded for the epoch; None if there is none.
        error: Error of these predictions, 0 or more, if lower values of the metric are better.
    """

    counts: np.ndarray[Any, np.dtype[np.int64]]
    class_names: tuple[str, ...]
    split: str
    trial: str
    pipeline: str
    epoch: int
    metric: str
    score: float
    recorded: float | None
    error: float | None = None

    @property
    def accuracy(self) -> float:
        """Share of the samples whose class is predicted, 0 to 1."""
        return float(self.counts.trace() / self.counts.sum())

    @property
    def names(self) -> list[str]:
        """The name of each class, or its number if it has no name."""
        return list(self.class_names) or [str(number) for number in range(len(self.counts))]

    @property
    def is_as_recorded(self) -> bool:
        """Whether the score of these predictions is the recorded one."""
        return self.recorded is None or abs(self.score - self.recorded) <= _TOLERANCE


def confusion(
    name: str,
    *,
    split: str = "test",
    db: str | Path = DEFAULT_DB,
    data: str | Path = "data",
    device: str | None = None,
    watch: Callable[[Epoch], None] = lambda epoch: None,
    say: Callable[[str], None] = lambda line: None,
) -> Confusion:
    """Return the confusion matrix of a trial, for tasks whose samples have one class each.

    The net has the weights of its best epoch by validation, as in `lemur_core.trained`; if none
    were kept, the trial is trained again, up to that epoch. Samples are transformed and predicted
    in the batches in which the epoch was scored.

    Args:
        name: The trial's id, a prefix of it, its number, ``last`` or ``best``, or the name of a
            pipeline, which selects its best trial by validation.
        split: The samples to predict: ``validation`` or ``test``.
        db: A database URL, or the path of an SQLite file.
        data: Folder of the datasets.
        device: A torch device; None uses the device of the trial, or the CPU if that is not
            available.
        watch: Called with each epoch that is trained again.
        say: Called with lines that describe the progress.

    Raises:
        SettingsError: There is no such split, the task has no class for each sample, or the record
            of the trial is incomplete.
        UnknownNameError: There is no such trial, or its dataset, metric or transform is not
            installed.
        MissingDataError: The dataset is not in the folder.
        DataChangedError: The dataset in the folder differs from the one used for training.
        WeightsError: The weights are not the net's.
        RetrainingError: The trial was trained again and did not reach its best epoch.
        NotFiniteError: An output is NaN or infinite.
        ShapeError: The net's outputs are not one value per class, or a target is not a class.
    """
    if split not in _SCORES:
        raise SettingsError(f"split {split!r}: expected validation or test")
    stored, file = find(name, db, Path(data))
    _check_task(stored)
    return _counted(stored, restore(stored, file, Path(data), device, watch, say), split)


def _check_task(stored: StoredTrial) -> None:
    # Checked before a net is possibly trained for minutes.
    try:
        task = task_of(registry.installed().get("task", stored.facts["task"]))
    except UnknownNameError:
        # Its outputs will show.
        return
    if task is not None and not task.one_class:
        raise SettingsError(
            f"{stored.pipeline}: samples of task {stored.facts['task']!r} do not have one class "
            "each; a confusion matrix is for classification"
        )


def _counted(stored: StoredTrial, restored: Restored, split: str) -> Confusion:
    training, pipeline = restored.training, restored.trial.pipeline
    counter = _Counter(pipeline.name, restored.bundle.out_shape)
    samples = restored.bundle.test if split == "test" else restored.bundle.validation
    assert samples is not None
    metrics = {pipeline.metric: training.metrics[pipeline.metric], _COUNTED: counter}
    with precision(restored.trial.prm, training.device):
        scores = score(restored.net, training.scored(samples), metrics, split)
    epoch = next((epoch for epoch in stored.epochs if epoch.number == restored.epoch), None)
    return Confusion(
        counter.counts.numpy(),
        tuple(restored.bundle.class_names),
        split,
        stored.facts["uid"],
        stored.pipeline,
        restored.epoch,
        pipeline.metric,
        scores[pipeline.metric],
        None if epoch is None else getattr(epoch, _SCORES[split]),
        errors_of(metrics).get(pipeline.metric),
    )


class _Counter:
    """Counts pairs of true and predicted class, with the interface of a metric.

    Raises:
        ShapeError: The outputs are not one value per class and sample, or targets are no classes.
    """

    def __init__(self, pipeline: str, out_shape: tuple[int, ...]) -> None:
        self._pipeline, self._out_shape = pipeline, out_shape
        self.reset()

    def reset(self) -> None:
        classes = self._out_shape[0] if len(self._out_shape) == 1 else 0
        self.counts = torch.zeros(classes, classes, dtype=torch.int64)

    def update(self, outputs: Any, targets: Any) -> None:
        classes = len(self.counts)
        shapes = [getattr(value, "shape", None) for value in (outputs, targets)]
        is_classified = isinstance(targets, Tensor) and not targets.is_floating_point()
        if not (is_classified and shapes == [(len(targets), classes), (len(targets),)]):
            raise ShapeError(
                f"{self._pipeline}: a confusion matrix needs one class per sample, and one output "
                "for each class"
            )
        # The product with the number of classes would overflow in uint8.
        true = targets.long()
        wrong = true[(true < 0) | (true >= classes)]
        if len(wrong):
            raise ShapeError(
                f"{self._pipeline}: a target is {int(wrong[0])}; expected a class, 0 to "
                f"{classes - 1}"
            )
        pairs = (true * classes + outputs.argmax(1)).cpu()
        self.counts += torch.bincount(pairs, minlength=classes**2).reshape(classes, classes)

    def compute(self) -> float:
        return float(self.counts.trace() / self.counts.sum())
