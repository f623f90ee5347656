"""Events that a campaign reports to its watchers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from lemur_core.pipeline import Pipeline
    from lemur_core.space import Value
    from lemur_core.summary import Summary
    from lemur_core.trial import Epoch, Outcome, Trial


@dataclass(frozen=True)
class FileFetched:
    """Part of a dataset's file was downloaded; reported once for each percent of the file."""

    file: str
    done: int  # bytes
    total: int | None  # bytes; None if unknown


@dataclass(frozen=True)
class CampaignStarted:
    """The pipelines are known, and the named datasets are available."""

    pipelines: Sequence[Pipeline]
    trials: int  # number over all pipelines, including those trained before
    epochs: int  # number in each trial
    devices: Sequence[str]  # device of each worker
    db: str
    seed: int = 0  # a `DrawnSeed` if it was drawn at random


@dataclass(frozen=True)
class StudyStarted:
    """The study of one pipeline starts."""

    pipeline: Pipeline
    done: int  # number of ended trials with hyperparameters that are requested
    trials: int  # number of trials to train
    planned: int  # number of trials that `CampaignStarted.trials` includes for the pipeline
    fixed: Mapping[str, Value]  # hyperparameters that are not searched
    others: int = 0  # number of ended trials with other hyperparameters
    searched: Mapping[str, str] = field(default_factory=dict)  # ranges of the other hyperparameters
    validation: int = 0  # number of samples in the validation split; 0 if unknown
    is_held_out: bool = False  # whether the validation split is held out of the training split


@dataclass(frozen=True)
class TrialsHeld:
    """No trial can start, because another campaign holds the trials that remain."""

    trials: int
    host: str  # host of the other campaign; empty if unknown
    silent_s: float  # seconds since the other campaign was last seen
    free_at: datetime | None  # when its trials are taken over; None while its process runs


@dataclass(frozen=True)
class TrialStarted:
    """A trial is about to train."""

    trial: Trial
    completes: bool = False  # whether it is trained to its end after it had ended early


@dataclass(frozen=True)
class EpochEnded:
    """An epoch was recorded."""

    trial: Trial
    epoch: Epoch


@dataclass(frozen=True)
class TrialFinished:
    """A trial ended in any state."""

    trial: Trial
    outcome: Outcome


@dataclass(frozen=True)
class CampaignEnded:
    """A started campaign ended: completed, interrupted or failed."""

    summary: Summary


@dataclass(frozen=True)
class Warned:
    """Something was left out or given up, and the campaign continues."""

    message: str


@dataclass(frozen=True)
class Noted:
    """A choice of lemur that the user may want to know; nothing is left out."""

    message: str


Event = (
    FileFetched
    | CampaignStarted
    | StudyStarted
    | TrialsHeld
    | TrialStarted
    | EpochEnded
    | TrialFinished
    | CampaignEnded
    | Warned
    | Noted
)
Watch = Callable[[Event], None]
