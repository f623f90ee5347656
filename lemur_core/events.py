"""What a campaign tells those who watch it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from lemur_core.pipeline import Pipeline
    from lemur_core.space import Value
    from lemur_core.summary import Summary
    from lemur_core.trial import Epoch, Outcome, Trial


@dataclass(frozen=True)
class FileFetched:
    """Some of a file of a data set was fetched; told once for each hundredth of it."""

    file: str
    done: int  # bytes
    total: int | None  # bytes; None where they are not known


@dataclass(frozen=True)
class CampaignStarted:
    """The pipelines are known, and the data sets that are named are there."""

    pipelines: Sequence[Pipeline]
    trials: int  # over all pipelines, those included that were trained before
    epochs: int  # of each trial
    devices: Sequence[str]  # of each worker
    db: str


@dataclass(frozen=True)
class StudyStarted:
    """The search over one pipeline begins."""

    pipeline: Pipeline
    done: int  # trials that ended before, with hyperparameters that are asked for
    trials: int  # trials to train
    asked: int  # trials that `CampaignStarted` counts of it
    fixed: Mapping[str, Value]  # hyperparameters that are not searched
    others: int = 0  # trials that ended before, with hyperparameters that are not asked for


@dataclass(frozen=True)
class TrialsHeld:
    """Nothing can be begun: another campaign holds trials that are still to end."""

    trials: int
    host: str  # where the other campaign runs; empty where that is not known
    silent_s: float  # since it was last seen
    free_at: datetime | None  # when they are taken over, unless it is seen; None while it lives


@dataclass(frozen=True)
class TrialStarted:
    """A trial is about to train."""

    trial: Trial


@dataclass(frozen=True)
class EpochEnded:
    """An epoch is recorded."""

    trial: Trial
    epoch: Epoch


@dataclass(frozen=True)
class TrialFinished:
    """A trial ended, in whatever state."""

    trial: Trial
    outcome: Outcome


@dataclass(frozen=True)
class CampaignEnded:
    """A campaign that had started ended: it was done, interrupted, or an error ended it."""

    summary: Summary


@dataclass(frozen=True)
class Warned:
    """Something was left out or set aside, and the campaign goes on."""

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
)
Watch = Callable[[Event], None]
