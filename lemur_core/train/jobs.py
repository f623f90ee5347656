"""What a campaign sends to a worker process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lemur_core.train.corrupt import Corrupt
    from lemur_core.train.data import Key
    from lemur_core.train.data_file import MappedData
    from lemur_core.trial import Trial


class SharedData(NamedTuple):
    """What a worker is told of a data set, once.

    Attributes:
        mapped: Where its samples are; None if the worker must build it.
        corrupt: The samples to leave out when it does.
    """

    mapped: MappedData | None
    corrupt: Corrupt


@dataclass(frozen=True)
class TrialJob:
    """A trial for a worker, and its data where the worker does not have it yet.

    Attributes:
        number: Of the job, from 1; what is said of the trial bears it.
        trial: What to train.
        data: None where the worker has it.
        dropped: Data sets that no trial needs any more.
    """

    number: int
    trial: Trial
    data: SharedData | None = None
    dropped: Sequence[Key] = ()


@dataclass(frozen=True)
class EndTrial:
    """End a trial, and say when nothing of it is left.

    Attributes:
        number: Of its job.
    """

    number: int
