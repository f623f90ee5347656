"""Messages that a campaign sends to a worker process."""

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
    """The data of a pipeline, sent to a worker once.

    Attributes:
        mapped: The bundle, with its samples in a file; None if the worker must build the bundle.
        corrupt: The samples to leave out when the worker builds it.
    """

    mapped: MappedData | None
    corrupt: Corrupt


@dataclass(frozen=True)
class TrialJob:
    """A trial for a worker, and its data if the worker does not have it yet.

    Attributes:
        number: Number of the job, from 1, which messages about the trial bear.
        trial: The trial to train.
        data: The trial's data; None if the worker has it.
        dropped: Keys of data that no trial needs any more.
    """

    number: int
    trial: Trial
    data: SharedData | None = None
    dropped: Sequence[Key] = ()


@dataclass(frozen=True)
class EndTrial:
    """A request to end a trial and to confirm that all its processes have ended.

    Attributes:
        number: Number of the trial's job.
    """

    number: int
