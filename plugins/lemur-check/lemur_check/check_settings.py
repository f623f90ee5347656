"""What nets are to be tried with."""

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
    """What nets are to be tried with.

    Attributes:
        task: What they are for; empty is that of the data set, or of the demo.
        dataset: Name of the data set, with its restriction; empty is the demo's of the task.
        metric: Name of the metric; empty is the demo's of the task.
        transform: Name of the transform; None takes the first that fits.
        prm: Hyperparameters that are given; the others are from the middle of their ranges.
        epochs: How many to train; 0 stops after the first batch.
        seed: Seeds all that is random.
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
        """Return it with the names that are empty, those of entries that plugins mark as a demo.

        Raises:
            SettingsError: There is no such entry, or the data set serves several tasks.
            UnknownNameError: There is no such data set.
        """
        task = self.task or _task_of(self.dataset, registry)
        dataset = self.dataset or _demo(registry, "loader", task)
        return replace(
            self, task=task, dataset=dataset, metric=self.metric or _demo(registry, "metric", task)
        )

    def facts(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)

    def key(self, code: str, name: str | None, conditions: Conditions) -> str:
        """Return the identity of checking a source so, under this name."""
        source = {"code": code_hash(code), "name": name}
        return _identity({**self.facts(), **source, **conditions.identity()})

    def pipeline(self, registry: Registry, name: str, file: str) -> Pipeline:
        """Return the pipeline that the net in a file is tried in.

        Raises:
            LemurError: There is no such data set, metric or transform, or they do not fit.
        """
        entry = Entry(name, file, (self.task,))
        known = registry.with_entries(_PLUGIN, "net", [entry])
        pattern = f"{self.task}_{self.dataset}_{self.metric}_{_PLUGIN}/{name}"
        transforms = [self.transform] if self.transform else []
        return compose(known, [Pattern.parse(pattern)], transforms)[0]


def _task_of(dataset: str, registry: Registry) -> str:
    """Return the task of a data set; if none is named, that of the demo with the least images."""
    if not dataset:
        return registry.names("loader")[_demo(registry, "loader")].tasks[0]
    try:
        tasks = registry.get("loader", dataset.partition("[")[0]).tasks
    except UnknownNameError as error:
        raise UnknownNameError("data set", dataset, error.known) from None
    if len(tasks) != 1:
        raise SettingsError(
            f"data set {dataset!r} serves {', '.join(tasks) or 'any task'}; name one task of them"
        )
    return tasks[0]


def _demo(registry: Registry, kind: str, task: str = "") -> str:
    """Return the name of the demo entry of a kind, of several the one of the least images."""
    found = {
        name: entry.size or math.inf
        for name, entry in registry.names(kind).items()
        if entry.demo and entry.tasks and (not task or entry.serves(task))
    }
    if not found:
        word = "data set" if kind == "loader" else kind
        end = f" for {task}" if task else ""
        raise SettingsError(f"no installed plugin marks a {word}{end} as a demo; name a {word}")
    return min(found, key=lambda name: found[name])


def _identity(facts: Mapping[str, Any]) -> str:
    """Return 128 bits of the SHA-256 of facts' canonical JSON, hexadecimal."""
    text = json.dumps(
        facts, allow_nan=False, ensure_ascii=False, separators=(",", ":"), sort_keys=True
    )
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]
