"""Records of trials, epochs and outcomes; this module does not import torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from lemur_core.dataset import DatasetRecord
from lemur_core.entry import Entry
from lemur_core.pipeline import Pipeline

SPLITS = ("train", "validation", "test")
"""Names of the splits of a dataset; the validation split is held out of training."""
CLASS_WEIGHTS = "class_weights"
"""The hyperparameter that says how classes are weighed in the loss."""


class State(StrEnum):
    """State of a trial."""

    RUNNING = "running"
    FINISHED = "finished"
    CONVERGED = "converged"  # stopped because an estimator could predict the final score
    PRUNED = "pruned"
    FAILED = "failed"
    INTERRUPTED = "interrupted"  # resumes when the command is run again
    ABANDONED = "abandoned"  # its checkpoint was lost; another trial replaced it
    IMPORTED = "imported"  # trained elsewhere; its final state is unknown

    @property
    def words(self) -> str:
        """The state in words: an estimator also stops hopeless trials, as ``converged``."""
        return "ended early" if self is State.CONVERGED else str(self)


ENDED = (State.FINISHED, State.CONVERGED, State.PRUNED)
"""States of trials that ended well."""
UNFINISHED = (State.RUNNING, State.INTERRUPTED)
"""States of trials that have not ended."""


class TrialDecision(StrEnum):
    """Decision of a campaign about a trial after an epoch."""

    GO_ON = "go on"
    PRUNE = "prune"
    CONVERGE = "converge"
    INTERRUPT = "interrupt"


class Keep(StrEnum):
    """The epochs of a trial whose weights are kept."""

    NO = "no"
    BEST = "best"  # the best epoch by validation
    LAST = "last"  # the last epoch
    EVERY = "every"  # every epoch, and the best epoch in a second file


@dataclass(frozen=True)
class Trial:
    """One training of a pipeline with given hyperparameters and seed.

    Attributes:
        pipeline: The pipeline.
        number: Number of the trial among the trials of the pipeline, from 1.
        prm: Values of the hyperparameters by name, ``batch`` and ``transform`` included.
        seed: Seed of all random numbers in the trial.
        epochs: Number of epochs to train.
        device: A torch device, for example ``cpu`` or ``cuda:0``.
        uid: Identifier that is unique across databases, 32 hexadecimal digits.
        checkpoint: Folder in which the state is saved after each epoch; None saves no state.
        weights: File for the weights of the best epoch; the weights of other epochs are saved in
            files beside it. None keeps no weights.
        keep: The epochs whose weights are kept.
        initial: File of the initial weights; None starts from scratch.
        done: Epochs that were trained before; the state after the last of them is in
            ``checkpoint``.
        first: Number of the first epoch; above 1 if the trial continues another one.
        start: Folder of the checkpoint from which the trial starts; None unless it continues
            another one.
        keep_checkpoint: Whether the state after the last epoch is saved too, to continue from.
        parts: Number of parts into which each epoch is divided; a validation score follows each.
        left_out: Number of samples of each split that are left out because they cannot be decoded.
        data: Identity of the dataset's content; None if unknown.
        recipe: Identity of the code that trains the net and is not part of the net's recorded
            code; None if unknown.
        versions: Versions of the software that trains the net, by name.
        user: Name of the user who trains it; None if it is not recorded.
    """

    pipeline: Pipeline
    number: int
    prm: Mapping[str, Any]
    seed: int
    epochs: int
    device: str = "cpu"
    uid: str = field(default_factory=lambda: uuid4().hex)
    checkpoint: Path | None = None
    weights: Path | None = None
    keep: Keep = Keep.BEST
    initial: Path | None = None
    done: tuple[Epoch, ...] = ()
    first: int = 1
    start: Path | None = None
    keep_checkpoint: bool = False
    parts: int = 1
    left_out: Mapping[str, int] = field(default_factory=dict)
    data: DatasetRecord | None = None
    recipe: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None

    @property
    def transform_entry(self) -> Entry:
        """Entry of the transform that ``prm`` names."""
        return self.pipeline.transforms[self.prm["transform"]]

    @property
    def next_epoch(self) -> int:
        """Number of the next epoch to train."""
        return self.first + len(self.done)


class Size(NamedTuple):
    """Size of a net.

    Attributes:
        parameters: Number of parameters, frozen ones included.
        in_shape: Shape of the input, for example ``(1, channels, height, width)``.
        out_shape: Shape of the output for one sample, for example ``(classes,)``.
    """

    parameters: int
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]


@dataclass(frozen=True)
class Epoch:
    """One epoch of a trial.

    Attributes:
        number: Number of the epoch, from 1.
        loss: Mean training loss; None if the net does not report it.
        validation: Score on the validation split, 0 to 1, which the search optimises.
        accuracy: Score on the test split, 0 to 1, by any metric.
        duration_ns: Nanoseconds since training of the trial started, scoring included.
        scores: Scores on the validation and test split by the pipeline's other metrics, 0 to 1,
            by name of the metric.
        within: Validation scores within the epoch, as pairs of the epochs trained by then and the
            score, for example ``((2.5, 0.81),)`` in the third epoch; empty if the net was only
            scored at the end.
        size: Size of the net; None if unknown.
        facts: JSON values that plugins measured in the training process, by name.
        validation_loss: Mean loss on the validation split; None if the net does not report it, or
            it is not finite.
    """

    number: int
    loss: float | None
    validation: float
    accuracy: float
    duration_ns: int
    scores: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    within: tuple[tuple[float, float], ...] = ()
    # A property of the net, not a result of the epoch.
    size: Size | None = field(default=None, compare=False)
    facts: Mapping[str, Any] = field(default_factory=dict)
    validation_loss: float | None = None


@dataclass(frozen=True)
class Prediction:
    """The final score of a trial as predicted by an estimator.

    Attributes:
        score: Predicted final validation score, 0 to 1.
        epoch: Number of epochs trained at the time of the prediction; can be fractional.
        estimator: Name and options of the estimator.
        facts: Further results of the estimator, for example an interval or the parameters of a
            curve.
        audited: Whether the trial was trained to the end anyway, to measure the error of the
            prediction.
    """

    score: float
    epoch: float
    estimator: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    audited: bool = False


@dataclass(frozen=True)
class Outcome:
    """The end of a trial.

    Attributes:
        state: Final state of the trial.
        epochs: All recorded epochs.
        reason: Why the trial failed, in one line; empty if it did not fail.
        traceback: Traceback of the failure; empty if there is none.
        misfit: Whether the trial failed because the net cannot process the data.
        out_of_memory: Whether the trial failed because its device ran out of memory.
        corrupt: Whether the trial failed because a sample cannot be decoded or its label is not a
            class.
        prediction: The final score that an estimator predicted; None if there is no prediction.
    """

    state: State
    epochs: tuple[Epoch, ...]
    reason: str = ""
    traceback: str = field(default="", repr=False)
    misfit: bool = False
    out_of_memory: bool = False
    corrupt: bool = False
    prediction: Prediction | None = None

    @property
    def best(self) -> Epoch | None:
        """The best epoch according to `best_of`; None if there are no epochs."""
        return best_of(self.epochs) if self.epochs else None


def best_of(epochs: Sequence[Epoch]) -> Epoch:
    """Return the epoch with the highest validation score, and of equal scores the last."""
    return max(epochs, key=lambda epoch: (epoch.validation, epoch.number))
