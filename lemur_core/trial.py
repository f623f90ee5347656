"""What a trial is told and what it tells: plain records, without torch."""

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
"""Of a data set, validation held out."""


class State(StrEnum):
    """How a trial stands."""

    RUNNING = "running"
    FINISHED = "finished"
    CONVERGED = "converged"  # stopped, as an estimator had settled on what it would come to
    PRUNED = "pruned"
    FAILED = "failed"
    INTERRUPTED = "interrupted"  # goes on when the command is given again
    ABANDONED = "abandoned"  # its state was lost; another trial took its place
    IMPORTED = "imported"  # trained elsewhere; how it ended is not known


class TrialDecision(StrEnum):
    """What a campaign says after an epoch."""

    GO_ON = "go on"
    PRUNE = "prune"
    CONVERGE = "converge"
    INTERRUPT = "interrupt"


class Keep(StrEnum):
    """Whose weights are kept of a trial."""

    NO = "no"
    BEST = "best"  # of its best epoch by validation
    LAST = "last"  # of its last epoch
    EVERY = "every"  # of each epoch, the best once more


@dataclass(frozen=True)
class Trial:
    """One training of one pipeline with one prm and seed.

    Attributes:
        pipeline: What is trained.
        number: Its place among the trials of the pipeline, from 1.
        prm: Each hyperparameter's value, ``batch`` and ``transform`` among them.
        seed: Seeds everything random in it.
        epochs: How many are asked for.
        device: A torch device, ``cpu`` or ``cuda:0``.
        uid: Its own, whatever database it is in.
        checkpoint: Folder in which its state is kept after each epoch; None keeps none.
        weights: File in which the weights of its best epoch are kept, and beside which those of
            others are; None keeps none.
        keep: Whose weights are kept.
        initial: File of the weights that it begins with; None begins from scratch.
        done: Epochs that were trained before; its state after the last is in ``checkpoint``.
        parts: How many parts of each epoch are scored on validation.
        left_out: How many samples of each split are left out, as they cannot be decoded.
        data: The content of its data set; None if that is unknown.
        recipe: Identity of the code that trains the net beside the net's own; None if that is
            unknown.
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
    parts: int = 1
    left_out: Mapping[str, int] = field(default_factory=dict)
    data: DatasetRecord | None = None
    recipe: str | None = None

    @property
    def transform_entry(self) -> Entry:
        """The transform that ``prm`` names."""
        return self.pipeline.transforms[self.prm["transform"]]


class Size(NamedTuple):
    """How large a net is.

    Attributes:
        parameters: How many numbers it learns.
        in_shape: Of what it takes, ``(1, channels, height, width)`` say.
        out_shape: Of what it gives for one sample, ``(classes,)`` say.
    """

    parameters: int
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]


@dataclass(frozen=True)
class Epoch:
    """One epoch of a trial.

    Attributes:
        number: From 1.
        loss: Mean training loss; None where the net does not tell.
        validation: Score on the validation split, 0 to 1; what the search sees.
        accuracy: Score on the test split, 0 to 1, whatever the metric.
        duration_ns: Nanoseconds since the trial's training began, scoring included.
        scores: By the pipeline's other metrics, on validation and on test, each 0 to 1.
        within: The validation score before the epoch was done, by how much was trained by then, in
            epochs, ``((2.5, 0.81),)`` in the third; empty where it was scored at its end only.
        size: Of the net; None where it is not known.
        facts: What plugins measured in the process that trained it, by name; values JSON has.
    """

    number: int
    loss: float | None
    validation: float
    accuracy: float
    duration_ns: int
    scores: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    within: tuple[tuple[float, float], ...] = ()
    # What a net is, and not how it went.
    size: Size | None = field(default=None, compare=False)
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Prediction:
    """What an estimator settled on.

    Attributes:
        score: The validation score that the trial would come to, 0 to 1.
        epoch: How much was trained by then, in epochs.
        estimator: Its name, with the options that were given.
        facts: What else it said: an interval, the parameters of a curve.
        audited: Whether the trial was trained on all the same, to see how true it is.
    """

    score: float
    epoch: float
    estimator: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    audited: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Attributes:
        state: Its last state.
        epochs: All that were recorded.
        reason: Why it failed, in one line.
        traceback: Where it failed.
        misfit: Whether it failed because the net cannot take the data.
        out_of_memory: Whether it failed because its device had no memory left.
        corrupt: Whether it failed because a sample cannot be decoded, or its label is no class.
        prediction: What an estimator settled on; None where it did not, or there was none.
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
        """The best of its epochs, as `best_of` says; None where there are none."""
        return best_of(self.epochs) if self.epochs else None


def best_of(epochs: Sequence[Epoch]) -> Epoch:
    """Return the epoch with the best validation score, of equals the one that trained longest."""
    return max(epochs, key=lambda epoch: (epoch.validation, epoch.number))
