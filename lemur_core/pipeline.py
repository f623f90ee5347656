"""Pipelines: combinations of task, dataset, metric and net."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lemur_core.restriction import Restriction, split

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lemur_core.entry import Entry


@dataclass(frozen=True)
class Pipeline:
    """One combination of task, dataset, metric and net, with the transforms that fit it.

    Attributes:
        task: Name of the task.
        dataset: Name of the dataset, with its restriction in brackets.
        metric: Name of the metric that the search optimises.
        net: Name of the net.
        loader_entry: Entry of the dataset's loader.
        metric_entry: Entry of the metric.
        net_entry: Entry of the net.
        transforms: Entries of the transforms to search, by name.
        also: Entries of the metrics whose scores are also recorded, by name.
        task_entry: Entry of the task; None if no plugin registers it.
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
    task_entry: Entry | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The name of the pipeline, ``task_dataset_metric_net``."""
        return f"{self.task}_{self.dataset}_{self.metric}_{self.net}"

    @property
    def restriction(self) -> Restriction:
        """The limits and loader options in the name of the dataset."""
        return split(self.dataset)[1]
