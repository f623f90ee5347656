"""A pipeline: one combination of task, data set, metric and net."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lemur_core.restriction import Restriction, split

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lemur_core.entry import Entry


@dataclass(frozen=True)
class Pipeline:
    """One combination of task, data set, metric and net, and the transforms that fit it.

    The search goes by ``metric``; ``also`` are metrics whose scores are recorded beside it.
    """

    task: str
    dataset: str
    metric: str
    net: str
    loader_entry: Entry = field(repr=False)
    metric_entry: Entry = field(repr=False)
    net_entry: Entry = field(repr=False)
    transforms: Mapping[str, Entry] = field(repr=False, hash=False)
    also: Mapping[str, Entry] = field(default_factory=dict, repr=False, hash=False)
    # None where no plugin registers the task.
    task_entry: Entry | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The pipeline's name, ``task_dataset_metric_net``."""
        return f"{self.task}_{self.dataset}_{self.metric}_{self.net}"

    @property
    def restriction(self) -> Restriction:
        """What its data set is cut down to, and the options of its loader."""
        return split(self.dataset)[1]
