"""The settings of a check: dataset, metric, hyperparameters and so on."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lemur_core import Entry, Pattern, Pipeline, Registry, compose
from lemur_core.code import code_hash
from lemur_core.errors import SettingsError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lemur_check.conditions import Conditions

_PLUGIN = "checked"


@dataclass(frozen=True)
class CheckSettings:
    """The settings of a check.

    Attributes:
        task: The task. If empty, that of the dataset, or of the demo dataset.
        dataset: Name of the dataset, optionally with a restriction. If empty, the task's demo
            dataset.
        metric: Name of the metric. If empty, the task's demo metric.
        transform: Name of the transform. None uses the first that fits.
        prm: Given hyperparameters. The others are set to the middle of their ranges.
        epochs: Number of epochs to train; 0 stops after the first batch.
        seed: Seed of all random numbers.
    """

    task: str = ""
    dataset: str = ""
    metric: str = ""
    transform: str | None = None
    prm: Mapping[str, Any] = field(default_factory=dict)
    epochs: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.epochs, int) or self.epochs < 0:
            raise SettingsError(f"epochs is {self.epochs!r}; expected 0 or more")

    def completed(self, registry: Registry) -> CheckSettings:
        """Return a copy in which empty names are replaced by entries that plugins mark as a demo.

        Raises:
            SettingsError: There is no demo entry, or the dataset serves several tasks.
            UnknownNameError: The dataset does not exist.
        """
        task = self.task or _task_of(self.dataset, registry)
        dataset = self.dataset or _demo(registry, "loader", task)
        return replace(
            self, task=task, dataset=dataset, metric=self.metric or _demo(registry, "metric", task)
        )

    def facts(self) -> dict[str, Any]:
        """Return the fields as values for JSON."""
        return asdict(self)

    def key(self, code: str, name: str | None, conditions: Conditions) -> str:
        """Return the key that identifies the check of a source under a name and conditions."""
        source = {"code": code_hash(code), "name": name}
        return _identity({**self.facts(), **source, **conditions.identity()})

    def pipeline(self, registry: Registry, name: str, file: str) -> Pipeline:
        """Return the pipeline in which a file's net is checked.

        Raises:
            LemurError: The dataset, metric or transform does not exist, or they do not fit
                together.
        """
        entry = Entry(name, file, (self.task,))
        registry_with_net = registry.with_entries(_PLUGIN, "net", [entry])
        pattern = f"{self.task}_{self.dataset}_{self.metric}_{_PLUGIN}/{name}"
        transforms = [self.transform] if self.transform else []
        return compose(registry_with_net, [Pattern.parse(pattern)], transforms)[0]


def _task_of(dataset: str, registry: Registry) -> str:
    """Return the task of a dataset; if empty, of the demo dataset with the smallest images."""
    if not dataset:
        return registry.names("loader")[_demo(registry, "loader")].tasks[0]
    try:
        tasks = registry.get("loader", dataset.partition("[")[0]).tasks
    except UnknownNameError as error:
        raise UnknownNameError("dataset", dataset, error.known) from None
    if len(tasks) != 1:
        raise SettingsError(
            f"dataset {dataset!r} serves {', '.join(tasks) or 'any task'}; name one of these tasks"
        )
    return tasks[0]


def _demo(registry: Registry, kind: str, task: str = "") -> str:
    """Return the name of a kind's demo entry, with the smallest images if there are several."""
    sizes = {
        name: entry.size or math.inf
        for name, entry in registry.names(kind).items()
        if entry.demo and entry.tasks and (not task or entry.serves(task))
    }
    if not sizes:
        word = "dataset" if kind == "loader" else kind
        suffix = f" for {task}" if task else ""
        raise SettingsError(f"no installed plugin marks a {word}{suffix} as a demo; name a {word}")
    return min(sizes, key=lambda name: sizes[name])


def _identity(facts: Mapping[str, Any]) -> str:
    """Return the first 128 bits of the SHA-256 of the facts' canonical JSON, in hexadecimal."""
    text = json.dumps(
        facts, allow_nan=False, ensure_ascii=False, separators=(",", ":"), sort_keys=True
    )
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]
